import pytest
from mmpretrain.models.selfsup import BYOL, SimSiam, SwAV

from gaia_ssl.models.selfsup import (
    DynamicBYOL,
    DynamicReSSL,
    DynamicSwAV,
    SupernetSelfSupervisor,
)
from gaia_ssl.models.selfsup.lift import lifted
from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError


def test_a_method_without_a_file_trains_on_the_base(ssl):
    model = ssl.build('SimSiam')
    assert isinstance(model, SupernetSelfSupervisor) and isinstance(model, SimSiam)
    assert type(model).__name__ == 'DynamicSimSiam'
    assert lifted(SimSiam) is type(model)
    log = model.train_step(ssl.batch(0), ssl.wrap(model))
    assert set(log) == {'loss', 'loss_min', 'loss_subnet1', 'loss_max'}


def test_a_method_with_state_has_its_own_class(ssl):
    assert lifted(BYOL) is DynamicBYOL
    assert type(ssl.build('BYOL')) is DynamicBYOL
    assert type(ssl.build('ReSSL')) is DynamicReSSL


@pytest.mark.parametrize('name', ['mmpretrain.NoSuchMethod', 'mmpretrain.ResNet'])
def test_what_is_no_method_is_refused(name):
    with pytest.raises(
        UserError, match=f"model.algorithm: '{name}' is not a self-supervised method"
    ):
        MODELS.build(dict(type='gaia_ssl.LiftedSupernet', algorithm=name))


def test_a_static_backbone_is_refused(ssl):
    with pytest.raises(UserError, match='model.backbone.type: ResNet is not a supernet'):
        ssl.build('SimSiam', backbone=dict(type='mmpretrain.ResNet', depth=18))


def test_without_a_name_it_says_so():
    with pytest.raises(UserError, match='model.algorithm: None is not a self-supervised method'):
        MODELS.build(dict(type='gaia_ssl.LiftedSupernet'))


def test_a_users_class_does_not_take_the_place_of_the_method():
    class Mine(SupernetSelfSupervisor, SwAV):
        """Somebody's own."""

    assert lifted.__wrapped__(SwAV) is DynamicSwAV
    assert lifted(Mine) is Mine
