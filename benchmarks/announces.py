"""Peers that announce to a tracker: how many it answers, how soon, and what they take in memory.

The tracker has one core and those who announce (announcers.c) another. A run starts a tracker, has
every peer announce that it has started, and then peers by chance: first as fast as it answers, then
at half of that rate on a schedule, from which latencies count.
"""

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from attrs import frozen

from benchmarks import procfs
from benchmarks.child import Child, Failed
from benchmarks.native import compiled, no_compiler
from benchmarks.own import OwnScenario
from benchmarks.trackers import TORRENTS, TRACKER_HOST, TRACKERS, Tracker, cores, on_core
from benchmarks.work import Bench, ended

PEERS: Final = 1_000_000
LEAST_PEERS: Final = TORRENTS
"""One of each torrent."""
QUICK_PEERS: Final = 50_000
"""With --quick: as many to each torrent as an answer has, and soon there."""
WINDOWS: Final = {"udp": 128, "http": 48, "kept": 48}
"""Announces under way at the most: fewer than fit into Linux's usual buffer of a socket (277), or
Twisted's usual backlog (50), so that one that comes late is late and not lost. Where those who
announce come on a schedule they wait for room then, and that counts."""
MEASURED, QUICK_MEASURED = 5.0, 1.5
"""Seconds at full rate, and as many on a schedule."""
SHARE: Final = 0.5
"""Of the highest rate, while latencies are measured."""
SETTLE: Final = 0.5
"""Seconds of rest before memory is looked at."""
FILL_LIMIT: Final = 600.0
"""Seconds for all peers to have announced."""
SPARE: Final = 10.0
"""Seconds beyond those that an order takes."""
RUBBISH_PEERS: Final = 10_000
RUBBISH_RATE: Final = 10_000
"""Datagrams a second."""
RUBBISH_SECONDS: Final = 5.0
_WAYS: Final = {
    "udp": "over UDP",
    "http": "over HTTP, a connection for each",
    "kept": f"over {WINDOWS['kept']} HTTP connections that stay",
}


@frozen
class Announced:
    """What came of one order: `count` announces were answered in so many seconds, `lost` not."""

    count: int
    seconds: float
    lost: int
    p50: float = 0.0
    p99: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.count / self.seconds


class Announcers:
    """The peers of one tracker, that announce to it in one of the three ways."""

    def __init__(self, tracker: Tracker, way: str, peers: int) -> None:
        self.way = way
        port = tracker.udp_port if way == "udp" else tracker.http_port
        argv = [compiled("announcers"), way, TRACKER_HOST, str(port), tracker.hashes, str(peers)]
        self.child = Child(on_core(cores()[1], argv), tracker.work)
        self.stop = self.child.stop
        self.child.wait_for("^ready$", SPARE)

    def fill(self) -> Announced:
        """Every peer announces that it has started. Failed."""
        filled = self._order(f"fill {WINDOWS[self.way]}", FILL_LIMIT)
        if filled.lost:
            raise Failed(f"{filled.lost} of {filled.count + filled.lost} peers had no answer")
        return filled

    def announce(self, seconds: float, rate: float = 0.0) -> Announced:
        """Peers announce by chance, so many a second; 0: as fast as they are answered. Failed."""
        order = f"announce {WINDOWS[self.way]} {seconds} {rate}"
        found = self._order(order, seconds + SPARE)
        if not found.count:
            raise Failed("the tracker answered nothing")
        return found

    def _order(self, order: str, limit: float) -> Announced:
        said = self.child.ask(order, r"^(?:filled|announced) (\d+) ([\d.]+) (\d+)(.*)$", limit)
        return Announced(int(said[1]), float(said[2]), int(said[3]), *map(float, said[4].split()))


def announces(names: Iterable[str], peers: int, *, is_quick: bool) -> Iterator[OwnScenario]:
    """What is measured of each of these trackers; `peers` is the most that they have."""
    kinds = [TRACKERS[name] for name in names]
    seconds = QUICK_MEASURED if is_quick else MEASURED
    steps = [("udp", count) for count in ([] if is_quick else smaller(peers))]
    for way, count in [*steps, ("udp", peers), ("http", peers), ("kept", peers)]:
        for kind in kinds:
            if way == "kept" and (is_quick or not kind.keeps_connections):
                continue
            yield OwnScenario(
                f"tracker-{way}-{count}",
                f"{count:,} peers of {TORRENTS:,} torrents that announce {_WAYS[way]}",
                partial(_measure, kind=kind, way=way, peers=count, seconds=seconds),
                partial(_lacks, kind),
                client=kind.name,
            )
    for kind in [] if is_quick else kinds:
        yield OwnScenario(
            "tracker-rubbish",
            f"{RUBBISH_RATE:,} datagrams a second that are no requests, of as many senders",
            partial(_rubbish, kind=kind),
            partial(_lacks, kind),
            client=kind.name,
        )


def smaller(peers: int) -> list[int]:
    """The powers of ten below, from one peer a torrent on."""
    found = [LEAST_PEERS]
    while found[-1] < peers:
        found.append(found[-1] * 10)
    return found[:-1]


def _lacks(kind: type[Tracker]) -> str | None:
    if len(os.sched_getaffinity(0)) < 2:
        return "it takes two cores"
    if shutil.which("taskset") is None:
        return "taskset (util-linux) is not installed"
    return no_compiler() or kind.absent()


def _measure(
    bench: Bench, *, kind: type[Tracker], way: str, peers: int, seconds: float
) -> dict[str, float]:
    with bench.folder() as work, ended(kind(work)) as tracker:
        tracker.start()
        time.sleep(SETTLE)
        memory = procfs.anonymous_memory(tracker.child.pid)
        with ended(Announcers(tracker, "udp", peers)) as all_of_them:
            filled = all_of_them.fill()
            time.sleep(SETTLE)
            memory = procfs.anonymous_memory(tracker.child.pid) - memory
            own = {"filled": filled.rate, "peer_memory": memory / peers}
            if way == "udp":
                return _load(tracker, all_of_them, seconds) | own
        with ended(Announcers(tracker, way, peers)) as some:
            return _load(tracker, some, seconds)


def _load(tracker: Tracker, some: Announcers, seconds: float) -> dict[str, float]:
    """At full rate and at half of it."""
    pid = tracker.child.pid
    began, others = time.monotonic(), procfs.cpu_of_others()
    before = procfs.cpu_of_tree(pid)
    full = some.announce(seconds)
    used = procfs.cpu_of_tree(pid) - before
    half = some.announce(seconds, full.rate * SHARE)
    others, passed = procfs.cpu_of_others() - others, time.monotonic() - began
    lost = full.lost + half.lost
    return {
        "requests": full.rate,
        "request_cpu": used / full.count * 1e6,
        "core": used / full.seconds * 100,
        "p50": half.p50 * 1e3,
        "p99": half.p99 * 1e3,
        "lost": lost / (full.count + half.count + lost) * 100,
        "others": max(0.0, others) / passed,
    }


def _rubbish(bench: Bench, *, kind: type[Tracker]) -> dict[str, float]:
    """What a tracker sends and keeps of it; those who announce have to be answered after it."""
    with bench.folder() as work, ended(kind(work)) as tracker:
        tracker.start()
        with ended(Announcers(tracker, "udp", RUBBISH_PEERS)) as peers:
            peers.fill()
            watch = procfs.MemoryWatch(tracker.child.pid)
            before = procfs.anonymous_memory(tracker.child.pid)
            sent, got = _sent_and_got(tracker)
            peak = watch.stop()
            peers.announce(QUICK_MEASURED)
        return {"amplified": got / sent, "grown": (peak - before) / (1 << 20)}


def _sent_and_got(tracker: Tracker) -> tuple[int, int]:
    """Bytes of rubbish, and of what came back."""
    argv = [
        compiled("rubbish"), TRACKER_HOST, str(tracker.udp_port),
        str(RUBBISH_RATE), str(RUBBISH_SECONDS),
    ]  # fmt: skip
    with ended(Child(on_core(cores()[1], argv), tracker.work)) as rubbish:
        pattern = r"^rubbish \d+ (\d+) \d+ (\d+)$"
        _, said = rubbish.wait_for(pattern, RUBBISH_SECONDS + SPARE)
        return int(said[1]), int(said[2])
