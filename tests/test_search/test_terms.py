import pytest

from gaia_ssl.search.terms import build_terms, check_images, check_maps, describe
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError


@pytest.mark.parametrize('task, name', [('global', 'global_cosine'), ('dense', 'dense_mse')])
def test_defaults(task, name):
    [term] = build_terms(task, None, None, 4)
    assert (term.name, term.stages, term.weight) == (name, (3,), 1)
    assert term.to_dict() == dict(type=name, weight=1.0, stages=[3])


def test_several_of_both_tasks():
    weights = dict(relation=1, dense_kl=0.5)
    terms = build_terms('global', weights, (3, 1), 4, dict(grid=7))
    assert [term.stages for term in terms] == [(3,), (1, 3)]
    assert terms[1].score.grid == 7 and 'grid' not in terms[0].to_dict()
    assert terms[1].to_dict() == dict(type='dense_kl', grid=7, weight=0.5, stages=[1, 3])
    # each takes the options that it has
    terms = build_terms('global', weights, None, 4, dict(grid=7, temperature=0.5))
    assert [term.options for term in terms] == [
        dict(temperature=0.5),
        dict(grid=7, temperature=0.5),
    ]
    assert describe(terms, 'global') == 'relation + 0.5 dense_kl'
    assert describe(terms[1:], 'dense') == '0.5 kl'


@pytest.mark.parametrize(
    'args, message',
    [
        (('local', None, None, 4), "task: 'local' is not one of global, dense"),
        (('global', 'kl', None, 4), "distance: 'kl' is unknown for task global"),
        (('dense', dict(mse=0), None, 4), 'distance: all weights are 0; give one above 0'),
        (('dense', dict(mse=-1), None, 4), 'distance: mse has weight -1; weights are 0 or more'),
        (('dense', dict(mse=float('nan')), None, 4), 'distance: mse has weight nan'),
        (('dense', None, (4,), 4), r'stages: \[4\] are not among 0 to 3'),
        (('dense', None, (), 4), r'stages: \[\] are not among 0 to 3'),
        (('global', None, (3,), 4), 'stages: only dense distances compare stages'),
        (('dense', None, None, 4, dict(size=3)), 'size: mse takes no such option'),
        (('global', None, None, 4, dict(grid=3)), 'grid: cosine takes no such option'),
    ],
)
def test_mistakes(args, message):
    with pytest.raises(UserError, match=message):
        build_terms(*args)


def test_too_few_images():
    check_images(build_terms('global', None, None, 4), 1, 1)
    terms = build_terms('global', dict(relation=1, alpha=1), None, 4)
    check_images(terms, 3, 2)
    with pytest.raises(UserError, match='global_relation needs groups of 2 images or more'):
        check_images(terms, 3, 1)
    with pytest.raises(UserError, match='global_alpha needs 3 images or more, and there are 2'):
        check_images(terms, 2, 2)
    terms = build_terms('global', 'neighbours', None, 4, dict(neighbours=4))
    with pytest.raises(UserError, match='global_neighbours needs 5 images or more'):
        check_images(terms, 4, 4)


def test_maps_of_one_position():
    space = get_space('tiny10to22')
    terms = build_terms('dense', None, (1, 3), 4)
    check_maps(terms, space, (64, 64))
    with pytest.raises(UserError, match='the maps of stage 3 are 1x1 at 32 px'):
        check_maps(terms, space, (32, 32))
    check_maps(build_terms('global', None, None, 4), space, (32, 32))
