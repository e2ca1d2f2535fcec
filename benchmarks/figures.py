"""What a run is measured by, and what several runs come to. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Final

from attrs import frozen


@frozen
class Figure:
    """One kind of measurement: its key, its heading, its decimals, and which way is better.

    `unit` is what a budget of it is counted in.
    """

    key: str
    title: str
    decimals: int
    higher_is_better: bool = False
    unit: str = ""


FIGURES: Final = (
    Figure("rate", "MB/s", 0, higher_is_better=True),
    Figure("sha1", "of all cores' SHA-1", 2, higher_is_better=True, unit="x all cores' SHA-1"),
    Figure("cpu", "CPU-s/GB", 2),
    Figure("memory", "peak anon MB", 0),
    Figure("accepts", "accepts/s", 0, higher_is_better=True),
    Figure("accept_cpu", "CPU us/accept", 0, unit="us"),
    Figure("each", "KB/peer", 1, unit="KB"),
    Figure("start", "s to be ready", 2, unit="s"),
    Figure("announced", "s to announce all", 0),
    Figure("at_once", "most announces at once", 0),
    Figure("busy", "CPU % until then", 1, unit="%"),
    Figure("per_torrent", "KB/torrent", 2, unit="KB"),
    Figure("idle", "idle CPU %", 2, unit="%"),
    Figure("get", "s to tell all", 2, unit="s"),
    Figure("recent", "ms recently active", 1, unit="ms"),
    Figure("reactor", "reactor us/block", 2, unit="us"),
    Figure("turn_p999", "turn p99.9 ms", 1),
    Figure("turn_longest", "longest turn ms", 1),
    Figure("turn_longest_cpu", "longest turn CPU ms", 1),
    Figure("cold", "% read from disk", 0, higher_is_better=True),
    Figure("stalled", "MB during the stall", 0),
    Figure("resumed", "s to go on", 2),
    Figure("of_limit", "% of the limit", 1),
    Figure("unfair", "share off by %", 1),
    Figure("requests", "announces/s", 0, higher_is_better=True),
    Figure("request_cpu", "CPU us/announce", 1, unit="us"),
    Figure("core", "% of its core", 0, unit="%"),
    Figure("p50", "p50 ms", 2, unit="ms"),
    Figure("p99", "p99 ms", 2, unit="ms"),
    Figure("lost", "% lost", 3, unit="%"),
    Figure("filled", "started/s", 0, higher_is_better=True),
    Figure("peer_memory", "bytes/peer", 0, unit="bytes"),
    Figure("amplified", "bytes out/in", 3, unit="bytes out/in"),
    Figure("grown", "MiB grown", 1, unit="MiB"),
    Figure("others", "others' cores", 2),
)
"""KB is 1e3 bytes, MB 1e6 and GB 1e9; a block is 16 KiB."""
BY_KEY: Final = {figure.key: figure for figure in FIGURES}

Run = Mapping[str, float]
"""One run: its figures by key. Those that a client does not have are left out."""


@frozen
class Summary:
    """Several runs of one figure."""

    median: float
    least: float
    most: float
    count: int


def summarize(values: Sequence[float]) -> Summary:
    """Median and range of at least one value."""
    return Summary(median(values), min(values), max(values), len(values))


def summaries(runs: Sequence[Run]) -> dict[str, Summary]:
    """A summary of every figure that any of the runs has."""
    found: dict[str, Summary] = {}
    for figure in FIGURES:
        values = [run[figure.key] for run in runs if figure.key in run]
        if values:
            found[figure.key] = summarize(values)
    return found


def ratios(runs: Sequence[Run | None], beside: Sequence[Run | None], key: str) -> list[float]:
    """One client's figure over another's, round by round; rounds that lack one are left out.

    What disturbs the machine for a while disturbs both sides of a round, so that the median of
    these is steadier than the ratio of the medians.
    """
    return [
        ours[key] / theirs[key]
        for ours, theirs in zip(runs, beside, strict=True)
        if ours and theirs and key in ours and theirs.get(key)
    ]


def percentile(values: Iterable[float], share: float) -> float:
    """The least value that at least this share (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
