import pytest
import torch.nn as nn
from mmengine.registry import DefaultScope
from mmpretrain.models import ImageClassifier

from gaia_ssl.engine.parts import try_parts
from gaia_ssl.models.backbones import SubnetResNet
from gaia_ssl.space import get_space
from gaia_ssl.utils import UserError

ARCH = get_space('tiny10to22').min
WIDTH = 4 * ARCH['width'][-1]


def classifier(in_channels):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return ImageClassifier(
            backbone=dict(type='gaia_ssl.SubnetResNet', arch=ARCH),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='LinearClsHead', num_classes=2, in_channels=in_channels),
        )


def test_parts_that_fit_leave_the_model_as_it_is():
    model = classifier(WIDTH)
    model.train()
    model.backbone.bn1.eval()
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    try_parts(model)
    assert [module.training for module in model.modules()] == modes
    assert all(value.equal(state[name]) for name, value in model.state_dict().items())


def test_a_head_that_does_not_fit():
    with pytest.raises(UserError, match=rf'^model.head: does not fit .* {WIDTH} channels'):
        try_parts(classifier(WIDTH + 1))


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch):
    names = {}
    file = SubnetResNet.forward.__code__.co_filename
    exec(compile('def forward(self, inputs): return [1] + 2', file, 'exec'), names)
    monkeypatch.setattr(SubnetResNet, 'forward', names['forward'])
    with pytest.raises(TypeError):
        try_parts(classifier(WIDTH))


def test_other_models_are_not_tried():
    try_parts(nn.Linear(2, 2))
