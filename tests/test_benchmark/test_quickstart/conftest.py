import pytest


@pytest.fixture(scope='session')
def extracted(tmp_path_factory):
    """The folder of a subnet of the quickstart's supernet, calibrated on 8 images."""
    import cv2
    import numpy as np
    import torch

    from gaia_ssl.benchmark.quickstart.plan import SUPERNET
    from gaia_ssl.export import Choice, extract
    from gaia_ssl.models.backbones import DynamicResNet
    from gaia_ssl.utils.cli import load_config

    folder = tmp_path_factory.mktemp('extracted')
    torch.manual_seed(0)
    supernet = DynamicResNet('tiny10to22')
    supernet.init_weights()
    weights = {f'backbone.{key}': value for key, value in supernet.state_dict().items()}
    torch.save(dict(state_dict=weights), folder / 'supernet.pth')
    (folder / 'images').mkdir()
    for k in range(8):
        image = np.random.default_rng(k).integers(0, 256, (64, 64, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / 'images' / f'{k}.png'), image)
    subnet, images = folder / 'subnet', str(folder / 'images')
    config = load_config(str(SUPERNET))
    choice = Choice('MIN', input_size=64)
    extract(config, str(folder / 'supernet.pth'), choice, str(subnet), images)
    return subnet
