"""Log the spread and effective rank of subnets' embeddings during training."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from gaia_ssl.distances import effective_rank
from gaia_ssl.engine.ddp import supernet_of
from gaia_ssl.models.backbones import DynamicBackbone
from gaia_ssl.registry import HOOKS
from gaia_ssl.search.batchnorm import group_statistics
from gaia_ssl.space import Arch, SearchSpace
from gaia_ssl.utils import UserError


def relative_std(embeddings: Tensor) -> Tensor:
    """Measure the spread of embeddings over the sphere (Chen and He, CVPR 2021, section 4.1).

    Args:
        embeddings: L2-normalised, (N, D).

    Returns:
        Their standard deviation per channel, averaged, times sqrt(D): a scalar that is 1 for
        directions spread evenly and 0 for one direction.
    """
    return embeddings.std(0, unbiased=False).mean() * embeddings.size(1) ** 0.5


@HOOKS.register_module()
class SubnetHealthHook(Hook):
    """Logs the spread and the rank of the embeddings of MAX, MIN and a random subnet.

    The embeddings are those of the neck, L2-normalised, of the first view of the current batch,
    with batch statistics in all norms; several processes log their mean. The hook does not change
    the training. In the log, once for each check: ``embed_std_max`` (see ``relative_std``),
    ``embed_rank_max`` (see ``effective_rank``), and the same for ``min`` and ``random``.

    Args:
        interval: Iterations between two checks. Defaults to 100.
        num_images: Largest number of images per process; the rank cannot exceed it. Defaults to
            256.

    Raises:
        UserError: If a number is too small.
    """

    priority = 'NORMAL'  # before the logger

    def __init__(self, interval: int = 100, num_images: int = 256) -> None:
        if interval < 1:
            raise UserError(f'SubnetHealthHook.interval: {interval} iterations; give 1 or more')
        if num_images < 2:
            raise UserError(f'SubnetHealthHook.num_images: {num_images} images; give 2 or more')
        self.interval = interval
        self.num_images = num_images

    @torch.no_grad()
    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Log the health of the subnets, and keep its history in the message hub."""
        if not self.every_n_train_iters(runner, self.interval):
            return
        model = supernet_of(runner)
        views = model.data_preprocessor(data_batch)['inputs']
        images = (views[0] if isinstance(views, list) else views)[: self.num_images]
        backbone, neck = model.student
        archs = health_archs(backbone.space, runner.iter)
        before = backbone.arch
        with group_statistics((backbone, neck), [len(images)]):
            health = torch.stack([_health(backbone, neck, images, arch) for arch in archs.values()])
        backbone.set_arch(before)
        all_reduce(health, op='mean')
        values = {
            f'embed_{kind}_{label}': value
            for label, pair in zip(archs, health.tolist(), strict=True)
            for kind, value in zip(('std', 'rank'), pair, strict=True)
        }
        # not under 'train/', of which the log of an iteration repeats the last values
        runner.message_hub.update_scalars({f'health/{name}': v for name, v in values.items()})
        runner.message_hub.update_scalar('health/iteration', runner.iter)
        runner.visualizer.add_scalars(values, step=runner.iter + 1)
        runner.logger.info('  '.join(f'{name}: {value:.4f}' for name, value in values.items()))


def health_archs(space: SearchSpace, iteration: int) -> dict[str, Arch]:
    """Get the archs to check in an iteration, by label; the same in every process."""
    random = space.sample(np.random.default_rng(iteration))
    return {'max': space.max, 'min': space.min, 'random': random}


def _health(backbone: DynamicBackbone, neck: nn.Module, images: Tensor, arch: Arch) -> Tensor:
    """Compute spread and rank of a subnet's embeddings, (2, )."""
    backbone.set_arch(arch)
    embeddings = F.normalize(neck(backbone(images))[0].float(), dim=1)  # (N, C, H, W) -> (N, D)
    return torch.stack([relative_std(embeddings), effective_rank(embeddings)])
