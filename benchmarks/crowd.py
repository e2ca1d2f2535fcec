"""Thousands of peers that only are there: how fast they come, and what each costs (crowd.c).

The clock runs from the first connect to the last answer: the client's handshake and its first
message. CPU for that counts until a second later, when everything has settled.
"""

import resource
import time
from typing import Final

from benchmarks import procfs
from benchmarks.child import Child, Failed
from benchmarks.clients import Client
from benchmarks.content import PIECE
from benchmarks.loopback import CLIENT_HOST
from benchmarks.native import compiled, no_compiler

SETTLE: Final = 1.0
"""Seconds of rest before the first connect, and behind the last answer."""
WATCHED: Final = 10.0
"""Seconds for which nothing happens: long enough for what is done every ten."""
ACCEPT_LIMIT: Final = 120.0
"""Seconds for all peers to be connected."""
SPARE: Final = 500
"""Descriptors that a client has for other things."""


def impossible(peers: int) -> str | None:
    """Why so many peers cannot be had here, or None. Each end needs a descriptor for each."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < peers + SPARE:
        return f"{peers + SPARE} descriptors are needed, ulimit -Hn says {most}"
    return no_compiler()


def crowd(client: Client, peers: int, work: str) -> dict[str, float]:
    """The figures of one client with so many idle peers. Failed."""
    sample = client.sample
    argv = [compiled("crowd"), sample.info_hash.hex(), str(sample.size // PIECE), str(peers)]
    reference = Child(argv, work)
    try:
        client.seed()
        reference.moment("ready", ACCEPT_LIMIT)
        time.sleep(SETTLE)
        return _measure(client, reference, peers)
    finally:
        reference.stop()


def _measure(client: Client, reference: Child, peers: int) -> dict[str, float]:
    pid = client.child.pid
    before, cpu, began, others = procfs.anonymous_memory(pid), *_read(pid)
    reference.tell(f"connect {CLIENT_HOST} {client.port}")
    first = reference.moment("first", ACCEPT_LIMIT)
    done = reference.moment("done", ACCEPT_LIMIT)
    time.sleep(SETTLE)
    idle_from, idle_began, _ = _read(pid)
    time.sleep(WATCHED)
    idle_to, ended, others_after = _read(pid)
    if reference.has_ended:
        raise Failed("the client closed connections of peers that did nothing wrong")
    return {
        "accepts": peers / (done - first),
        "accept_cpu": (idle_from - cpu) / peers * 1e6,
        "each": (procfs.anonymous_memory(pid) - before) / peers / 1e3,
        "idle": (idle_to - idle_from) / (ended - idle_began) * 100,
        "others": max(0.0, others_after - others) / (ended - began),
    }


def _read(pid: int) -> tuple[float, float, float]:
    """CPU seconds of the client, the time, and CPU seconds of whoever is not of this benchmark."""
    return procfs.cpu_of_tree(pid), time.monotonic(), procfs.cpu_of_others()
