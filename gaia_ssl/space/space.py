"""Search spaces: all archs on a grid of choices, as data."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from gaia_ssl.utils.errors import UserError

from .families import FAMILIES, Arch, Cost, Family, GridCosts, Path, Size


@dataclass(frozen=True)
class SearchSpace(Sequence[Arch]):
    """All archs on a grid: per dimension a list of choices.

    A dimension is either one number per arch (``stem_width``) or one number per stage
    (``width``); the family says which there are. Archs are ordered as ``itertools.product``
    orders them, the last stage of the last dimension fastest, and are counted, indexed and
    sampled without being listed.

    Args:
        name: The name configs and checkpoints know the space by.
        family: The kind of backbone and the options all its archs share.
        choices: Per dimension its values, in rising order; nested once where the dimension has
            one number per stage.
        named: Anchors beside ``MAX`` and ``MIN``; they may lie off the grid, inside the bounds.

    Raises:
        UserError: If the choices are empty, not rising, or cannot be a supernet of the family.
    """

    name: str
    family: Family
    choices: dict[str, tuple]
    named: dict[str, Arch] = field(default_factory=dict)

    def __post_init__(self):
        for dim, values in self.dims:
            if not values or list(values) != sorted(set(values)) or values[0] < 1:
                raise UserError(
                    f'space {self.name!r}, {dim}: {list(values)} is not a rising list of positive '
                    'numbers'
                )
        self.family.check(self.choices)
        for arch in self._covering():
            try:
                self.family.check_arch(arch)
            except UserError as error:
                raise UserError(f'space {self.name!r}: {error}') from error
        for name, arch in self.named.items():
            try:
                self.check(arch)
            except UserError as error:
                raise UserError(f'space {self.name!r}, anchor {name}: {error}') from error

    @cached_property
    def dims(self) -> list[tuple[str, tuple[int, ...]]]:
        """The flat dimensions: (field, its choices), one per number of an arch."""
        return [
            (name, tuple(values))
            for name, choices in self.choices.items()
            for values in (choices if _per_stage(choices) else [choices])
        ]

    def _arch(self, numbers: Sequence[int]) -> Arch:
        """The arch with these values of the flat dimensions."""
        rest = iter(numbers)
        return {
            name: [next(rest) for _ in choices] if _per_stage(choices) else next(rest)
            for name, choices in self.choices.items()
        }

    def __len__(self) -> int:
        return math.prod(len(values) for _, values in self.dims)

    def __getitem__(self, index: int) -> Arch:  # type: ignore[override]  # no slices
        if not -len(self) <= index < len(self):
            raise IndexError(f'index {index} is outside of a space of {len(self)} archs')
        index %= len(self)
        numbers = []
        for _, values in reversed(self.dims):
            index, digit = divmod(index, len(values))
            numbers.append(values[digit])
        return self._arch(numbers[::-1])

    def __iter__(self) -> Iterator[Arch]:
        return (self[index] for index in range(len(self)))

    def __contains__(self, arch: Any) -> bool:
        """Tell if ``arch`` is on the grid."""
        try:
            numbers = self._numbers(arch)
        except UserError:
            return False
        return all(n in values for n, (_, values) in zip(numbers, self.dims, strict=True))

    @property
    def max(self) -> Arch:
        """The largest arch: the one whose weights a supernet holds."""
        return self._arch([values[-1] for _, values in self.dims])

    @property
    def min(self) -> Arch:
        """The smallest arch."""
        return self._arch([values[0] for _, values in self.dims])

    @property
    def anchors(self) -> dict[str, Arch]:
        """The named archs, ``MAX`` and ``MIN`` among them."""
        return {'MAX': self.max, 'MIN': self.min, **self.named}

    def sample(self, rng: np.random.Generator) -> Arch:
        """Draw an arch, uniformly per dimension and so uniformly over the space."""
        digits = rng.integers([len(values) for _, values in self.dims])
        return self._arch([v[d] for d, (_, v) in zip(digits, self.dims, strict=True)])

    def costs(self, input_size: int | Size = 224) -> GridCosts:
        """The costs of all archs, each equal to ``count_cost``.

        Args:
            input_size: Side, or (height, width), of the images in pixels. Defaults to 224.

        Returns:
            Arrays over the archs, in the order of the space.
        """
        return self.family.grid_costs(self.choices, _size_of(input_size))

    def path(self, arch: Arch) -> Path:
        """The steps that run ``arch``."""
        return self.family.path(arch)

    def check(self, arch: Any) -> Arch:
        """Return ``arch`` as plain data, or an anchor by its name, if a supernet can run it.

        Args:
            arch: A dict of the space's fields, on the grid or off it but inside its bounds, or
                the name of an anchor.

        Raises:
            UserError: If a field is missing, unknown, malformed or out of bounds, or the family
                cannot build the arch.
        """
        if isinstance(arch, str):
            if arch not in self.anchors:
                raise UserError(
                    f'arch: {arch!r} is not an anchor of space {self.name!r}; choose from '
                    f'{", ".join(self.anchors)} or give the arch as JSON'
                )
            return self.anchors[arch]
        numbers = self._numbers(arch)
        for number, (name, values) in zip(numbers, self.dims, strict=True):
            if not values[0] <= number <= values[-1]:
                raise UserError(
                    f'arch.{name}: {number} is out of bounds; space {self.name!r} goes from '
                    f'{values[0]} to {values[-1]} there'
                )
        arch = self._arch(numbers)
        self.family.check_arch(arch)
        return arch

    def _covering(self) -> Iterator[Arch]:
        """A few archs that together have every choice."""
        for i in range(max(len(values) for _, values in self.dims)):
            yield self._arch([values[min(i, len(values) - 1)] for _, values in self.dims])

    def _numbers(self, arch: Any) -> list[int]:
        """The values of the flat dimensions of a well-formed arch."""
        form: dict[str, int | None] = {
            name: len(v) if _per_stage(v) else None for name, v in self.choices.items()
        }
        return _numbers(arch, form, f'space {self.name!r}')

    def only(self, arch: Any) -> 'SearchSpace':
        """The space of one arch, which may lie outside the bounds of this one.

        Raises:
            UserError: If a field is missing, unknown or malformed.
        """
        one = self._arch(self._numbers(arch))
        return replace(self, choices=_one_each(one), named={})

    @classmethod
    def of_arch(cls, family: Family, arch: Any) -> 'SearchSpace':
        """The space of one arch of a family.

        Raises:
            UserError: If the arch is malformed or the family cannot build it.
        """
        owner = type(family).__name__
        form: dict[str, int | None] = dict.fromkeys(family.arch_fields)
        form |= dict.fromkeys(family.stage_fields, family.stages)
        numbers = iter(_numbers(arch, form, owner))
        one = {
            name: next(numbers) if length is None else [next(numbers) for _ in range(length)]
            for name, length in form.items()
        }
        return cls(owner, family, _one_each(one))

    def with_options(self, **options: Any) -> 'SearchSpace':
        """The same grid with other options of the family, e.g. ``style='caffe'``."""
        return replace(self, family=self.family.with_options(**options))

    def to_dict(self) -> dict[str, Any]:
        """The space as JSON-ready data; ``from_dict`` reads it back."""
        families = {cls: name for name, cls in FAMILIES.items()}
        options = dict(type=families[type(self.family)], **asdict(self.family))
        data = dict(name=self.name, family=options, choices=self.choices, named=self.named)
        return json.loads(json.dumps(data))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> 'SearchSpace':
        """Build a space from ``dict(name=, family=dict(type=, ...), choices=, named=)``.

        Raises:
            UserError: If a field is missing or unknown, or the family is.
        """
        data = dict(data)
        try:
            options = {**data.pop('family')}
            family = FAMILIES[options.pop('type')](**options)
            return cls(family=family, choices=_as_tuples(data.pop('choices')), **data)
        except (KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f'space: {error}; a space is dict(name=, family=dict(type={"|".join(FAMILIES)}, '
                '...), choices=dict(...))'
            ) from error


def count_cost(space: SearchSpace, arch: Arch, input_size: int | Size = 224) -> Cost:
    """Multiply-adds, parameters and activation memory of a backbone, from its path alone.

    Args:
        space: The space that ``arch`` belongs to.
        arch: The arch; it is taken to be valid, see ``SearchSpace.check``.
        input_size: Side, or (height, width), of the images in pixels. Defaults to 224.

    Returns:
        Its costs on one image, see ``Cost``.
    """
    return space.family.cost(arch, _size_of(input_size))


def arch_key(arch: Arch) -> str:
    """Text that equal archs share, to look them up by."""
    return json.dumps(arch, sort_keys=True)


def _size_of(input_size: int | Size) -> Size:
    """Height and width of square images of a side, or as they are."""
    if isinstance(input_size, int):
        return input_size, input_size
    height, width = input_size
    return height, width


def _numbers(arch: Any, form: dict[str, int | None], owner: str) -> list[int]:
    """The numbers of a well-formed arch, one field after the other.

    Args:
        arch: The arch.
        form: Its fields; each the length of its list, or None if it is one number.
        owner: The space or family whose form it is, for messages.

    Raises:
        UserError: If a field is missing, unknown or malformed.
    """
    if not isinstance(arch, dict):
        raise UserError(f'arch: {arch!r} is not a dict of {", ".join(form)}')
    for name in chain(arch, form):
        if name not in form:
            raise UserError(f'arch.{name}: unknown field; {owner} has {", ".join(form)}')
        if name not in arch:
            raise UserError(f'arch.{name}: missing; {owner} needs it')
    numbers: list[int] = []
    for name, length in form.items():
        values = [arch[name]] if length is None else arch[name]
        if not isinstance(values, (list, tuple)) or len(values) != (length or 1):
            raise UserError(f'arch.{name}: {arch[name]!r} is not a list of {length} numbers')
        if not all(isinstance(v, (int, np.integer)) and type(v) is not bool for v in values):
            raise UserError(f'arch.{name}: {arch[name]!r} is not made of whole numbers')
        numbers.extend(int(v) for v in values)
    return numbers


def _per_stage(choices: Sequence) -> bool:
    return len(choices) > 0 and not isinstance(choices[0], int)


def _one_each(arch: Arch) -> dict[str, tuple]:
    """The choices of a space of one arch."""
    return {
        name: (value,) if isinstance(value, int) else tuple((number,) for number in value)
        for name, value in arch.items()
    }


def _as_tuples(choices: dict[str, Sequence]) -> dict[str, tuple]:
    return {
        name: tuple(map(tuple, values)) if _per_stage(values) else tuple(values)
        for name, values in choices.items()
    }
