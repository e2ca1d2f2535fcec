"""Results as a table for the terminal and as JSON for later. Pure but for reading and writing.

The JSON has every run, so that tables, plots and verdicts can be made again from it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import asdict, define, field

from benchmarks.budgets import OURS, THEIR_TRACKER, THEIRS
from benchmarks.figures import BY_KEY, FIGURES, Figure, Run, Summary, ratios, summaries, summarize

Rounds = dict[str, list[Run | None]]
"""Runs by client, one a round; None where a run failed."""


@define
class Results:
    """What one call of the benchmark measured.

    `scenarios` has the rounds by scenario and `titles` what each is. `machine` and `versions`
    say what it was measured on; `skipped` why a client is not part of it; `failures` what
    went wrong. `steps` has what the yardstick took meanwhile, in microseconds.
    """

    machine: dict[str, Any] = field(factory=dict)
    versions: dict[str, str] = field(factory=dict)
    skipped: dict[str, str] = field(factory=dict)
    titles: dict[str, str] = field(factory=dict)
    scenarios: dict[str, Rounds] = field(factory=dict)
    failures: list[str] = field(factory=list)
    steps: list[float] = field(factory=list)

    def note(self, scenario: str, client: str, run: Run | None) -> None:
        """File one run."""
        self.scenarios.setdefault(scenario, {}).setdefault(client, []).append(run)

    def summaries(self, scenario: str) -> dict[str, dict[str, Summary]]:
        """By client and figure; clients without a run that succeeded are left out."""
        found = {
            client: summaries([run for run in runs if run is not None])
            for client, runs in self.scenarios[scenario].items()
        }
        return {client: figures for client, figures in found.items() if figures}


def to_json(results: Results) -> str:
    """Every run, and their summaries for those who read JSON by eye."""
    shown = {
        scenario: {
            client: {key: asdict(summary) for key, summary in figures.items()}
            for client, figures in results.summaries(scenario).items()
        }
        for scenario in results.scenarios
    }
    return json.dumps({**asdict(results), "summaries": shown}, indent=1) + "\n"


def from_json(text: str) -> Results:
    """What `to_json` wrote."""
    fields = json.loads(text)
    fields.pop("summaries")
    return Results(**fields)


def table(results: Results) -> str:
    """A block of lines for each scenario: medians with least and most in brackets."""
    blocks = [_scenario_table(results, scenario) for scenario in results.scenarios]
    notes = [f"skipped {name}: {why}" for name, why in results.skipped.items()]
    notes += [f"FAILED {failure}" for failure in results.failures]
    return "\n\n".join([*blocks, *(["\n".join(notes)] if notes else [])])


def _scenario_table(results: Results, scenario: str) -> str:
    summed = results.summaries(scenario)
    figures = [f for f in FIGURES if any(f.key in row for row in summed.values())]
    rows = [["client", "runs", *(figure.title for figure in figures)]]
    for client, row in summed.items():
        cells = [_cell(row.get(figure.key), figure) for figure in figures]
        rows.append([client, str(max(s.count for s in row.values())), *cells])
    lines = [results.titles[scenario], *_aligned(rows)]
    return "\n".join([*lines, *_beside(results.scenarios[scenario])])


def _cell(summary: Summary | None, figure: Figure) -> str:
    if summary is None:
        return "-"
    digits = figure.decimals
    return f"{summary.median:.{digits}f} ({summary.least:.{digits}f}-{summary.most:.{digits}f})"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in rows
    ]


def _beside(rounds: Mapping[str, Sequence[Run | None]]) -> list[str]:
    """Our rate and CPU as a share of theirs, round by round."""
    theirs = next((name for name in (THEIRS, THEIR_TRACKER) if name in rounds), None)
    if OURS not in rounds or theirs is None:
        return []
    words = []
    for key in ("rate", "cpu", "requests", "request_cpu"):
        shares = ratios(rounds[OURS], rounds[theirs], key)
        if shares:
            s = summarize(shares)
            title = BY_KEY[key].title
            words.append(f"{title} x {s.median:.2f} ({s.least:.2f}-{s.most:.2f})")
    return [f"{OURS} beside {theirs}: {', '.join(words)}"] if words else []
