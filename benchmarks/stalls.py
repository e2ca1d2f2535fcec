"""The turns of the reactor where something could hold it up: full rate, cold content, a stuck disk.

A turn is what lies between two waits for events (turns.py): while it lasts nothing else is served,
be it a peer, a tracker or whoever controls the daemon.
"""

import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from benchmarks import frozen
from benchmarks.child import Child, Failed
from benchmarks.clients import Client, TxtorrentTurns
from benchmarks.limits import counts
from benchmarks.native import no_compiler
from benchmarks.own import MANY_PEERS, OwnScenario
from benchmarks.procfs import bytes_read_from_disk
from benchmarks.turns import read_turns
from benchmarks.work import (
    RUN_LIMIT,
    Bench,
    Meter,
    ended,
    fetch,
    figures_of,
    set_off,
    sinks,
    sources,
    turn_figures,
    wait_written,
)

PEERS: Final = 10
COLD_PEERS: Final = 4
STALL: Final = 2.0
"""Seconds for which the disk does nothing."""
UNDER_WAY: Final = 0.3
"""Seconds of transfer before the disk stalls."""
STALLED_SIZE: Final = 1024
"""MiB, far more than what can be moved before the disk stalls, and kept in memory after."""
GOES_ON: Final = 5.0
"""Seconds after a stall in which peers must be moving payload again."""
LOOK_EVERY: Final = 0.005


def stalls(mebibytes: int) -> Iterator[OwnScenario]:
    """Both directions at full rate, and both ways for a disk to be slow."""
    yield OwnScenario(
        "stalls-download",
        f"turns while downloading from {PEERS} light seeds, {mebibytes} MiB",
        partial(_download, mebibytes=mebibytes),
        client=TxtorrentTurns.name,
    )
    yield OwnScenario(
        "stalls-cold",
        f"turns while seeding {mebibytes} MiB that are not in memory"
        f" ({frozen.file_system(frozen.DISK)}) to {COLD_PEERS} connections of sink.c",
        partial(_cold, mebibytes=mebibytes),
        lambda: no_compiler() or frozen.no_disk(),
        client=TxtorrentTurns.name,
    )
    yield OwnScenario(
        "stalls-frozen",
        f"turns while downloading to a disk that stalls for {STALL:.0f} s, {STALLED_SIZE} MiB",
        _frozen,
        lambda: no_compiler() or frozen.cannot_freeze(),
        client=TxtorrentTurns.name,
    )


def _download(bench: Bench, *, mebibytes: int) -> dict[str, float]:
    client = TxtorrentTurns(bench.sample(mebibytes), "")
    client.options = MANY_PEERS

    def transfer(client: Client, out: str) -> Meter:
        with bench.folder() as work, sources(client.sample, PEERS, work) as seeds:
            return fetch(bench, client, seeds, out)

    return figures_of(bench, client, transfer)


def _cold(bench: Bench, *, mebibytes: int) -> dict[str, float]:
    """Seed from a disk, what was checked before but has left the page cache since."""
    with frozen.disk_folder() as directory:
        disk = Bench(directory)
        client = TxtorrentTurns(disk.sample(mebibytes), "")
        read = 0

        def transfer(client: Client, out: str) -> Meter:
            nonlocal read
            with sinks(client.sample, COLD_PEERS, out) as takers:
                client.seed()
                frozen.drop(client.sample.content)
                before = bytes_read_from_disk(client.child.pid)
                meter, begin = set_off(client, takers, client.sample.size * COLD_PEERS)
                meter.stop(begin, takers.moment("done", RUN_LIMIT))
                read = bytes_read_from_disk(client.child.pid) - before
                return meter

        found = figures_of(bench, client, transfer)
        return found | {"cold": 100 * read / client.sample.size}


def _frozen(bench: Bench) -> dict[str, float]:
    """Download to a file system that is frozen for a while; state and content lie there."""
    sample = bench.sample(STALLED_SIZE)
    with bench.folder() as work, frozen.mounted(work, sample.size) as mount:
        state, out = (os.path.join(mount, name) for name in ("state", "content"))
        os.mkdir(state)
        os.mkdir(out)
        client = TxtorrentTurns(sample, state)
        with sources(sample, PEERS, work) as seeds, ended(client):
            client.leech(out)
            meter, begin = set_off(client, seeds, sample.size)
            time.sleep(UNDER_WAY)
            stalled = _stall(seeds, mount)
            lost = seeds.count("^lost", time.monotonic())
            end = client.wait_complete(RUN_LIMIT)
            meter.stop(begin, end)
            wait_written(sample, out)
        turns = read_turns(client.turns_file, begin, end)
    if lost:
        raise Failed(f"{lost} of {PEERS} peers were dropped while the disk was stuck")
    return meter.figures() | turn_figures(turns) | stalled


def _stall(seeds: Child, mount: str) -> dict[str, float]:
    """Freeze the disk for a while: what the peers could send meanwhile, and how soon they could
    send again. Failed."""
    with frozen.frozen(mount):
        before = counts(seeds)
        time.sleep(STALL)
        after = counts(seeds)
    deadline = after.at + GOES_ON
    while (now := counts(seeds)).moved == after.moved:
        if now.at > deadline:
            raise Failed(f"nothing moved {GOES_ON:.0f} s after the disk went on")
        time.sleep(LOOK_EVERY)
    return {
        "stalled": (sum(after.moved) - sum(before.moved)) / 1e6,
        "resumed": now.at - after.at,
    }
