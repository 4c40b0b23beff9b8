"""One training iteration by each procedure to be timed: ours, the released code's, static nets."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmpretrain.models.selfsup import MoCo
from mmpretrain.models.utils import batch_shuffle_ddp, batch_unshuffle_ddp
from mmpretrain.structures import DataSample
from torch import Tensor

from gaia_ssl.models.selfsup import DynamicMoCo
from gaia_ssl.registry import MODELS, OPTIM_WRAPPERS
from gaia_ssl.space import Arch, SearchSpace
from gaia_ssl.utils.paths import CONFIGS

CONFIG = CONFIGS / 'mocov2/mocov2_ar50to101_8xb32-coslr-200e_in1k.py'
AMP_DTYPES = dict(fp16='float16', bf16='bfloat16')


def build_supernet(
    space: SearchSpace,
    batch_size: int,
    channels_last: bool = False,
) -> DynamicMoCo:
    """The paper's MoCo v2 on a space, in training mode.

    Args:
        space: The search space.
        batch_size: Images of an iteration; the queue is cut to a multiple of it.
        channels_last: Keep convolutions in channels-last order. Defaults to False.
    """
    model = Config.fromfile(CONFIG).model
    stages = space.path(space.max).stages
    model.backbone.update(space=space.to_dict(), out_indices=(len(stages) - 1,))
    model.neck.in_channels = stages[-1][-1].out_channels
    model.queue_len -= model.queue_len % batch_size
    supernet = MODELS.build(
        dict(model, type='gaia_ssl.LiftedSupernet', channels_last=channels_last)
    )
    return supernet.train()


def build_optim_wrapper(model: nn.Module, amp: str | None = None, lr: float = 1e-3) -> OptimWrapper:
    """SGD with momentum, in mixed precision where ``amp`` is ``'fp16'`` or ``'bf16'``."""
    parameters = list(model.parameters())
    wrapper = dict(type='OptimWrapper', optimizer=torch.optim.SGD(parameters, lr, momentum=0.9))
    if amp and parameters[0].is_cuda:
        wrapper.update(type='AmpOptimWrapper', dtype=AMP_DTYPES[amp])
    elif amp:
        wrapper.update(type='gaia_ssl.CPUAmpOptimWrapper')
    return OPTIM_WRAPPERS.build(wrapper)


def make_batch(batch_size: int, size: int, device: str, seed: int = 0) -> dict:
    """A batch as a data loader gives it, already on the device: two views of 8-bit noise."""
    generator = torch.Generator().manual_seed(seed)
    shape = (batch_size, 3, size, size)
    views = [
        torch.randint(256, shape, dtype=torch.uint8, generator=generator).to(device)
        for _ in range(2)
    ]
    return dict(inputs=views, data_samples=[DataSample() for _ in range(batch_size)])


class Fixed:
    """An arch sampler that draws what it is told.

    Args:
        archs: The archs of every iteration, in the order they run.
    """

    def __init__(self, archs: Sequence[Arch]) -> None:
        self.archs = list(archs)

    def sample(self, space, iteration, loss_of=None, progress=1.0) -> list[Arch]:
        """The archs."""
        return self.archs


def sandwich_draws(supernet: DynamicMoCo, count: int) -> list[list[Arch]]:
    """The draws of the supernet's own sampler in the first ``count`` iterations."""
    space = supernet.backbone.space
    return [supernet.arch_sampler.sample(space, iteration) for iteration in range(count)]


def train_supernet(
    supernet: DynamicMoCo, archs: Sequence[Arch], data: dict, optim_wrapper: OptimWrapper
) -> dict[str, Tensor]:
    """One iteration of this project over ``archs``."""
    supernet.arch_sampler = Fixed(archs)
    return supernet.train_step(data, optim_wrapper)


def train_by_reference(
    supernet: DynamicMoCo, archs: Sequence[Arch], data: dict, optim_wrapper: OptimWrapper
) -> dict[str, Tensor]:
    """One iteration of the reference procedure (GAIA-ssl 16aeba7).

    Each subnet moves the key encoder, encodes the keys, learns, and enqueues them, as a method
    written for one network does; losses are summed.
    """
    losses = {}
    with optim_wrapper.optim_context(supernet), torch.no_grad():
        data = supernet.data_preprocessor(data, training=True)
    for index, arch in enumerate(archs):
        with optim_wrapper.optim_context(supernet), torch.no_grad():
            keys = supernet.targets(**data)
        supernet.backbone.set_arch(arch)
        with optim_wrapper.optim_context(supernet):
            loss, _ = supernet.parse_losses(supernet.subnet_loss(**data, targets=keys))
        optim_wrapper.backward(optim_wrapper.scale_loss(loss))
        supernet.after_iteration(keys)
        losses[f'loss_{index}'] = loss.detach()
    optim_wrapper.step()
    optim_wrapper.zero_grad()
    return losses


class StaticSandwich(nn.Module):
    """Separate static networks, with a supernet's weights, that share nothing but the images.

    What a sandwich iteration would cost if switching archs were free: one pass of MAX's key
    encoder, a forward and a backward pass of each static network, one step and one update of the
    key encoder, both over MAX's parameters.

    Args:
        supernet: Whose weights are copied.
        archs: The archs to be able to run; MAX among them.
    """

    def __init__(self, supernet: DynamicMoCo, archs: Sequence[Arch]) -> None:
        super().__init__()
        self.key_of = {str(arch): f'net{index}' for index, arch in enumerate(archs)}
        self.nets = nn.ModuleDict()
        for arch in archs:
            backbone = supernet.backbone.extract(arch)
            width = supernet.backbone.path(arch).stages[-1][-1].out_channels
            net = nn.Sequential(backbone, _static_neck(supernet.neck, width))
            self.nets[self.key_of[str(arch)]] = _to_format(net, supernet)
        # mmpretrain's own method on MAX; the other networks use its keys, queue and head
        backbone, neck = self.nets[self.key_of[str(supernet.backbone.space.max)]].children()
        self.moco = MoCo(
            backbone,
            neck,
            head=copy.deepcopy(supernet.head),
            queue_len=supernet.queue_len,
            feat_dim=len(supernet.queue),
            momentum=supernet.encoder_k.momentum,
            data_preprocessor=copy.deepcopy(supernet.data_preprocessor),
        )
        self.moco.queue.copy_(supernet.queue)
        self.train()
        self.to(next(supernet.parameters()).device)

    def train_step(
        self, archs: Sequence[Arch], data: dict, optim_wrapper: OptimWrapper
    ) -> dict[str, Tensor]:
        """One iteration over ``archs``; ``optim_wrapper`` steps MAX."""
        moco = self.moco
        with optim_wrapper.optim_context(moco), torch.no_grad():
            data = moco.data_preprocessor(data, training=True)
            queries, keys = data['inputs']
            moco.encoder_k.update_parameters(nn.Sequential(moco.backbone, moco.neck))
            shuffled, order = batch_shuffle_ddp(keys)
            keys = F.normalize(moco.encoder_k(shuffled)[0], dim=1)
            keys = batch_unshuffle_ddp(keys, order)
        losses = {}
        for index, arch in enumerate(archs):
            with optim_wrapper.optim_context(moco):
                net = self.nets[self.key_of[str(arch)]]
                embeddings = F.normalize(net(queries)[0], dim=1)
                positive = torch.einsum('nc,nc->n', embeddings, keys).unsqueeze(1)
                loss = moco.head.loss(positive, embeddings @ moco.queue)
            optim_wrapper.backward(optim_wrapper.scale_loss(loss / len(archs)))
            losses[f'loss_{index}'] = loss.detach()
        optim_wrapper.step()
        self.zero_grad()
        moco._dequeue_and_enqueue(keys)
        return losses

    def train_max(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """One iteration of mmpretrain's MoCo on the static MAX."""
        return self.moco.train_step(data, optim_wrapper)


def _to_format(net: nn.Module, supernet: DynamicMoCo) -> nn.Module:
    """Bring a network into the memory format of a supernet."""
    # torch's annotations leave this overload out
    return nn.Module.to(net, memory_format=supernet.memory_format)  # type: ignore[call-overload]


def _static_neck(neck: nn.Module, channels: int) -> nn.Module:
    """A plain neck with the first inputs of an elastic one's weights."""
    first, _, last = neck.get_submodule('mlp').children()
    static = type(neck)(channels, first.out_features, last.out_features)
    ours = neck.state_dict()
    static.load_state_dict(
        {k: ours[k][tuple(map(slice, v.shape))] for k, v in static.state_dict().items()}
    )
    return static


def resnet50(supernet: DynamicMoCo) -> MoCo:
    """mmpretrain's MoCo on its own ResNet-50, the yardstick of host overhead."""
    model = MoCo(
        backbone=dict(type='ResNet', depth=50),
        neck=dict(type='MoCoV2Neck', in_channels=2048, hid_channels=2048, out_channels=128),
        head=copy.deepcopy(supernet.head),
        queue_len=supernet.queue_len,
        data_preprocessor=copy.deepcopy(supernet.data_preprocessor),
    )
    model.to(next(supernet.parameters()).device)
    return _to_format(model, supernet).train()


class Hollow(DynamicMoCo):
    """A MoCo supernet whose networks are never run: what remains is the host's own work.

    Preprocessing, sampling, switching archs, backward calls on a graph of one node, gathering
    losses and naming them for the log. It shares everything with the supernet it is made of.
    """

    @classmethod
    def of(cls, supernet: DynamicMoCo) -> 'Hollow':
        """``supernet`` without its networks' work; the original stays as it is."""
        hollow = copy.copy(supernet)
        hollow.__class__ = cls
        return hollow

    def targets(self, inputs: list[Tensor], data_samples: list) -> Any:
        """No keys."""
        return None

    def subnet_loss(
        self, inputs: list[Tensor], data_samples: list, targets: Any
    ) -> dict[str, Tensor]:
        """A loss that costs nothing."""
        return dict(loss=self.neck.mlp[-1].bias.sum())

    def after_iteration(self, targets: Any) -> None:
        """Nothing to enqueue."""
