"""Teachers from torchvision."""

from typing import Any

import torch.nn as nn
from torch import Tensor
from torchvision.models import get_model
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from gaia_ssl.registry import MODELS
from gaia_ssl.utils import UserError

from .network import Features, TeacherNetwork
from .normalisation import IMAGENET
from .weights import load_weights, read_plain

POOLING = ('avgpool', 'adaptive_avg_pool2d', 'mean')
"""Names of the node that averages the last map over its positions."""


@MODELS.register_module()
class TorchvisionTeacher(TeacherNetwork):
    """A classifier of torchvision without its last layers.

    The embedding is the output of the average pooling, and the map its input; of a vision
    transformer they are the encoder's tokens.

    Args:
        name: torchvision's name, such as ``'resnet50'``.
        init_cfg: MMEngine's ``dict(type='Pretrained', checkpoint=FILE)``; a checkpoint of the
            whole classifier.
        weights: torchvision's name of weights to fetch instead of ``init_cfg``, such as
            ``'DEFAULT'``.
        embedding: Node of the embedding. Defaults to the average pooling.
        map: Node of the map. Defaults to the one before it.
        pool: See ``TeacherNetwork``.
        options: Further arguments of the network.

    Raises:
        UserError: If the weights are missing or do not fit, or the nodes are not found.
    """

    normalisation = IMAGENET

    def __init__(
        self,
        name: str,
        init_cfg: dict | None = None,
        weights: str | None = None,
        embedding: str | None = None,
        map: str | None = None,
        pool: str = 'cls',
        **options: Any,
    ) -> None:
        super().__init__(pool)
        checkpoint = None if weights else read_plain(init_cfg)
        model = get_model(name, weights=weights, **options)
        if checkpoint:
            load_weights(model, checkpoint)
            self.told = checkpoint.normalisation
            self.normalisation = self.told or IMAGENET
        self.input_size = getattr(model, 'image_size', None)
        self.nodes = dict(_nodes(model), **_given(embedding=embedding, map=map))
        names = {node: node for node in self.nodes.values()}
        self.model = create_feature_extractor(model.eval(), names)

    def forward(self, images: Tensor) -> Features:
        """The features of the nodes."""
        outputs = self.model(images)
        embedding = outputs[self.nodes['embedding']]
        if embedding.dim() == 3:
            return self.from_tokens(embedding, 1)
        # (N, D, 1, 1) -> (N, D)
        return Features(embedding.flatten(1), (outputs[self.nodes['map']],))


def _given(**nodes: str | None) -> dict[str, str]:
    return {kind: node for kind, node in nodes.items() if node is not None}


def _nodes(model: nn.Module) -> dict[str, str]:
    """Find the nodes of embedding and map.

    Raises:
        UserError: If the network has no average pooling and no encoder.
    """
    _, nodes = get_graph_node_names(model)
    pooling = [index for index, node in enumerate(nodes) if node in POOLING]
    if pooling:
        return dict(embedding=nodes[pooling[-1]], map=nodes[pooling[-1] - 1])
    if 'encoder.ln' in nodes:
        return dict(embedding='encoder.ln', map='encoder.ln')
    raise UserError(
        f'model.teacher: {type(model).__name__} has no average pooling; give the nodes embedding '
        f'and map, among {", ".join(nodes[-8:])}'
    )
