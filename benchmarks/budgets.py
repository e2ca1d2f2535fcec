"""What must not get worse: the one table of limits, and how a run is held against it.

A limit is microseconds, milliseconds, bytes, KB, %, or a ratio beside another program in the
same rounds. Microseconds are those of the machine that the limits were taken on: how much slower
this one is, the yardstick says. `goal` is what is wanted. Where the limit is looser than the goal,
it is what was measured when the row was last changed: it keeps things from getting worse until the
goal is reached, and then the goal takes its place.
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
THEIR_TRACKER: Final = "opentracker"


@frozen
class Budget:
    """One row. The figure is our share of what it is `beside`, or ours alone (None).

    `reason` is why the goal can be reached, and is worth reaching.
    """

    scenario: str
    figure: str
    limit: float
    goal: float
    reason: str
    beside: str | None = THEIRS

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
        unit = f"x {budget.beside}" if budget.beside else BY_KEY[budget.figure].unit
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
    budgets: Sequence[Budget],
    results: Mapping[str, Mapping[str, Sequence[Run | None]]],
    slow: float = 1.0,
) -> list[Verdict]:
    """Hold results, by scenario and client, against the budgets of those scenarios.

    `slow` is by what factor microseconds are longer on this machine.
    """
    return [
        Verdict(budget, _value(budget, results[budget.scenario], slow))
        for budget in budgets
        if budget.scenario in results
    ]


def _value(
    budget: Budget, clients: Mapping[str, Sequence[Run | None]], slow: float
) -> float | None:
    ours = clients.get(OURS, ())
    if budget.beside:
        values = ratios(ours, clients.get(budget.beside, [None] * len(ours)), budget.figure)
    else:
        values = [run[budget.figure] for run in ours if run and budget.figure in run]
    return _in_usual_time(budget, median(values), slow) if values else None


def _in_usual_time(budget: Budget, value: float, slow: float) -> float:
    """What the value would be on the machine of the limits."""
    return value / slow if BY_KEY[budget.figure].unit == "us" and not budget.beside else value


_CORE: Final = "8 us is 0.5 CPU-s/GB: one core moves 2 GB/s before the reactor is the limit"
_LEECH: Final = "SHA-1 and the kernel's copies are the larger part, and alike for both"
_SEED: Final = "hashing leechers are the limit, so that rates are alike; a block costs less CPU"
_HASH: Final = "nothing but hashing; a bare loop of preadv and SHA-1 comes to 0.78, for the copy"
_MANY: Final = "a peer that is one of 200 costs nothing but its own messages"
_SLOW: Final = "a wake-up for a single block: Twisted's way to the protocol, and one recv, besides"
_SMALL: Final = "every block is a piece: a hash, a row of the journal and a have besides"
_SINK: Final = "nothing but reads and sends: what a seed can do when its peers can take it"
_IDLE: Final = "what nobody uses should cost next to nothing"

_ASLEEP: Final = "a torrent that nobody asks for is a row in memory, and nothing looks at it"
_SHOWN: Final = "a list of all torrents comes while its reader still waits for it"
_READY: Final = "the list is read, nothing else: metainfo and hashes stay where they are"
_DATAGRAM: Final = "a datagram in, a sample of a swarm out; Python between, where opentracker has C"
_GET: Final = "the kernel's connection is a larger part than what is done with the request"
_SOON: Final = "nothing that a tracker does beside answering takes longer than a peer would notice"
_PEER: Final = "address, id, key and time are 40 bytes; their table takes less than thrice that"
_RUBBISH: Final = "whoever forges senders has no use for a tracker, and cannot fill it"

BUDGETS: Final = (
    Budget("download-1", "reactor", 13.0, 8.0, _CORE, beside=None),
    Budget("download-1", "rate", 0.85, 1.0, _LEECH),
    Budget("download-1", "cpu", 1.08, 0.95, _LEECH),
    Budget("download-10", "reactor", 15.0, 8.0, _CORE, beside=None),
    Budget("download-10", "rate", 0.85, 1.0, _LEECH),
    Budget("download-10", "cpu", 1.13, 0.95, _LEECH),
    Budget("seed-1", "reactor", 12.4, 8.0, _CORE, beside=None),
    Budget("seed-1", "rate", 1.0, 1.0, _SEED),
    Budget("seed-1", "cpu", 0.75, 0.75, _SEED),
    Budget("seed-10", "reactor", 10.6, 8.0, _CORE, beside=None),
    Budget("seed-10", "rate", 1.0, 1.0, _SEED),
    Budget("seed-10", "cpu", 0.75, 0.75, _SEED),
    Budget("sink-1", "reactor", 10.2, 8.0, _CORE, beside=None),
    Budget("sink-1", "rate", 0.76, 1.2, _SINK),
    Budget("sink-1", "cpu", 0.87, 0.6, _SINK),
    Budget("sink-10", "reactor", 9.8, 8.0, _CORE, beside=None),
    Budget("sink-10", "rate", 0.95, 1.2, _SINK),
    Budget("sink-10", "cpu", 0.75, 0.6, _SINK),
    Budget("idle-5000", "accept_cpu", 136.0, 100.0, _IDLE, beside=None),
    Budget("idle-5000", "each", 4.0, 4.0, _IDLE, beside=None),
    Budget("idle-5000", "idle", 0.2, 0.2, _IDLE, beside=None),
    Budget("check", "rate", 0.93, 1.0, "as many threads hash as there are cores"),
    Budget("check", "sha1", 0.58, 0.95, _HASH, beside=None),
    Budget("growth-peers-200", "reactor", 14.0, 8.0, _MANY, beside=None),
    Budget("growth-slow-200", "reactor", 36.0, 14.0, _SLOW, beside=None),
    Budget("growth-sink-200", "reactor", 14.0, 8.0, _MANY, beside=None),
    Budget("growth-pieces-65536", "reactor", 34.0, 16.0, _SMALL, beside=None),
    Budget("many-10000", "start", 3.0, 3.0, _READY, beside=None),
    Budget("many-10000", "per_torrent", 6.0, 6.0, _ASLEEP, beside=None),
    Budget("many-10000", "idle", 1.0, 1.0, _ASLEEP, beside=None),
    Budget("many-10000", "get", 0.5, 0.5, _SHOWN, beside=None),
    Budget("many-1000", "start", 3.0, 3.0, _READY, beside=None),
    Budget("many-1000", "per_torrent", 6.0, 6.0, _ASLEEP, beside=None),
    Budget("many-1000", "idle", 1.0, 1.0, _ASLEEP, beside=None),
    Budget("many-1000", "get", 0.05, 0.05, _SHOWN, beside=None),
    Budget("tracker-udp-1000000", "requests", 0.4, 0.4, _DATAGRAM, THEIR_TRACKER),
    Budget("tracker-udp-1000000", "p99", 50.0, 50.0, _SOON, beside=None),
    Budget("tracker-udp-1000000", "peer_memory", 120.0, 120.0, _PEER, beside=None),
    Budget("tracker-udp-50000", "requests", 0.4, 0.4, _DATAGRAM, THEIR_TRACKER),
    Budget("tracker-udp-50000", "p99", 50.0, 50.0, _SOON, beside=None),
    Budget("tracker-http-1000000", "requests", 0.3, 0.3, _GET, THEIR_TRACKER),
    Budget("tracker-http-1000000", "request_cpu", 3.3, 3.3, _GET, THEIR_TRACKER),
    Budget("tracker-http-1000000", "p99", 50.0, 50.0, _SOON, beside=None),
    Budget("tracker-http-50000", "requests", 0.3, 0.3, _GET, THEIR_TRACKER),
    Budget("tracker-http-50000", "request_cpu", 3.3, 3.3, _GET, THEIR_TRACKER),
    Budget("tracker-http-50000", "p99", 50.0, 50.0, _SOON, beside=None),
    Budget("tracker-rubbish", "amplified", 0.1, 0.1, _RUBBISH, beside=None),
    Budget("tracker-rubbish", "grown", 64.0, 64.0, _RUBBISH, beside=None),
)
"""Limits that differ from their goals are what was measured on 2026-11-20, on 2 shared cores; those
of downloads with --quick, in which a connection's first moments are a larger part."""
