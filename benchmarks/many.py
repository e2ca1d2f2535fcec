"""Thousands of complete torrents that nobody asks for: what it costs a daemon to have them.

A run has the daemon started twice: without a torrent, for the memory that it needs anyway, and
with all of them.
"""

import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from benchmarks import procfs
from benchmarks.child import Child, Failed
from benchmarks.clients import HERE, Transmission
from benchmarks.controlled import (
    Controlled,
    ManyTransmission,
    ManyTxtorrent,
    ManyTxtorrentTurns,
)
from benchmarks.library import Library, make_library
from benchmarks.loopback import free_port
from benchmarks.own import OwnScenario
from benchmarks.turns import read_turns
from benchmarks.work import Bench, ended, turn_figures

SETTLE: Final = 3.0
"""Seconds of rest behind the start, which has its own aftermath."""
WATCHED: Final = 20.0
"""Seconds for which nothing happens: long enough twice for what is done every ten."""
ANNOUNCING_SHARE: Final = 5
"""Of the torrents only so many announce: ours begin 40 a second, 10,000 would take four minutes."""
ANNOUNCED_LIMIT: Final = 600.0
"""Seconds until all have announced."""
ANSWER_LIMIT: Final = 10.0
"""Seconds in which the tracker answers us."""
LOOK_EVERY: Final = 0.2
TRACKER_HOST: Final = "127.0.1.201"
ASKED: Final = 3
"""Times that everything is asked for; the median counts."""
FIELDS: Final = (
    "activityDate", "addedDate", "bandwidthPriority", "doneDate", "downloadDir",
    "downloadedEver", "error", "errorString", "eta", "hashString", "haveValid", "id",
    "isFinished", "isPrivate", "isStalled", "labels", "leftUntilDone", "name", "peersConnected",
    "peersGettingFromUs", "peersSendingToUs", "percentDone", "queuePosition", "rateDownload",
    "rateUpload", "sizeWhenDone", "status", "totalSize", "uploadRatio", "uploadedEver",
)  # fmt: skip
"""What a list of torrents shows, 30 of them."""


def many(torrents: int) -> Iterator[OwnScenario]:
    """The same torrents in each daemon."""
    for kind, lacks in (
        (ManyTxtorrent, lambda: None),
        (ManyTxtorrentTurns, lambda: None),
        (ManyTransmission, Transmission.absent),
    ):
        measure = _turns if kind is ManyTxtorrentTurns else _measure
        yield OwnScenario(
            f"many-{torrents}",
            f"{torrents:,} complete torrents that nobody asks for",
            partial(measure, kind=kind, torrents=torrents),
            lacks,
            client=kind.name,
        )
    for kind, lacks in ((ManyTxtorrent, lambda: None), (ManyTransmission, Transmission.absent)):
        count = max(1, torrents // ANNOUNCING_SHARE)
        yield OwnScenario(
            f"many-announcing-{count}",
            f"{count:,} complete torrents that are announced to a tracker when the daemon starts",
            partial(_announcing, kind=kind, torrents=count),
            lacks,
            client=kind.name,
        )


def _measure(bench: Bench, *, kind: type[Controlled], torrents: int) -> dict[str, float]:
    with bench.folder() as work, bench.folder() as empty:
        library = make_library(f"{work}/content", torrents)
        alone = _alone(bench, kind, empty)
        with bench.folder() as home, ended(_prepared(kind, library, home)) as daemon:
            found = {"start": daemon.start()}
            time.sleep(SETTLE)
            found["per_torrent"] = (
                (procfs.anonymous_memory(daemon.child.pid) - alone) / torrents / 1e3
            )
            return found | _idle(daemon) | _answers(daemon)


def _announcing(bench: Bench, *, kind: type[Controlled], torrents: int) -> dict[str, float]:
    """From the start until a tracker has heard of all torrents, and how it is then."""
    port = free_port(TRACKER_HOST)
    argv = [sys.executable, os.path.join(HERE, "httptracker.py"), TRACKER_HOST, str(port)]
    with bench.folder() as work, bench.folder() as empty, ended(Child(argv, work)) as tracker:
        tracker.wait_for("^ready$", ANSWER_LIMIT)
        library = make_library(
            f"{work}/content", torrents, f"http://{TRACKER_HOST}:{port}/announce"
        )
        alone = _alone(bench, kind, empty)
        with bench.folder() as home, ended(_prepared(kind, library, home)) as daemon:
            daemon.start()
            most = _wait_announced(tracker, torrents)
            announced = time.monotonic() - daemon.child.started_at
            used = procfs.cpu_of_tree(daemon.child.pid)
            time.sleep(SETTLE)
            memory = procfs.anonymous_memory(daemon.child.pid) - alone
            return {
                "announced": announced,
                "at_once": most,
                "busy": used / announced * 100,
                "per_torrent": memory / torrents / 1e3,
            } | _idle(daemon)


def _wait_announced(tracker: Child, torrents: int) -> int:
    """Returns when so many have announced: the most requests at once. Failed."""
    deadline = time.monotonic() + ANNOUNCED_LIMIT
    while True:
        said = tracker.ask("count", r"^announced (\d+) (\d+)$", ANSWER_LIMIT)
        if int(said[1]) == torrents:
            return int(said[2])
        if time.monotonic() > deadline:
            raise Failed(f"{said[1]} of {torrents} torrents were announced")
        time.sleep(LOOK_EVERY)


def _alone(bench: Bench, kind: type[Controlled], empty: str) -> int:
    """Bytes of anonymous memory of a daemon without torrents."""
    with bench.folder() as home, ended(_prepared(kind, Library(empty, ()), home)) as daemon:
        daemon.start()
        time.sleep(SETTLE)
        return procfs.anonymous_memory(daemon.child.pid)


def _turns(bench: Bench, *, kind: type[ManyTxtorrentTurns], torrents: int) -> dict[str, float]:
    """The reactor's turns while all torrents are asked for."""
    with bench.folder() as work, bench.folder() as home:
        daemon = kind(make_library(f"{work}/content", torrents), home)
        daemon.prepare()
        with ended(daemon):
            daemon.start()
            time.sleep(SETTLE)
            begin = time.monotonic()
            _answers(daemon)
            end = time.monotonic()
        return turn_figures(read_turns(daemon.turns_file, begin, end))


def _prepared(kind: type[Controlled], library: Library, home: str) -> Controlled:
    daemon = kind(library, home)
    daemon.prepare()
    return daemon


def _idle(daemon: Controlled) -> dict[str, float]:
    """CPU while nothing happens, and how busy the machine was with anything else."""
    before, cpu, others = (
        time.monotonic(),
        procfs.cpu_of_tree(daemon.child.pid),
        procfs.cpu_of_others(),
    )
    time.sleep(WATCHED)
    passed = time.monotonic() - before
    return {
        "idle": (procfs.cpu_of_tree(daemon.child.pid) - cpu) / passed * 100,
        "others": max(0.0, procfs.cpu_of_others() - others) / passed,
    }


def _answers(daemon: Controlled) -> dict[str, float]:
    """Seconds for all torrents, milliseconds for those that changed of late: none."""
    asked = sorted(
        _asked(daemon, {"fields": FIELDS}, len(daemon.library.torrents)) for _ in range(ASKED)
    )
    recent = sorted(
        _asked(daemon, {"fields": FIELDS, "ids": "recently-active"}, 0) for _ in range(ASKED)
    )
    return {"get": asked[ASKED // 2], "recent": recent[ASKED // 2] * 1e3}


def _asked(daemon: Controlled, arguments: dict[str, object], least: int) -> float:
    """Seconds from the request to the last byte of the answer. Failed."""
    begin = time.monotonic()
    answer = daemon.ask("torrent-get", arguments)
    took = time.monotonic() - begin
    if answer.count(b'"hashString"') < least:
        raise Failed(f"{daemon.name} does not tell of all torrents: {answer[:200]!r}")
    return took
