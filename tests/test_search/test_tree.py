from gaia_ssl.search.tree import Tap, build_tree, steps_and_taps
from gaia_ssl.space import get_space

SPACE = get_space('tiny10to22')


def test_steps_end_with_the_last_wanted_stage():
    path = SPACE.path(SPACE.max)
    got = list(steps_and_taps(path, (1,)))
    assert got == [*path.stem, *path.stages[0], *path.stages[1], Tap(1)]
    got = list(steps_and_taps(path, (0, 3)))
    assert got[-1] == Tap(3)
    assert got[1 + len(path.stages[0])] == Tap(0)


def test_shared_steps_are_one_node_and_equal_steps_have_one_key():
    low, high = SPACE.min, SPACE.max
    archs = [low, dict(low, depth=[1, 2, 1, 1]), dict(low, width=[8, 16, 32, 128])]
    archs += [dict(archs[1], width=archs[2]['width'])]
    root = build_tree(SPACE.family, [SPACE.path(arch) for arch in (*archs, high)], (3,), (64, 64))
    assert len(root.children) == 2

    def nodes(node):
        yield node
        for child in node.children.values():
            yield from nodes(child)

    by_step = {}
    for node in nodes(next(iter(root.children.values()))):
        by_step.setdefault(node.key.step, []).append(node)
    named = {
        name: [found for step, found in by_step.items() if getattr(step, 'name', '') == name]
        for name in ('layer2.0', 'layer3.0')
    }
    assert [len(found) for found in named['layer2.0']] == [1]
    # the third stage is entered after one block of the second and after two
    assert [len(found) for found in named['layer3.0']] == [2]
    assert len({node.key for node in named['layer3.0'][0]}) == 1
    candidates = [c for found in by_step.values() for node in found for c in node.candidates]
    assert sorted(candidates) == [0, 1, 2, 3]
