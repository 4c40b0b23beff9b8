"""Write an extracted folder atomically, and check that it may be replaced."""

import os
import os.path as osp
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from gaia_ssl.downstream.subnet import WEIGHTS_FILE
from gaia_ssl.utils import UserError
from gaia_ssl.utils.files import abandoned_drafts, draft_name, naming_file
from gaia_ssl.utils.templates import check_fits

OLD = '.old'
"""Ends the name of the folder that is being replaced."""


@contextmanager
def new_folder(out: str, overwrite: bool = False) -> Iterator[str]:
    """Write a folder under a draft name beside ``out``, and rename it once it is complete.

    Drafts that killed processes left beside it are removed.

    Args:
        out: Path of the folder.
        overwrite: Replace a folder that was extracted before. Defaults to False.

    Yields:
        Path of the draft, which is removed if anything fails.

    Raises:
        UserError: If ``out`` must not be replaced, see ``check_replaceable``, or cannot be written.
    """
    out = osp.realpath(osp.expanduser(out))
    check_replaceable(out, overwrite)
    draft = draft_name(out)
    made = _missing_parents(out)
    _remove(abandoned_drafts(out))
    try:
        try:
            os.makedirs(osp.dirname(out), exist_ok=True)
            os.mkdir(draft)
        except OSError as error:
            raise UserError(
                f'out: {out} cannot be written ({error.strerror}); choose another'
            ) from error
        with naming_file(out):
            yield draft
        if not osp.isdir(out) or not os.listdir(out):
            os.rename(draft, out)
        elif overwrite:
            old = draft + OLD
            os.rename(out, old)
            os.rename(draft, out)
            shutil.rmtree(old)
        else:
            raise UserError(f'out: {out} was written by another process meanwhile; choose another')
        # the folder that a killed process had moved away, now that there is a new one
        _remove(abandoned_drafts(out, OLD))
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        for folder in made:
            if osp.isdir(folder) and not os.listdir(folder):
                os.rmdir(folder)
        raise


def _remove(folders: list[str]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def check_replaceable(out: str, overwrite: bool) -> None:
    """Check that a new folder may take the place of what is at ``out``.

    Args:
        out: Path of the folder.
        overwrite: Whether a folder that was extracted before may be replaced.

    Raises:
        UserError: If ``out`` is a file, or a folder that is not empty and was not extracted or
            must not be overwritten, or configs inside could not name it.
    """
    out = osp.realpath(osp.expanduser(out))
    check_fits(out, 'out')
    if not osp.exists(out):
        return
    if not osp.isdir(out):
        raise UserError(f'out: {out} is a file; choose a folder')
    if not os.listdir(out):
        return
    if not overwrite:
        raise UserError(f'out: {out} exists and is not empty; choose another or set overwrite')
    if not osp.isfile(osp.join(out, WEIGHTS_FILE)):
        raise UserError(
            f'out: {out} was not written by extraction (it has no {WEIGHTS_FILE}) and is never '
            'overwritten; choose another'
        )


def _missing_parents(path: str) -> list[str]:
    """The parents of a path that do not exist yet, innermost first."""
    missing = []
    while not osp.exists(path := osp.dirname(path)):
        missing.append(path)
    return missing
