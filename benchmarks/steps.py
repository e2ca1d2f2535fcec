"""What each step of growth costs: the factor in CPU a block beside what n log n allows. Pure."""

import re
from collections.abc import Iterator
from itertools import pairwise
from math import log2
from typing import Final

from attrs import frozen

from benchmarks.budgets import OURS
from benchmarks.figures import BY_KEY, Summary
from benchmarks.report import Results

COSTS: Final = ("cpu", "reactor")
"""Keys of figures that are CPU for so many blocks."""
_NAME: Final = re.compile(r"growth-([a-z]+)-(\d+)")

Points = dict[int, dict[str, Summary]]
"""Summaries by the number of peers or pieces and by figure."""


@frozen
class Step:
    """From one number of peers or pieces to the next: what a block costs more."""

    before: int
    after: int
    factor: float

    @property
    def allowed(self) -> float:
        """The factor of n log n in all, which is log n a block; one alone costs something too."""
        return (1 + log2(self.after)) / (1 + log2(self.before))

    def __str__(self) -> str:
        worse = ", WORSE" if self.factor > self.allowed else ""
        return f"{self.before:,} to {self.after:,} x {self.factor:.2f} ({self.allowed:.2f}{worse})"


def growth_rows(results: Results) -> dict[str, Points]:
    """Our own figures of each row (peers, slow, sink, pieces)."""
    rows: dict[str, Points] = {}
    for scenario in results.scenarios:
        if (match := _NAME.fullmatch(scenario)) is not None:
            ours = results.summaries(scenario).get(OURS)
            if ours is not None:
                rows.setdefault(match[1], {})[int(match[2])] = ours
    return rows


def points_by_client(results: Results, row: str) -> dict[str, Points]:
    """Everybody's figures of the scenarios that are called ROW-NUMBER."""
    found: dict[str, Points] = {}
    for scenario in results.scenarios:
        name, _, number = scenario.rpartition("-")
        if name == row and number.isdigit():
            for client, figures in results.summaries(scenario).items():
                found.setdefault(client, {})[int(number)] = figures
    return found


def steps(points: Points, key: str) -> list[Step]:
    """From each number to the next, by the medians."""
    known = sorted(number for number, row in points.items() if key in row)
    return [Step(a, b, points[b][key].median / points[a][key].median) for a, b in pairwise(known)]


def step_lines(results: Results) -> list[str]:
    """A line for each row and cost; none where there was no growth measured."""
    lines = list(_lines(growth_rows(results)))
    if lines:
        lines = ["growth of the cost of a block, beside what n log n in all would be:", *lines]
    return lines


def _lines(rows: dict[str, Points]) -> Iterator[str]:
    for row, points in rows.items():
        for key in COSTS:
            if found := steps(points, key):
                title = BY_KEY[key].title
                yield f"  {row:6}  {title:16}  {', '.join(map(str, found))}"
