"""Where the weights of a network are in a checkpoint."""

import pytest
import torch

from gaia_ssl.export.pretrained.checkpoint import read_state_dict, strip_prefix
from gaia_ssl.utils import UserError

ONE, TWO = torch.ones(1), torch.full((1,), 2.0)


@pytest.mark.parametrize(
    'content',
    [
        {'w': TWO},
        dict(state_dict={'w': TWO}, meta=dict(epoch=3), ema_state_dict={'w': ONE}),  # MMEngine
        dict(model={'w': TWO}, optimizer={}),  # torchvision's scripts
        dict(model={'w': ONE}, model_ema={'w': TWO, 'n_averaged': 3}),
        dict(state_dict={'w': ONE}, state_dict_ema={'w': TWO}, arch='resnet50'),  # timm's
    ],
)
def test_the_weights_that_a_project_evaluates(saved, content):
    weights, meta = read_state_dict(saved(content))
    assert weights.keys() == {'w'} and weights['w'].item() == 2
    assert meta == content.get('meta', {})


@pytest.mark.parametrize('content', [[1, 2], dict(state_dict={}), dict(epoch=1)])
def test_no_weights(saved, content):
    with pytest.raises(UserError, match='checkpoint: .*weights.pth holds no weights'):
        read_state_dict(saved(content))


def test_a_file_that_is_not_a_checkpoint(tmp_path):
    (tmp_path / 'weights.pth').write_text('no weights')
    with pytest.raises(UserError, match='checkpoint: .*weights.pth cannot be read'):
        read_state_dict(str(tmp_path / 'weights.pth'))


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.', 'module.backbone.'])
def test_prefixes(prefix):
    weights = {f'{prefix}a.w': ONE, f'{prefix}b': TWO, 'head.w': ONE}
    for given in (None, prefix):
        marker, found = strip_prefix(weights, ['c.w', 'a.w'], given, 'x.pth')
        assert marker == 'a.w' and {'a.w', 'b'} <= found.keys()
        assert prefix == '' or 'head.w' not in found


def test_the_shortest_prefix_and_a_named_one():
    weights = {'encoder_q.a.w': ONE, 'encoder_k.module.a.w': TWO}
    assert strip_prefix(weights, ['a.w'], None, 'x.pth')[1] == {'a.w': ONE}
    for prefix in ('encoder_k.module', 'encoder_k.module.'):
        assert strip_prefix(weights, ['a.w'], prefix, 'x.pth')[1] == {'a.w': TWO}


def test_several_networks_and_none():
    weights = {'student.a.w': ONE, 'teacher.a.w': TWO}
    with pytest.raises(UserError, match=r'prefix: x.pth holds several .* \(student., teacher.\)'):
        strip_prefix(weights, ['a.w'], None, 'x.pth')
    with pytest.raises(UserError, match="x.pth holds no ResNet, .* under 'other.': none of a.w;"):
        strip_prefix(weights, ['a.w'], 'other', 'x.pth')
    with pytest.raises(UserError, match='x.pth holds no ResNet, ResNeXt or MobileNetV2: none of'):
        strip_prefix({'extra.w': ONE}, ['a.w'], None, 'x.pth')
