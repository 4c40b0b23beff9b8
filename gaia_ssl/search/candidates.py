"""``Candidates``: the archs that a search chooses among, their costs and the score to compute."""

from gaia_ssl.space import SearchSpace
from gaia_ssl.space.latency import LatencyTable

from .feasible import CostModel, Feasible
from .settings import SearchSettings
from .strategies import build_strategy
from .terms import build_terms, check_maps


class Candidates:
    """The archs that a search may score, and how it chooses and scores them; reads no image.

    Args:
        space: The search space.
        settings: The settings of the search.

    Attributes:
        space: The space.
        terms: The terms of a score.
        feasible: The archs within the budget.
        strategy: The strategy that chooses among them.
        anchors: The space's anchors with their costs, by name; they are scored as well.

    Raises:
        UserError: If a setting does not fit the space, or no arch is within the budget.
    """

    def __init__(self, space: SearchSpace, settings: SearchSettings) -> None:
        self.space = space
        self.strategy = build_strategy(settings.strategy, settings.seed)
        self.terms = build_terms(
            settings.task,
            settings.distance,
            settings.stages,
            len(space.path(space.max).stages),
            settings.distance_options,
        )
        check_maps(self.terms, space, settings.image_shape)
        latencies = LatencyTable.load(settings.latencies, space) if settings.latencies else None
        costs = CostModel(space, settings.input_size, list(settings.budget.intervals), latencies)
        self.feasible = Feasible(costs, settings.budget)
        self.strategy.check(self.feasible)
        self.anchors = {name: costs.candidate(arch) for name, arch in space.anchors.items()}
