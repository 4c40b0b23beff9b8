"""Resolve the arch that a user chose: by name, as data, or from a search."""

import json
import os.path as osp
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gaia_ssl.space import Arch, SearchSpace
from gaia_ssl.space.search_json import load_result, result_file
from gaia_ssl.utils import UserError
from gaia_ssl.utils.pareto import pareto_rows


@dataclass(frozen=True)
class Choice:
    """An arch and how it was chosen.

    Args:
        arch: The arch, or an anchor's name, not yet checked against a space.
        origin: The record of the choice. Defaults to an empty one.
        input_size: Side in pixels of the images that a search counted its cost for. Defaults to
            None, for a choice without a search.
    """

    arch: Any
    origin: dict[str, Any] = field(default_factory=dict)
    input_size: int | None = None


def choose_arch(text: str) -> Choice:
    """Read an arch given as an anchor's name, as JSON, or as the path of a JSON file.

    Raises:
        UserError: If the file does not exist, or is not valid JSON.
    """
    if text.lstrip().startswith('{'):
        return Choice(_parse(text, 'arch'))
    if osp.isfile(text):
        with open(text, 'rb') as file:
            return Choice(_parse(file.read(), text))
    if text.endswith('.json'):
        raise UserError(f'arch: {text} does not exist')
    return Choice(text)


def choose_from_search(path: str, rank: int = 1) -> Choice:
    """Take an arch from a search's result.

    Args:
        path: A ``search.json``, or the folder that holds it.
        rank: The arch's rank, 1 for the best. Defaults to 1.

    Raises:
        UserError: If the file does not exist, is not a search result, or lacks the rank.
    """
    search = _SearchResult.load(path)
    search.check_rank('rank', rank)
    return search.choice(rank)


def choose_top(path: str, num: int) -> dict[str, Choice]:
    """Take the best archs from a search's result, by names such as ``rank1``.

    Args:
        path: A ``search.json``, or the folder that holds it.
        num: Number of archs.

    Raises:
        UserError: If the file does not exist, is not a search result, or has fewer archs.
    """
    search = _SearchResult.load(path)
    search.check_rank('num', num)
    return search.choices(range(1, num + 1))


def choose_pareto(path: str, costs: Sequence[str] = ('flops',)) -> dict[str, Choice]:
    """Take the Pareto front of distance and costs from a search's result, by names like ``rank1``.

    Args:
        path: A ``search.json``, or the folder that holds it.
        costs: The costs that count beside the distance, e.g. ``latency``. Defaults to
            multiply-adds.

    Raises:
        UserError: If the file does not exist, is not a search result, or lacks a cost.
    """
    search = _SearchResult.load(path)
    rows = [dict(row, rank=rank) for rank, row in enumerate(search.subnets, 1)]
    known = [k for k, v in rows[0].items() if isinstance(v, int | float)]
    known = [name for name in known if name not in ('rank', 'distance')]
    if unknown := sorted(set(costs) - set(known)):
        raise UserError(f'costs: {search.file} has no {unknown[0]!r}; it has {", ".join(known)}')
    return search.choices(row['rank'] for row in pareto_rows(rows, costs))


@dataclass(frozen=True)
class _SearchResult:
    """The result of a search.

    Args:
        file: Its file.
        meta: Its ``meta``, everything needed to repeat the search.
        subnets: Its subnets, best first.
    """

    file: str
    meta: dict[str, Any]
    subnets: list[dict[str, Any]]

    @classmethod
    def load(cls, path: str) -> '_SearchResult':
        """Read a ``search.json``, see ``load_result``."""
        result = load_result(path)
        return cls(result_file(path), result['meta'], result['subnets'])

    def check_rank(self, field: str, rank: int) -> None:
        """Raise ``UserError`` unless there is a subnet of this rank."""
        if not 1 <= rank <= len(self.subnets):
            raise UserError(
                f'{field}: {rank} is not in 1..{len(self.subnets)}, the subnets of {self.file}'
            )

    def choice(self, rank: int) -> Choice:
        """The subnet of a rank, with a record of the search."""
        of_search = ('task', 'distance', 'stages', 'budget')
        known = (*of_search, 'checkpoint_sha256', 'weights', 'images_sha256')
        subnet = self.subnets[rank - 1]
        origin = dict(file=self.file, rank=rank, of=len(self.subnets), value=subnet.get('distance'))
        origin.update({key: self.meta[key] for key in known if key in self.meta})
        return Choice(subnet['arch'], origin, self.meta.get('input_size'))

    def choices(self, ranks: Iterable[int]) -> dict[str, Choice]:
        """The subnets of these ranks, by name."""
        return {f'rank{rank}': self.choice(rank) for rank in ranks}


def check_choice(space: SearchSpace, choice: Choice) -> Arch:
    """Check that a supernet can run the arch of a choice.

    Returns:
        The arch as plain data.

    Raises:
        UserError: If it cannot be run.
    """
    try:
        return space.check(choice.arch)
    except UserError as error:
        if 'file' not in choice.origin:
            raise
        raise UserError(
            f'{choice.origin["file"]}: {error}; give the config that the search was made with'
        ) from error


def _parse(text: str | bytes, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f'{name}: not valid JSON ({error})') from error
