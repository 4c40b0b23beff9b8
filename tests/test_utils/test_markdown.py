from gaia_ssl.utils.markdown import short_arch, table


def test_a_table_has_a_head_and_one_line_per_row():
    lines = table(['', 'a', 'b'], [['x', '1', '2'], ['y', '', '3']]).splitlines()
    assert lines == ['|  | a | b |', '| --- | --- | --- |', '| x | 1 | 2 |', '| y |  | 3 |']


def test_an_arch_in_short():
    assert short_arch(dict(stem_width=12, width=[16, 32], depth=[2, 1])) == '12 / 16-32 / 2-1'
