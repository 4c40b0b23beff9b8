"""The parts of the pictures."""

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle
from mmengine.structures import InstanceData

from gaia_ssl.visualization.figure import grid
from gaia_ssl.visualization.predictions import (
    Instance,
    class_colors,
    draw_instances,
    instances,
    paint_labels,
    visible,
)


def test_labels_are_painted_in_their_colours_and_unknown_ones_black():
    colors = np.array([[1.0, 0, 0], [0, 0, 1.0]])
    painted = paint_labels(np.array([[0, 1], [255, 1]]), colors)
    assert painted.tolist() == [[[1, 0, 0], [0, 0, 1]], [[0, 0, 0], [0, 0, 1]]]


def test_specks_and_unlabeled_pixels_are_not_in_the_legend():
    labels = np.full((20, 20), 255)
    labels[:10] = 2
    labels[10, :3], labels[11, :4] = 0, 1
    assert visible(labels, 3) == [1, 2]


def test_colours_come_from_a_palette_that_fits():
    assert class_colors(dict(classes='ab', palette=[[255, 0, 0], [0, 51, 0]])).tolist() == [
        [1, 0, 0],
        [0, 0.2, 0],
    ]
    made = class_colors(dict(classes='abc', palette=[[255, 0, 0]]))
    assert made.shape == (3, 3) and len(set(map(tuple, made))) == 3


def test_only_confident_instances_are_kept():
    found = InstanceData(
        labels=torch.tensor([2, 0]),
        scores=torch.tensor([0.4, 0.9]),
        bboxes=torch.tensor([[0.0, 0, 1, 1], [1, 1, 3, 3]]),
        masks=torch.zeros(2, 4, 4, dtype=torch.bool),
    )
    (item,) = instances(found)
    assert (item.label, item.box) == (0, [1, 1, 3, 3]) and item.score == pytest.approx(0.9)


def test_all_of_the_truth_is_kept():
    from mmdet.structures.mask import BitmapMasks

    truth = InstanceData(
        labels=torch.tensor([1]),
        bboxes=torch.tensor([[0.0, 0, 2, 2]]),
        masks=BitmapMasks(np.eye(4, dtype=np.uint8)[None], 4, 4),
    )
    (item,) = instances(truth)
    assert item.score is None and item.mask.dtype == bool and item.mask.sum() == 4


def test_no_instances_at_all():
    empty = InstanceData(
        labels=torch.zeros(0, dtype=torch.long),
        scores=torch.zeros(0),
        bboxes=torch.zeros(0, 4),
        masks=torch.zeros(0, 4, 4, dtype=torch.bool),
    )
    assert instances(empty) == []


def test_an_instance_is_a_box_a_tint_and_a_name(tmp_path):
    figure, ((axes, _),) = grid(('found',), 2)
    mask = np.zeros((8, 8), bool)
    mask[2:5, 2:5] = True
    found = [Instance(1, (2, 2, 5, 5), mask, 0.75), Instance(0, (0, 0, 1, 1), mask & False)]
    colors = np.array([[1.0, 0, 0], [0, 0, 1.0]])
    image = np.zeros((8, 8, 3))
    draw_instances(axes, image, found, ('cat', 'dog'), colors)
    boxes = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [box.get_bbox().bounds for box in boxes] == [(2, 2, 3, 3), (0, 0, 1, 1)]
    assert [text.get_text() for text in axes.texts] == ['dog 0.75', 'cat']
    shown = axes.images[0].get_array()
    assert np.allclose(shown[3, 3], [0, 0, 0.5]) and not shown[~mask].any()
    assert not image.any()
    figure.savefig(tmp_path / 'figure.png')
