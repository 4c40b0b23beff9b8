"""Fill in a benchmark config for one subnet."""

import runpy
import textwrap
from contextlib import suppress
from pathlib import Path
from types import FunctionType, ModuleType

import gaia_ssl
from gaia_ssl.downstream import Subnet
from gaia_ssl.downstream.subnet import WEIGHTS_FILE, standing_in
from gaia_ssl.utils import UserError

from .text import Config, to_text

BENCHMARKS = Path(gaia_ssl.__file__).parent / '.mim' / 'configs' / 'benchmarks'
# the configs of an extracted folder, and the benchmark that each is
WRITTEN = {
    'mmdet_mask-rcnn_fpn_coco.py': 'detection/mask-rcnn_fpn_1x_coco.py',
    'mmdet_faster-rcnn_fpn_coco.py': 'detection/faster-rcnn_fpn_1x_coco.py',
    'mmseg_fcn_ade20k.py': 'segmentation/fcn_d8_4xb4-80k_ade20k-512x512.py',
    'mmseg_upernet_ade20k.py': 'segmentation/upernet_4xb4-80k_ade20k-512x512.py',
    'mmpretrain_linear_imagenet.py': 'classification/linear_8xb32-steplr-100e_in1k.py',
}
IMPORTS = dict(imports=['gaia_ssl'], allow_failed_imports=False)  # registers the backbones


def config_texts(subnet: Subnet) -> dict[str, str]:
    """Render every config of an extracted folder, by file name.

    A benchmark that does not suit the subnet's family, e.g. one that cannot dilate, is left out.
    """
    texts = {}
    for name, path in WRITTEN.items():
        with suppress(UserError):
            texts[name] = to_text(render(BENCHMARKS / path, subnet))
    return texts


def render(path: Path, subnet: Subnet) -> Config:
    """Evaluate a benchmark config for one subnet.

    Args:
        path: The config. Its ``_base_`` belongs to another project and is kept as it is.
        subnet: The subnet that takes the place of the one that the config loads.

    Raises:
        UserError: If the benchmark does not suit the subnet's family.
    """
    with standing_in(subnet):
        names = runpy.run_path(str(path))
    base = names.pop('_base_')
    # MMEngine keeps neither functions and modules nor names that begin with two underscores
    values = {
        name: value
        for name, value in names.items()
        if not name.startswith('__') and not isinstance(value, (FunctionType, ModuleType))
    }
    [project] = {name.partition('::')[0] for name in _as_list(base)}
    about = f'{names["__doc__"].strip()}\n\n{_usage(project)}'
    return Config(about, dict(_base_=base, custom_imports=IMPORTS, **values))


def _usage(project: str) -> str:
    usage = (
        f"Run it with {project}'s own train script, for instance ``mim train {project} FILE``. "
        '--cfg-options {train,val,test}_dataloader.dataset.data_root, and where there is one '
        '{val,test}_evaluator.ann_file, name another place for the data. The weights are '
        f'{WEIGHTS_FILE} beside this file, which finds them wherever the folder is.'
    )
    return textwrap.fill(usage, width=96, break_long_words=False, break_on_hyphens=False)


def _as_list(base: str | list[str]) -> list[str]:
    return [base] if isinstance(base, str) else base
