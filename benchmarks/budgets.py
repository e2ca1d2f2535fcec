"""What must not get worse: the one table of limits, and how a run is held against it.

A limit is microseconds a block, or a ratio beside libtorrent in the same rounds: figures that
say the same on a fast machine and on a slow one. `goal` is what is wanted. Where the limit is
looser than the goal, it is what was measured when the row was written, and the reason says so:
it keeps things from getting worse until the goal is reached, and then the goal takes its place.
"""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from attrs import frozen

from benchmarks.figures import BY_KEY, Run, ratios

TOLERANCE: Final = 1.30
"""How far beyond its limit a figure may be: machines of CI are shared, and noisy."""
OURS: Final = "txtorrent"
THEIRS: Final = "libtorrent"


@frozen
class Budget:
    """One row. With `is_ratio` the figure is our share of libtorrent's."""

    scenario: str
    figure: str
    limit: float
    goal: float
    reason: str
    is_ratio: bool = True

    @property
    def is_least(self) -> bool:
        """Whether the limit is the least that is allowed, not the most."""
        return BY_KEY[self.figure].higher_is_better

    def allows(self, value: float) -> bool:
        """Whether the value is within the limit and the tolerance."""
        if self.is_least:
            return value >= self.limit / TOLERANCE
        return value <= self.limit * TOLERANCE

    def reaches(self, value: float) -> bool:
        """Whether the value is what is wanted, without tolerance."""
        return value >= self.goal if self.is_least else value <= self.goal


@frozen
class Verdict:
    """A budget and what was measured; None where a run that it needs failed."""

    budget: Budget
    value: float | None

    @property
    def is_exceeded(self) -> bool:
        return self.value is None or not self.budget.allows(self.value)

    def __str__(self) -> str:
        budget, value = self.budget, self.value
        unit = "x libtorrent" if budget.is_ratio else "us"
        bound = f"{'at least' if budget.is_least else 'at most'} {budget.limit:g} {unit}"
        if value is None:
            words = "not measured"
        else:
            words = f"{value:.2f}, {'reaches' if budget.reaches(value) else 'misses'} the goal"
        mark = "EXCEEDED" if self.is_exceeded else "ok"
        return (
            f"{mark:8}  {budget.scenario} {budget.figure}: {words}"
            f" (budget {bound}, goal {budget.goal:g})"
        )


def judge(
    budgets: Sequence[Budget], results: Mapping[str, Mapping[str, Sequence[Run | None]]]
) -> list[Verdict]:
    """Hold results, by scenario and client, against the budgets of those scenarios."""
    return [
        Verdict(budget, _value(budget, results[budget.scenario]))
        for budget in budgets
        if budget.scenario in results
    ]


def _value(budget: Budget, clients: Mapping[str, Sequence[Run | None]]) -> float | None:
    ours = clients.get(OURS, ())
    if budget.is_ratio:
        values = ratios(ours, clients.get(THEIRS, [None] * len(ours)), budget.figure)
    else:
        values = [run[budget.figure] for run in ours if run and budget.figure in run]
    return median(values) if values else None


_LEECH = "8 us is 0.5 CPU-s/GB of one core: 2 GB/s before the reactor is the limit"

BUDGETS: Final = (Budget("download-1", "reactor", 8.0, 8.0, _LEECH, is_ratio=False),)
