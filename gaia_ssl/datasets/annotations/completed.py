"""Copy incomplete annotation files with the missing fields that have a safe value."""

import json
import os
import os.path as osp
import warnings
from dataclasses import dataclass, field

from mmengine.config import ConfigDict
from mmengine.dist import barrier, is_main_process

from gaia_ssl.utils.files import atomic_write

from .coco import CocoFile, read_coco


@dataclass
class CocoFiles:
    """Files in COCO's format, each read once, and the settings that name them."""

    read: dict[str, CocoFile] = field(default_factory=dict)
    users: list[tuple[ConfigDict, CocoFile]] = field(default_factory=list)

    def get(self, path: str, settings: ConfigDict, predictions_only: bool = False) -> CocoFile:
        """Read the file that some settings name by ``ann_file``; see ``read_coco``."""
        if path not in self.read:
            self.read[path] = read_coco(path, predictions_only)
        self.users.append((settings, self.read[path]))
        return self.read[path]

    def use_completed(self, work_dir: str) -> None:
        """Write the files that were completed, and name them in the settings in place of the old.

        Args:
            work_dir: They go into its folder ``annotations``; one process writes.
        """
        new: dict[str, str] = {}
        for settings, file in self.users:
            if not file.taken:
                continue
            if file.path not in new:
                name = f'{len(new)}_{osp.basename(file.path)}'
                new[file.path] = osp.abspath(osp.join(work_dir, 'annotations', name))
                if is_main_process():
                    _write(file, new[file.path])
            settings.ann_file = new[file.path]
        barrier()


def _write(file: CocoFile, path: str) -> None:
    warnings.warn(
        f'ann_file: {file.path}: {"; ".join(file.taken)}; the completed file is {path}',
        stacklevel=2,
    )
    os.makedirs(osp.dirname(path), exist_ok=True)
    with atomic_write(path) as stream:
        json.dump(file.content, stream)
