"""Arms of a comparison: each a backbone to finetune, a subnet or a baseline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gaia_ssl.downstream import Subnet
from gaia_ssl.downstream.subnet import WEIGHTS_FILE
from gaia_ssl.export.resnet_weights import import_resnet
from gaia_ssl.utils import UserError
from gaia_ssl.utils.checkpoint import load_checkpoint
from gaia_ssl.utils.files import file_digest

RANDOM = 'random'


class Arm(NamedTuple):
    """A backbone to finetune.

    Attributes:
        name: Its name in runs and tables.
        subnet: Its folder, as extraction writes them.
        random: Whether it starts from random weights instead of the folder's.
    """

    name: str
    subnet: Path
    random: bool = False

    def facts(self) -> dict[str, Any]:
        """The facts for a table: its folder, arch and costs."""
        meta = load_checkpoint(str(self.subnet / WEIGHTS_FILE), mmap=True)['meta']
        known = {key: meta.get(key) for key in ('arch', 'flops', 'params', 'input_size')}
        return dict(subnet=str(self.subnet), random=self.random, **known)

    def digest(self) -> str:
        """The SHA-256 of its weights' file."""
        return file_digest(str(self.subnet / WEIGHTS_FILE))


def make_arms(subnets: Sequence[Path], baselines: Sequence[str], imported: Path) -> list[Arm]:
    """The arms of a comparison.

    Args:
        subnets: Extracted folders; each is called as its folder is.
        baselines: ``'random'`` for every subnet from random weights; ``'NAME=FOLDER'`` for another
            extracted folder, such as an anchor's; ``'NAME=FILE'`` for the weights of an ordinary
            ResNet, see ``import_resnet``.
        imported: The folder below which those weights become folders.

    Raises:
        UserError: If a folder, a file or a baseline is not what it should be, or two arms have one
            name.
    """
    arms = [Arm(folder.absolute().name, folder.absolute()) for folder in subnets]
    for baseline in baselines:
        name, given, path = baseline.partition('=')
        if baseline == RANDOM:
            arms += [Arm(f'{arm.name}_{RANDOM}', arm.subnet, True) for arm in arms[: len(subnets)]]
        elif not (name and given and Path(path).exists()):
            raise UserError(
                f'--baselines: {baseline} is neither {RANDOM} nor NAME=PATH of a folder or a file '
                'that exists'
            )
        elif Path(path).is_dir():
            arms.append(Arm(name, Path(path).absolute()))
        else:
            arms.append(Arm(name, _import(path, imported / name)))
    for arm in arms:
        Subnet.load(str(arm.subnet))
        if sum(other.name == arm.name for other in arms) > 1:
            raise UserError(f'--subnets, --baselines: two are called {arm.name}; rename one')
    return arms


def _import(checkpoint: str, folder: Path) -> Path:
    """The folder with the weights of an ordinary ResNet, made when it is not there yet."""
    mark = folder / WEIGHTS_FILE
    if mark.is_file():
        source = load_checkpoint(str(mark), mmap=True)['meta']['source']
        if source['checkpoint_sha256'] == file_digest(checkpoint):
            return folder
    import_resnet(checkpoint, str(folder))
    return folder
