"""Thousands of complete torrents that nobody asks for: what it costs a daemon to have them.

A run has the daemon started twice: without a torrent, for the memory that it needs anyway, and
with all of them.
"""

import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from benchmarks import procfs
from benchmarks.child import Failed
from benchmarks.clients import Transmission
from benchmarks.controlled import (
    Controlled,
    ManyTransmission,
    ManyTxtorrent,
    ManyTxtorrentTurns,
)
from benchmarks.library import Library, make_library
from benchmarks.own import OwnScenario
from benchmarks.turns import read_turns
from benchmarks.work import Bench, ended, turn_figures

SETTLE: Final = 3.0
"""Seconds of rest behind the start, which has its own aftermath."""
WATCHED: Final = 20.0
"""Seconds for which nothing happens: long enough twice for what is done every ten."""
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


def _measure(bench: Bench, *, kind: type[Controlled], torrents: int) -> dict[str, float]:
    with bench.folder() as work, bench.folder() as empty:
        library = make_library(f"{work}/content", torrents)
        with bench.folder() as home, ended(_prepared(kind, Library(empty, ()), home)) as daemon:
            daemon.start()
            time.sleep(SETTLE)
            alone = procfs.anonymous_memory(daemon.child.pid)
        with bench.folder() as home, ended(_prepared(kind, library, home)) as daemon:
            found = {"start": daemon.start()}
            time.sleep(SETTLE)
            found["per_torrent"] = (
                (procfs.anonymous_memory(daemon.child.pid) - alone) / torrents / 1e3
            )
            return found | _idle(daemon) | _answers(daemon)


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
    before, cpu, others = time.monotonic(), procfs.cpu_of_tree(daemon.child.pid), _others()
    time.sleep(WATCHED)
    passed = time.monotonic() - before
    return {
        "idle": (procfs.cpu_of_tree(daemon.child.pid) - cpu) / passed * 100,
        "others": max(0.0, _others() - others) / passed,
    }


def _others() -> float:
    return procfs.cpu_of_machine() - procfs.cpu_of_tree(os.getpid())


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
