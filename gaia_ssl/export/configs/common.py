"""What the configs share."""

import textwrap
from functools import partial

from ..folder import MARK

CUSTOM_IMPORTS = dict(imports=['gaia_ssl'], allow_failed_imports=False)


def about(title: str, project: str, data: str, options: str) -> str:
    """A config's docstring: what it is and how it is run.

    Args:
        title: What the config does, in sentences.
        project: The package whose train script runs it.
        data: Where the inherited config looks for data.
        options: The options of ``--cfg-options`` that point it elsewhere.
    """
    usage = (
        f"Run it with {project}'s own train script, for instance ``mim train {project} FILE``. "
        f'It reads {data}; --cfg-options {options} name another place. The weights are {MARK} '
        'beside this file, which finds them wherever the folder is.'
    )
    wrap = partial(textwrap.fill, width=96, break_long_words=False, break_on_hyphens=False)
    return f'{wrap(title)}\n\n{wrap(usage)}'
