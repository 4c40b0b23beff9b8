import torch
import torch.nn as nn
import torch.nn.functional as F

from gaia_ssl.models.teachers import FrozenEncoder
from gaia_ssl.space import get_space

RESNET = dict(type='mmpretrain.ResNet', depth=18, stem_channels=4, base_channels=4)


def test_maps_are_matched_from_the_last_and_resized(pretrained, teach):
    teacher = teach(**pretrained(**RESNET, out_indices=(2, 3)), input_size=128)
    space = get_space('tiny10to22')
    encoder = FrozenEncoder(teacher, nn.Linear(32, 5), space)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        embedding, maps = encoder(images, [0, 2, 3])
    own = teacher(images)
    assert embedding.shape == (2, 5)
    sizes = [shape.size for shape in space.family.output_shapes(space.max, (64, 64))]
    for stage, source in ((0, own.maps[0]), (2, own.maps[0]), (3, own.maps[1])):
        assert maps[stage].shape[2:] == sizes[stage]
        if source.shape[2] == 2 * sizes[stage][0]:
            expected = F.interpolate(source, sizes[stage], mode='bilinear', antialias=True)
            torch.testing.assert_close(maps[stage], expected)
        if source.shape[2:] == sizes[stage]:
            assert torch.equal(maps[stage], source)
