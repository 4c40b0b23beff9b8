import torch

from gaia_ssl.utils.weights import describe, differences

OWN = dict(a=torch.zeros(2, 3), b=torch.zeros(1), c=torch.zeros(()))


def test_the_same_keys_and_shapes():
    assert differences(OWN, {key: value + 1 for key, value in OWN.items()}) == {}


def test_kinds_of_differences():
    given = dict(b=torch.zeros(2), c=torch.zeros(()), e='text', d=torch.zeros(1))
    found = differences(OWN, given)
    assert found == dict(missing=['a'], unexpected=['d', 'e'], misshaped=['b'])
    text = '1 missing (first: a), 2 unexpected (first: d), 1 misshaped (first: b)'
    assert describe(found) == text
