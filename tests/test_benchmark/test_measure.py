import torch

from gaia_ssl.benchmark import iterations
from gaia_ssl.benchmark.measure import measure_rounds, peak_rise
from gaia_ssl.space import get_space

SPACE = get_space('tiny10to22')


def test_peak_is_the_highest_total_of_live_bytes():
    def allocate():
        first = torch.empty(1 << 20, dtype=torch.uint8)
        second = torch.empty(2 << 20, dtype=torch.uint8)
        del first
        third = torch.empty(1 << 19, dtype=torch.uint8)
        return second, third

    assert peak_rise(allocate, torch.device('cpu')) == 3 << 20


def test_peak_of_a_backward_pass_holds_the_gradients(supernet, data):
    wrapper = iterations.build_optim_wrapper(supernet)
    device = torch.device('cpu')

    def iterate(archs):
        return lambda: iterations.train_supernet(supernet, archs, data, wrapper)

    trained = sum(4 * p.numel() for p in supernet.parameters() if p.requires_grad)
    peaks = {}
    for name, archs in dict(max=[SPACE.max], both=[SPACE.min, SPACE.max]).items():
        iterate(archs)()
        peaks[name] = peak_rise(iterate(archs), device)
    assert trained < peaks['max'] <= peaks['both'] < 2 * peaks['max']


def test_rounds_take_turns():
    calls = []
    runs = {name: lambda draw, name=name: calls.append((name, draw)) for name in 'abc'}
    times = measure_rounds(runs, 2, 1, 3, torch.device('cpu'))
    order = [name for name, _ in calls]
    assert order == list('abcabc' + 'abc' + 'bca' + 'cab')
    assert [draw for _, draw in calls] == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert {name: len(rounds) for name, rounds in times.items()} == dict(a=3, b=3, c=3)
