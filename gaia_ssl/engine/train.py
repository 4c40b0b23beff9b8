"""Training from a config."""

import os.path as osp

from mmengine.config import Config
from mmengine.runner import Runner

from gaia_ssl.datasets.check import check_data
from gaia_ssl.utils import UserError

from .data import build_loader
from .exact import make_exact
from .options import merge_options

WRAPPER = 'gaia_ssl.SupernetDistributedDataParallel'


def prepare_config(config: Config, filename: str, **options) -> Config:
    """Merge a training command's options into its config, and make it exact, in place.

    Args:
        config: The training config.
        filename: Its path, which names the default work dir.
        options: See ``merge_options``.

    Raises:
        UserError: If the data is not where the config says, an option does not fit, the supernet
            is to be compiled, or a wrapper does not fit.
    """
    check_data(config, 'train_dataloader')
    if config.get('compile'):
        raise UserError(
            'compile: a supernet would be compiled anew for each arch; take it out of the config '
            '(an extracted subnet can be compiled)'
        )
    wrapper = config.setdefault('model_wrapper_cfg', dict(type=WRAPPER))
    if wrapper.get('type') != WRAPPER:
        raise UserError(
            f'model_wrapper_cfg.type: {wrapper.get("type")!r} would train MAX alone; leave it out '
            f'or give {WRAPPER!r}'
        )
    merge_options(config, osp.splitext(osp.basename(filename))[0], **options)
    return make_exact(config)


def train(config: Config) -> None:
    """Train as a prepared config says.

    Raises:
        UserError: If there are too few images, or the checkpoint to resume from is another
            model's.
    """
    runner = Runner.from_cfg(config)
    build_loader(lambda: runner.train_loop, 'train_dataloader')
    runner.train()
