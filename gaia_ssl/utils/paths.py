"""Folders of the package, in a checkout and in an installed wheel."""

from pathlib import Path

from .files import TEXT

PACKAGE = Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parent
"""The folder that holds the package: what a child process needs on its ``PYTHONPATH``."""
# In a checkout both are links to the folders beside the package.
CONFIGS = (PACKAGE / '.mim' / 'configs').resolve()
TOOLS = (PACKAGE / '.mim' / 'tools').resolve()


def last_checkpoint(work_dir: Path | str) -> Path:
    """Get the path of the checkpoint that a training saved last.

    MMEngine notes an absolute path. A work dir that was copied has its own copy of that file.

    Raises:
        FileNotFoundError: If the training has noted none.
    """
    noted = Path(Path(work_dir, 'last_checkpoint').read_text(**TEXT).strip())
    own = Path(work_dir, noted.name)
    return own if own.is_file() else noted
