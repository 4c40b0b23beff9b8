"""Parts that the command lines share: options, configs and the exit on a user's mistake."""

import argparse
import codecs
import errno
import io
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmengine.config import Config

from .cfg_options import Typed, merge_typed
from .dist import LAUNCHERS
from .errors import DEBUG, UserError, is_bug, reason
from .sections import check_dicts, check_sections

PRINTABLE = 'gaia_ssl.printable'
"""Error handler of the streams of commands."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run_cli(main: Callable[[], None]) -> None:
    """Run a tool; a user's mistake ends it with one line on stderr and exit code 2.

    With ``GAIA_SSL_DEBUG=1`` the traceback comes before that line. SIGINT and SIGTERM end it with
    exit codes 130 and 143, after what is half-written has been removed. Names of files are printed
    whatever their bytes.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PRINTABLE)
    try:
        with unwinding_on_sigterm():
            main()
    except KeyboardInterrupt:
        _show_traceback()
        sys.exit(128 + signal.SIGINT)
    except UserError as error:
        _show_traceback()
        sys.exit(_fail(str(error)))
    except OSError as error:
        _show_traceback()
        # what the user named and the system refused: a missing file, an unwritable folder
        full = error.errno in FULL
        if error.filename is None:
            sys.exit(_fail(f'{error}{"; make room where this command writes" if full else ""}'))
        sys.exit(_fail(f'{error.filename}: {error.strerror}{"; make room there" if full else ""}'))


@contextmanager
def unwinding_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end a command as an exception does, so that drafts are removed."""
    if threading.current_thread() is not threading.main_thread():  # only it may set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, _unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _unwind(number: int, _: Any) -> None:
    sys.exit(128 + number)


# A pool of multiprocessing ends its workers by SIGTERM and waits for them. One that waits in C does
# not come back to run a handler of Python, and one that is just forked forgets that it has to: a
# fork has the system's handler, and SIGTERM waits until it has.


def _hold_sigterm() -> None:
    if signal.getsignal(signal.SIGTERM) is _unwind:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def _release_sigterm() -> None:
    if signal.getsignal(signal.SIGTERM) is _unwind:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def _end_at_once() -> None:
    if signal.getsignal(signal.SIGTERM) is _unwind:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


os.register_at_fork(
    before=_hold_sigterm, after_in_parent=_release_sigterm, after_in_child=_end_at_once
)


def _encode_name(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode what an encoding lacks: bytes of a file's name as they are, the rest as escapes."""
    try:
        return codecs.lookup_error('surrogateescape')(error)
    except UnicodeError:
        return codecs.lookup_error('backslashreplace')(error)


codecs.register_error(PRINTABLE, _encode_name)


def _show_traceback() -> None:
    if os.environ.get(DEBUG) == '1':
        traceback.print_exc()


@contextmanager
def naming_options(options: Mapping[str, str]) -> Iterator[None]:
    """Name a command's options in user errors, which name the package's fields.

    Fields are replaced at the beginning, ``FIELD: ...``, and in the advice, the text after the last
    semicolon.

    Args:
        options: The options by the fields that they set: ``dict(bn_group='--bn-group')``.

    Raises:
        UserError: One that was raised inside, with options in place of fields.
    """
    try:
        yield
    except UserError as error:
        field, colon, rest = str(error).partition(': ')
        message = f'{options.get(field, field)}{colon}{rest}'
        problem, semicolon, advice = message.rpartition(';')
        fields = r'(?<![\w/.-])(' + '|'.join(options) + r')(?![\w/.-])'
        advice = re.sub(fields, lambda match: options[match[0]], advice) if semicolon else advice
        raise UserError(problem + semicolon + advice) from error


def _fail(message: str) -> int:
    # an error in a data loader's worker has the worker's traceback before the message
    message = message.rpartition(f'{UserError.__name__}: ')[2]
    lines = filter(None, map(str.strip, message.splitlines()))  # blanks in a path stay
    print(f'error: {" ".join(lines)}', file=sys.stderr)
    return 2


class ConfigOptions(argparse.Action):
    """Argparse action for settings, ``KEY=VALUE ...``, kept as typed until they meet the config."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add settings to the namespace; one without a key is a usage error."""
        options = dict(getattr(namespace, self.dest) or {})
        for setting in values:
            key, equals, value = setting.partition('=')
            if not equals or not all(key.split('.')):
                parser.error(f'{option_string}: {setting} is not a setting; give KEY=VALUE')
            options[key] = Typed(value)
        setattr(namespace, self.dest, options)


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``, which overrides settings of the config."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        help='override settings of the config: key=value, e.g. train_dataloader.batch_size=64',
    )


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Add ``--weights``, which chooses among the weights of a trained supernet."""
    parser.add_argument(
        '--weights',
        default='online',
        metavar='online|ema',
        help='the weights that subnets share: the trained ones, or their moving average, which '
        'methods with a momentum teacher keep; default: %(default)s',
    )


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """Add the options by which launchers start several processes, see ``process_group``."""
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='job launcher')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of trainings, see ``gaia_ssl.engine.options.merge_options``."""
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint; without a value, from the latest in the work dir',
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision: fp16 on a GPU, bf16 on CPU'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate to the actual batch size',
    )


def load_config(path: str, options: dict | None = None) -> Config:
    """Load a config and merge the command line's ``--cfg-options`` into it.

    Raises:
        UserError: If the file is missing or is not a config, a section of it is misspelt, or the
            options do not fit it.
    """
    if not os.path.isfile(path):
        raise UserError(f'config: {path} does not exist')
    try:
        config = Config.fromfile(path)
    except UserError:
        raise
    except FileNotFoundError as error:
        if is_bug(error):
            raise
        missing = os.path.normpath(error.filename or str(error))
        raise UserError(
            f'config: {path} reads {missing}, which does not exist; correct its _base_, or the '
            'environment variable that it takes the folder from'
        ) from error
    except Exception as error:  # a config is a program: it can fail in any way
        if is_bug(error):
            raise
        raise UserError(f'config: {path} cannot be loaded ({reason(error)})') from error
    check_sections(config, options or {})
    merge_typed(config, options or {})
    check_dicts(config)
    return config
