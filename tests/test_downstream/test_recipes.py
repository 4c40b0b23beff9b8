"""Parts of model configs, sized by a subnet."""

import pytest

from gaia_ssl.downstream import (
    SYNC_BN,
    Subnet,
    c4_detector,
    classifier,
    dilated_segmentor,
    fpn_detector,
    multi_scale_pipeline,
)
from gaia_ssl.downstream.subnet import Normalisation
from gaia_ssl.space import get_space

AR = get_space('ar50to101')
NORMALISATION = Normalisation(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], to_rgb=True)


@pytest.fixture
def subnet():
    return Subnet('SubnetResNet', AR.anchors['R50'], AR.family, NORMALISATION)


def test_an_fpn_has_a_level_more_than_the_pyramid(subnet):
    parts = fpn_detector(subnet)
    assert parts['neck'] == dict(in_channels=[256, 512, 1024, 2048], num_outs=5, norm_cfg=SYNC_BN)
    assert parts['backbone'] == subnet.backbone()
    assert parts['data_preprocessor'] == dict(mean=[1, 2, 3], std=[4, 5, 6], bgr_to_rgb=True)


def test_a_c4_detector_shares_the_last_stage(subnet):
    parts = c4_detector(subnet)
    assert parts['rpn_head']['in_channels'] == 1024
    assert parts['rpn_head']['anchor_generator']['strides'] == [16]
    extractor = parts['roi_head']['bbox_roi_extractor']
    assert (extractor['out_channels'], extractor['featmap_strides']) == (1024, [16])
    # pooled to 14x14, which the last stage halves
    assert extractor['roi_layer']['output_size'] == 14
    assert parts['roi_head']['bbox_head']['in_channels'] == 2048


@pytest.mark.parametrize(
    ('stride', 'dilations'), [(8, (1, 1, 2, 4)), (16, (1, 1, 1, 2)), (32, None)]
)
def test_a_segmentor_dilates_from_its_output_stride_on(subnet, stride, dilations):
    parts = dilated_segmentor(subnet, stride)
    assert parts['backbone'].get('dilations') == dilations
    assert parts['decode_head'] == dict(in_channels=2048, in_index=-1)
    assert parts['auxiliary_head'] == dict(in_channels=1024, in_index=-2)
    assert parts['pretrained'] is None


def test_a_frozen_classifier_trains_its_head_alone(subnet):
    preprocessor, model = classifier(subnet)
    assert preprocessor == dict(mean=[1, 2, 3], std=[4, 5, 6], to_rgb=True)
    assert model['head'] == dict(in_channels=2048)
    assert model['backbone']['frozen_stages'] == -1 and model['backbone']['norm_cfg'] == SYNC_BN
    frozen = classifier(subnet, frozen=True)[1]['backbone']
    assert (frozen['frozen_stages'], frozen['norm_cfg']) == (4, dict(type='BN'))


def test_scales_go_from_the_shortest_edge_to_800():
    pipeline = multi_scale_pipeline(shortest=736, with_bbox=True)
    assert pipeline[1] == dict(type='LoadAnnotations', with_bbox=True)
    assert pipeline[2]['scales'] == [(1333, 736), (1333, 768), (1333, 800)]
