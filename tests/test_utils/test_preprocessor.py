from mmengine.config import Config

from gaia_ssl.utils.preprocessor import preprocessor_options


def test_the_models_own_comes_first_and_has_a_type():
    config = Config(dict(model=dict(data_preprocessor=dict(mean=[1])), data_preprocessor=dict(b=2)))
    assert preprocessor_options(config) == dict(type='mmpretrain.SelfSupDataPreprocessor', mean=[1])
    config = Config(dict(model=dict(), data_preprocessor=dict(type='Other', b=2)))
    assert preprocessor_options(config) == dict(type='Other', b=2)
    assert list(preprocessor_options(Config(dict(model=dict())))) == ['type']
