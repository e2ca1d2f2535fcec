"""Whether --download-rate and --upload-rate are kept to, and shared fairly.

What passed is counted at the peers' end, connection by connection, between two moments.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from attrs import frozen

from benchmarks.child import Child
from benchmarks.clients import Client, Txtorrent
from benchmarks.content import MIB
from benchmarks.own import OwnScenario
from benchmarks.work import Bench, Meter, connect, ended, sinks, sources, wait_ready

PEERS: Final = 4
SETTLED: Final = 1.0
"""Seconds after the first byte from which on the limit has to hold."""
MEASURED: Final = 10.0
"""Seconds."""
ANSWER: Final = 10.0
"""Seconds in which a peer says how much it has moved."""
RATES: Final = {"100KiB": 100 * 1024, "200MiB": 200 * MIB}
"""Bytes/s: six blocks a second, and one every 80 us."""
SPARE: Final = 1.5
"""Content by what passes until the measurement is over: an early end would look like a miss."""


@frozen
class Counts:
    """Bytes of payload by connection, from the beginning until a moment (monotonic seconds)."""

    at: float
    moved: tuple[int, ...]


def limits() -> Iterator[OwnScenario]:
    """Both directions at each rate."""
    for name, rate in RATES.items():
        seconds = SETTLED + MEASURED
        size = max(8, int(rate * seconds * SPARE) // MIB)
        yield OwnScenario(
            f"limits-download-{name}",
            f"download from {PEERS} seeds at no more than {name}/s, for {MEASURED:.0f} s",
            partial(_download, mebibytes=size, rate=rate),
        )
        yield OwnScenario(
            f"limits-upload-{name}",
            f"seed to {PEERS} connections of sink.c at no more than {name}/s",
            partial(_upload, mebibytes=max(4, size // PEERS), rate=rate),
        )


def counts(peers: Child) -> Counts:
    """What they have moved by now. Failed."""
    said = peers.ask("count", r"^counts ([\d.]+)((?: \d+)+)$", ANSWER)
    return Counts(float(said[1]), tuple(map(int, said[2].split())))


def kept_to(limit: int, before: Counts, after: Counts) -> dict[str, float]:
    """The rate in per cent of the limit, and by how much that of one peer is off at most, in
    per cent of its fair share."""
    moved = [b - a for a, b in zip(before.moved, after.moved, strict=True)]
    fair = sum(moved) / len(moved)
    return {
        "of_limit": 100 * sum(moved) / (after.at - before.at) / limit,
        "unfair": 100 * max(abs(each - fair) for each in moved) / fair if fair else 100.0,
    }


def _download(bench: Bench, *, mebibytes: int, rate: int) -> dict[str, float]:
    client = Txtorrent(bench.sample(mebibytes), "", PEERS)
    client.options = ("--download-rate", str(rate))
    with bench.folder() as client.work, bench.folder() as out:
        peers = sources(client.sample, PEERS, out)
        with bench.folder() as content, ended(client):
            bench.touch_memory(client.sample.size)
            client.leech(content)
            return _measure(client, peers, rate)


def _upload(bench: Bench, *, mebibytes: int, rate: int) -> dict[str, float]:
    client = Txtorrent(bench.sample(mebibytes), "", PEERS)
    client.options = ("--upload-rate", str(rate))
    with bench.folder() as client.work, bench.folder() as out, ended(client):
        client.seed()
        return _measure(client, sinks(client.sample, PEERS, out), rate)


def _measure(
    client: Client, starting: AbstractContextManager[Child], rate: int
) -> dict[str, float]:
    with starting as peers:
        wait_ready(peers)
        connect(client, peers)
        time.sleep(SETTLED)
        before = counts(peers)
        meter = Meter(client.child.pid, int(rate * MEASURED))
        time.sleep(MEASURED)
        after = counts(peers)
        meter.stop(before.at, after.at)
    used = meter.figures()
    return kept_to(rate, before, after) | {"reactor": meter.reactor, "others": used["others"]}
