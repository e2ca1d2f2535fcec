"""The work that is measured: one run of one client at one of the scenarios.

The clock runs from the first byte of payload that the reference side sees to the end: the
client's own word that its download is complete, or the last reference peer that is. Start-up
and connecting are no part of it. CPU counts from before the connections are made.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Final, Protocol, TypeVar

from attrs import define, field, frozen

from benchmarks import procfs
from benchmarks.child import Child
from benchmarks.clients import Client, Txtorrent, TxtorrentTurns, libtorrent_child
from benchmarks.content import BLOCK, PIECE, Sample, is_same, make_sample, verify
from benchmarks.crowd import crowd
from benchmarks.figures import percentile
from benchmarks.loopback import CLIENT_HOST, free_port, peer_host
from benchmarks.native import compiled, sink_command, sink_name
from benchmarks.turns import Turn, read_turns

RUN_LIMIT: Final = 120.0
"""Seconds for one transfer."""
FIRST_LIMIT: Final = 30.0
"""Seconds from the order to connect to the first byte of payload."""
SETTLE: Final = 0.3
"""Seconds of rest before the clock runs: start-up has its own aftermath."""
HASHED_PIECES: Final = 64
"""Pieces hashed to learn how fast this machine hashes: some 40 ms."""
FLUSH_LIMIT: Final = 5.0
"""Seconds in which a complete client must have written what it holds."""


@frozen
class Scenario:
    """One kind of work with a number of reference peers (0: none)."""

    work: str
    peers: int

    @property
    def name(self) -> str:
        return f"{self.work}-{self.peers}" if self.peers else self.work

    @property
    def title(self) -> str:
        return _TITLES[self.work].format(
            peers=self.peers, s="" if self.peers == 1 else "s", sink=sink_name()
        )


_TITLES: Final = {
    "download": "download from {peers} libtorrent seed{s}",
    "seed": "seed to {peers} libtorrent leecher{s}",
    "sink": "seed to {peers} connection{s} of {sink}",
    "check": "hash check at start-up",
    "idle": "{peers} connections that only are there",
}
WORKS: Final = tuple(_TITLES)


@define
class Bench:
    """What a run needs: content, and room in memory for what is downloaded."""

    root: str
    _samples: dict[tuple[int, int], Sample] = field(factory=dict)

    def sample(self, mebibytes: int, piece_length: int = PIECE) -> Sample:
        """Content of this size; made at first need, and kept."""
        key = mebibytes, piece_length
        if key not in self._samples:
            self._samples[key] = make_sample(self.root, *key)
        return self._samples[key]

    def touch_memory(self, size: int) -> None:
        """Have so many bytes of free memory be really there.

        On a virtual machine the first touch of a page is the host's work, and takes as long as
        hashing it. Whoever writes first would pay for it.
        """
        with tempfile.TemporaryFile(dir=self.root) as scratch:
            for _ in range(size // PIECE):
                scratch.write(bytes(PIECE))

    @contextmanager
    def folder(self) -> Iterator[str]:
        """A new directory, gone afterwards."""
        path = tempfile.mkdtemp(dir=self.root)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def run(bench: Bench, scenario: Scenario, kind: type[Client], mebibytes: int) -> dict[str, float]:
    """One run with content of this size; its figures by key. Failed."""
    sample = bench.sample(mebibytes)
    if scenario.work == "check":
        with bench.folder() as work, ended(kind(sample, work)) as client:
            return _check(client)
    if scenario.work == "idle":
        with (
            bench.folder() as work,
            bench.folder() as out,
            ended(kind(sample, work, scenario.peers)) as client,
        ):
            return crowd(client, scenario.peers, out)
    transfer = _TRANSFERS[scenario.work]
    return figures_of(
        bench,
        kind(sample, "", scenario.peers),
        lambda client, out: transfer(bench, client, scenario.peers, out),
    )


def figures_of(
    bench: Bench, client: Client, transfer: Callable[[Client, str], "Meter"]
) -> dict[str, float]:
    """The figures of one transfer, which is given the client and an empty directory. Failed.

    The client's own folder is of this run.
    """
    with bench.folder() as client.work, bench.folder() as out:
        with ended(client):
            meter = transfer(client, out)
        return meter.figures() | figures_of_client(client, meter)


def figures_of_client(client: Client, meter: "Meter") -> dict[str, float]:
    """What only we can be asked."""
    if isinstance(client, TxtorrentTurns):
        return turn_figures(read_turns(client.turns_file, meter.begin, meter.end))
    return {"reactor": meter.reactor} if isinstance(client, Txtorrent) else {}


class Meter:
    """What a client uses while it moves `size` bytes, and how long it takes."""

    def __init__(self, pid: int, size: int) -> None:
        self.begin = self.end = 0.0
        self._pid = pid
        self._size = size
        self._memory = procfs.MemoryWatch(pid)
        self._before = self._read()

    def stop(self, begin: float, end: float) -> "Meter":
        """It is done: the clock ran between these two moments."""
        self._after = self._read()
        self._peak = self._memory.stop()
        self.begin, self.end = begin, end
        return self

    def figures(self) -> dict[str, float]:
        """Those that every client has."""
        time_passed, client, _, others = self._used()
        return {
            "rate": self._size / (self.end - self.begin) / 1e6,
            "cpu": client / (self._size / 1e9),
            "memory": self._peak / 1e6,
            "others": max(0.0, others) / time_passed,
        }

    @property
    def reactor(self) -> float:
        """Microseconds of the first thread's CPU for each block."""
        return self._used()[2] / (self._size / BLOCK) * 1e6

    def _used(self) -> list[float]:
        return [after - before for after, before in zip(self._after, self._before, strict=True)]

    def _read(self) -> tuple[float, float, float, float]:
        """The time, and CPU seconds: the client's, its first thread's, and those of others."""
        return (
            time.monotonic(),
            procfs.cpu_of_tree(self._pid),
            procfs.cpu_of_main_thread(self._pid),
            procfs.cpu_of_others(),
        )


def _check(client: Client) -> dict[str, float]:
    """The check's rate, and what share it is of what all cores can hash."""
    most = sha1_rate() * (os.cpu_count() or 1)
    rate = client.sample.size / client.check().seconds
    return {"rate": rate / 1e6, "sha1": rate / most}


def sha1_rate() -> float:
    """Bytes/s that one thread hashes of memory in its core's cache, when nobody disturbs it."""
    data, took = bytes(PIECE), []
    for _ in range(HASHED_PIECES):
        begin = time.perf_counter()
        hashlib.sha1(data, usedforsecurity=False).digest()
        took.append(time.perf_counter() - begin)
    return PIECE / median(took)


def _download(bench: Bench, client: Client, peers: int, out: str) -> Meter:
    with bench.folder() as work:
        addresses = [(peer_host(i), free_port(peer_host(i))) for i in range(peers)]
        seeds = libtorrent_child(
            client.sample, work, addresses, [client.sample.directory] * peers,
            seeds=True, is_reference=True,
        )  # fmt: skip
        with ended(seeds):
            return fetch(bench, client, seeds, out)


def fetch(bench: Bench, client: Client, seeds: Child, out: str) -> Meter:
    """Have everything downloaded from these seeds, into an empty directory. Failed."""
    bench.touch_memory(client.sample.size)
    client.leech(out)
    meter, begin = set_off(client, seeds, client.sample.size)
    meter.stop(begin, client.wait_complete(RUN_LIMIT))
    wait_written(client.sample, out)
    return meter


def _seed(bench: Bench, client: Client, peers: int, out: str) -> Meter:
    folders = [os.path.join(out, str(i)) for i in range(peers)]
    for folder in folders:
        os.mkdir(folder)
    with bench.folder() as work:
        addresses = [(peer_host(i), free_port(peer_host(i))) for i in range(peers)]
        leechers = libtorrent_child(
            client.sample, work, addresses, folders,
            seeds=False, is_reference=True,
        )  # fmt: skip
        with ended(leechers):
            bench.touch_memory(client.sample.size * peers)
            meter = serve(client, leechers, client.sample.size * peers)
            for folder in folders:
                wait_written(client.sample, folder)
    return meter


def _sink(bench: Bench, client: Client, peers: int, out: str) -> Meter:
    with sinks(client.sample, peers, out) as sink:
        return serve(client, sink, client.sample.size * peers)


def serve(client: Client, takers: Child, size: int) -> Meter:
    """Have so many bytes sent to these peers. Failed."""
    client.seed()
    meter, begin = set_off(client, takers, size)
    return meter.stop(begin, takers.moment("done", RUN_LIMIT))


def set_off(client: Client, reference: Child, size: int) -> tuple[Meter, float]:
    """Connect the two; returns once payload moves, and since when."""
    wait_ready(reference)
    meter = Meter(client.child.pid, size)
    return meter, connect(client, reference)


def wait_ready(reference: Child) -> None:
    """Return once the peers are there, and the client has had a moment of rest. Failed."""
    reference.moment("ready", FIRST_LIMIT)
    time.sleep(SETTLE)


def connect(client: Client, reference: Child) -> float:
    """Have peers that are ready dial the client; when the first payload moved. Failed."""
    reference.tell(f"connect {CLIENT_HOST} {client.port}")
    return reference.moment("first", FIRST_LIMIT)


def wait_written(sample: Sample, out: str) -> None:
    """Have the copy verified; a client may hold its last pieces in memory for a moment. Failed."""
    deadline = time.monotonic() + FLUSH_LIMIT
    while not is_same(sample, out) and time.monotonic() < deadline:
        time.sleep(0.1)
    verify(sample, out)


_TRANSFERS: Final[dict[str, Callable[[Bench, Client, int, str], Meter]]] = {
    "download": _download,
    "seed": _seed,
    "sink": _sink,
}


def turn_figures(turns: list[Turn]) -> dict[str, float]:
    """The longest turn of the reactor and the one that 99.9 % do not exceed; milliseconds."""
    longest = max(turns, key=lambda turn: turn.took)
    return {
        "turn_p999": percentile((turn.took for turn in turns), 0.999) * 1e3,
        "turn_longest": longest.took * 1e3,
        "turn_longest_cpu": longest.cpu * 1e3,
    }


@contextmanager
def sinks(sample: Sample, peers: int, work: str) -> Iterator[Child]:
    """So many connections that only ask and discard."""
    argv = [sample.info_hash.hex(), str(sample.size), str(sample.piece_length), str(peers)]
    with ended(Child([*sink_command(), *argv], work)) as sink:
        yield sink


@contextmanager
def sources(sample: Sample, peers: int, work: str, rate: int = 0) -> Iterator[Child]:
    """So many connections of light seeds, each of so many bytes/s (0: no limit)."""
    argv = [sample.info_hash.hex(), str(sample.piece_length), str(peers), str(rate)]
    with ended(Child([compiled("source"), sample.content, *argv], work)) as seeds:
        yield seeds


class Stoppable(Protocol):
    """What has to be ended."""

    def stop(self) -> None:
        """End it."""


S = TypeVar("S", bound=Stoppable)


@contextmanager
def ended(child: S) -> Iterator[S]:
    """Have it stopped at the end."""
    try:
        yield child
    finally:
        child.stop()
