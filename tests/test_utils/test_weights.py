import logging
from types import SimpleNamespace

import pytest
import torch
import torch.nn as nn
from mmengine.logging import MMLogger
from mmengine.model import BaseModule

from gaia_ssl.utils import UserError
from gaia_ssl.utils.weights import (
    check_weights,
    describe,
    init_quietly,
    key_differences,
    load_into,
    read_weights,
    weights_digest,
)

OWN = dict(a=torch.zeros(2, 3), b=torch.zeros(1), c=torch.zeros(()))


def test_the_same_keys_and_shapes():
    assert key_differences(OWN, {key: value + 1 for key, value in OWN.items()}) == {}


def test_kinds_of_differences():
    given = dict(b=torch.zeros(2), c=torch.zeros(()), e='text', d=torch.zeros(1))
    assert key_differences(OWN, dict(OWN, c='text')) == dict(misshaped=['c'])
    found = key_differences(OWN, given)
    assert found == dict(missing=['a'], unexpected=['d', 'e'], misshaped=['b'])
    text = '1 missing (first: a), 2 unexpected (first: d), 1 misshaped (first: b)'
    assert describe(found) == text
    with pytest.raises(UserError, match=r'^x differs: 1 missing .*misshaped .* of 3 weights; fix$'):
        check_weights(OWN, given, 'x differs', 'fix')
    check_weights(OWN, OWN, 'x differs', 'fix')


@pytest.fixture
def save(tmp_path):
    def save(content):
        torch.save(content, tmp_path / 'a.pth')
        return str(tmp_path / 'a.pth')

    return save


@pytest.mark.parametrize('wrap', [dict, lambda weights: dict(state_dict=weights, meta={})])
def test_reads_weights_with_and_without_a_checkpoint_around_them(save, wrap):
    path = save(wrap({'net.a': torch.ones(2), 'net.b': torch.ones(1), 'head.a': torch.ones(3)}))
    assert list(read_weights(path)) == ['net.a', 'net.b', 'head.a']
    assert {key: len(value) for key, value in read_weights(path, 'net.').items()} == dict(a=2, b=1)
    with pytest.raises(UserError, match=r'a\.pth has no neck\.\* weights'):
        read_weights(path, 'neck.')


@pytest.mark.parametrize('content', [3, [], {}, dict(state_dict=None), dict(state_dict={})])
def test_files_without_weights(save, content):
    with pytest.raises(UserError, match='a.pth has no weights'):
        read_weights(save(content))


def test_loads_all_or_nothing(save):
    source, net = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    nn.init.uniform_(source.weight)
    weights = {f'x.{key}': value for key, value in source.state_dict().items()}
    before = weights_digest(net)
    with pytest.raises(UserError, match='a.pth is of another model .* 1 missing .first: bias.'):
        load_into(net, save({k: v for k, v in weights.items() if k != 'x.bias'}), 'x.')
    with pytest.raises(UserError, match='a.pth is foreign: 5 missing .*; go away'):
        load_into(net, save(weights), mismatch='is foreign', fix='go away')
    with pytest.raises(UserError, match='a.pth has weights that are not finite .first: x.weight'):
        load_into(net, save({**weights, 'x.weight': torch.full((3,), torch.inf)}), 'x.')
    assert weights_digest(net) == before != weights_digest(source)
    load_into(net, save(weights), 'x.')
    assert weights_digest(net) == weights_digest(source)


@pytest.mark.parametrize('content', [dict(state_dict={}, meta={}), {}, None])
def test_a_checkpoint_without_weights(save, content):
    with pytest.raises(UserError, match='a.pth has no weights'):
        read_weights(save(content))


@pytest.mark.parametrize('to_file', [False, True])
def test_initialises_without_a_log(monkeypatch, tmp_path, to_file):
    """To a file MMEngine writes it past the handler."""
    logger, records = MMLogger.get_current_instance(), []
    handler = logging.FileHandler(tmp_path / 'a.log') if to_file else logging.Handler()
    written = handler.stream if to_file else SimpleNamespace()
    monkeypatch.setattr(handler, 'emit', records.append)
    monkeypatch.setattr(written, 'write', records.append, raising=False)
    monkeypatch.setattr(logger, 'handlers', [handler])
    logger.setLevel(logging.INFO)

    def init(initialise):
        net = BaseModule(dict(type='Constant', layer='Linear', val=3.0))
        net.layer = nn.Linear(2, 2)
        initialise(net)
        assert (net.layer.weight == 3).all()
        return len(records)

    assert init(init_quietly) == 0
    assert init(BaseModule.init_weights) > 0  # the log is on again
