"""Settings of a command line, ``KEY=VALUE``: read as the config's own values are."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from .errors import UserError, reason

_INT = re.compile(r'[+-]?(0|[1-9]\d*)', re.ASCII)
_FLOAT = re.compile(r'[+-]?((\d+\.\d*|\.\d+)(e[+-]?\d+)?|\d+e[+-]?\d+|inf|nan)', re.ASCII | re.I)
_CONSTANTS = {'true': True, 'false': False}
_CLOSING = {'[': ']', '(': ')'}
QUOTES = '\'"'
COMMA = (',', 0)
MISMATCH = 'brackets or quotes do not match; put a text in quotes, KEY="\'VALUE\'"'


class Typed(str):
    """A value as it was typed, to be read by ``merge_typed``."""


def merge_typed(config: Config, options: Mapping[str, Any]) -> None:
    """Merge settings into a config, in place; typed ones are read by what the config holds.

    Args:
        config: The config.
        options: Values by their keys, such as ``train_dataloader.batch_size``. ``Typed`` ones are
            read by ``read_typed``, others are taken as they are.

    Raises:
        UserError: If brackets or quotes of a list do not match, or a key does not fit the config.
    """
    values = {}
    for key, value in options.items():
        try:
            typed = isinstance(value, Typed)
            values[key] = read_typed(value, _held(config, key)) if typed else value
        except ValueError as error:
            raise UserError(f'--cfg-options: {key}={value}: {error}') from error
    try:
        config.merge_from_dict(values)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise UserError(
            f'--cfg-options: {" ".join(options)} do not fit {config.filename} ({reason(error)})'
        ) from error


def read_typed(text: str, held: Any = None) -> Any:
    """Read a typed value; blanks, quotes and digits of a text arrive as they are.

    ``[...]`` and ``(...)`` are lists and tuples, ``None`` is None, and a text in quotes is that
    text. Everything else is a text where the config holds one. Elsewhere it can be a number, True
    or False, or a list without its brackets, ``1,2``: of anything but texts, or of anything if the
    config holds a list.

    Args:
        text: What was typed.
        held: The config's value. Elements of a list are texts if all elements of this one are.

    Raises:
        ValueError: If brackets or quotes of a list do not match.
    """
    if len(text) > 1 and text[0] in QUOTES and text.find(text[0], 1) == len(text) - 1:
        return text[1:-1]
    if text == 'None':
        return None
    if _is_enclosed(text):
        values = _read_all(_split(text[1:-1]), held)
        return tuple(values) if text[0] == '(' else values
    if isinstance(held, str):
        return str(text)
    is_list = isinstance(held, (list, tuple))
    # brackets that begin a text are meant for a list
    if text[:1] in _CLOSING or (',' in text and (is_list or _is_balanced(text))):
        parts = _split(text)
        values = _read_all(parts, held) if len(parts) > 1 else []
        if values and (is_list or not any(isinstance(value, str) for value in values)):
            return values
    return _read_word(text)


def _read_word(text: str) -> int | float | bool | str:
    word = text.strip()
    if _INT.fullmatch(word):
        return int(word)
    if _FLOAT.fullmatch(word):
        return float(word)
    return _CONSTANTS.get(word.lower(), str(text))


def _read_all(parts: list[str], held: Any) -> list:
    """Read the elements of a list that is to replace ``held``."""
    texts = isinstance(held, str) or (
        isinstance(held, (list, tuple)) and held and all(isinstance(item, str) for item in held)
    )
    return [read_typed(part, '' if texts else None) for part in parts]


def _split(text: str) -> list[str]:
    """Split a text at its commas outside brackets and quotes."""
    commas = [place for place, character, depth in _walk(text) if (character, depth) == COMMA]
    starts = [0, *(comma + 1 for comma in commas)]
    parts = [text[start:end].strip() for start, end in zip(starts, [*commas, None])]
    return parts if parts[-1] else parts[:-1]  # nothing, or a comma at the end


def _walk(text: str) -> Iterator[tuple[int, str, int]]:
    """Give each character outside quotes, its position, and how many brackets are open after it.

    A quote opens where an element begins, so that an apostrophe in a word is part of the word.
    """
    open_brackets: list[str] = []
    quote, begins = '', True
    for position, character in enumerate(text):
        if quote:
            quote = '' if character == quote else quote
            continue
        if begins and character in QUOTES:
            quote = character
            continue
        if character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif character in _CLOSING.values() and (
            not open_brackets or open_brackets.pop() != character
        ):
            raise ValueError(MISMATCH)
        yield position, character, len(open_brackets)
        begins = character in ',[(' or (begins and character.isspace())
    if open_brackets or quote:
        raise ValueError(MISMATCH)


def _is_balanced(text: str) -> bool:
    try:
        return all(True for _ in _walk(text))
    except ValueError:
        return False


def _is_enclosed(text: str) -> bool:
    """Tell whether one pair of brackets is around the whole text."""
    if text[:1] not in _CLOSING or text[-1] != _CLOSING[text[0]] or not _is_balanced(text):
        return False
    return next(position for position, _, depth in _walk(text) if not depth) == len(text) - 1


def _held(config: Config, key: str) -> Any:
    """The value that a config holds at a key, or None."""
    node: Any = config
    for part in key.split('.'):
        if isinstance(node, (dict, Config)):
            node = node.get(part)
        elif isinstance(node, (list, tuple)) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node
