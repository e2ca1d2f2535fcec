"""How the cost of a block grows with the number of peers and of pieces, and what memory it takes.

The peers are light: source.c, which sends what it is asked for, and sink.c, which discards. So
the machine is left to the client, with 200 peers as with one.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from benchmarks.clients import Client, Txtorrent
from benchmarks.content import BLOCK, MIB, PIECE
from benchmarks.own import MANY_PEERS, OwnScenario
from benchmarks.work import Bench, Meter, fetch, figures_of, serve, sinks, sources

PEERS: Final = (1, 10, 50, 200)
PIECES: Final = {100: 8 * MIB, 1_000: MIB, 8_192: BLOCK, 65_536: BLOCK}
"""Bytes of a piece by the number of pieces. The last two differ in their number alone."""
SLOW: Final = 1_000_000
"""Bytes/s of a slow peer: 61 blocks, each of which comes alone; 12,000 blocks/s of 200 of them."""
SLOW_SECONDS: Final = 3
"""Of one run with slow peers."""
LEAST_SLOW: Final = 64
"""MiB that a run with slow peers downloads at least: fewer have more time."""
SUNK: Final = 3
"""Times the content's size that sinks are sent, all together, at least."""
MEMORY_PIECES: Final = {"16KiB": BLOCK, "1MiB": PIECE, "16MiB": 16 * MIB}
MEMORY_PEERS: Final = 10


def growth(mebibytes: int) -> Iterator[OwnScenario]:
    """Every step of every row."""
    for peers in PEERS:
        yield OwnScenario(
            f"growth-peers-{peers}",
            f"download from {_some(peers, 'light seed')} (source.c), {mebibytes} MiB",
            partial(_download, mebibytes=mebibytes, peers=peers),
        )
    for peers in PEERS[1:]:
        size = max(LEAST_SLOW, peers * SLOW * SLOW_SECONDS // MIB)
        yield OwnScenario(
            f"growth-slow-{peers}",
            f"download from {peers} seeds of {SLOW // 1000} kB/s, a block at a time, {size} MiB",
            partial(_download, mebibytes=size, peers=peers, rate=SLOW),
        )
    for peers in PEERS:
        size = max(1, mebibytes * SUNK // (SUNK if peers < SUNK else peers))
        yield OwnScenario(
            f"growth-sink-{peers}",
            f"seed to {_some(peers, 'connection')} of sink.c, {size} MiB to each",
            partial(_sink, mebibytes=size, peers=peers),
        )
    for pieces, length in PIECES.items():
        size = pieces * length // MIB
        yield OwnScenario(
            f"growth-pieces-{pieces}",
            f"download {pieces:,} pieces of {length // 1024:,} KiB from {MEMORY_PEERS} light seeds",
            partial(_download, mebibytes=size, peers=MEMORY_PEERS, piece_length=length),
        )


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def memory(mebibytes: int) -> Iterator[OwnScenario]:
    """A download at full rate for each length of a piece."""
    for name, length in MEMORY_PIECES.items():
        yield OwnScenario(
            f"memory-{name}",
            f"download {mebibytes} MiB in pieces of {name} from {MEMORY_PEERS} light seeds",
            partial(_download, mebibytes=mebibytes, peers=MEMORY_PEERS, piece_length=length),
        )


def _download(
    bench: Bench, *, mebibytes: int, peers: int, rate: int = 0, piece_length: int = PIECE
) -> dict[str, float]:
    client = Txtorrent(bench.sample(mebibytes, piece_length), "")
    client.options = MANY_PEERS

    def transfer(client: Client, out: str) -> Meter:
        with bench.folder() as work, sources(client.sample, peers, work, rate) as seeds:
            return fetch(bench, client, seeds, out)

    return figures_of(bench, client, transfer)


def _sink(bench: Bench, *, mebibytes: int, peers: int) -> dict[str, float]:
    client = Txtorrent(bench.sample(mebibytes), "")
    client.options = MANY_PEERS

    def transfer(client: Client, out: str) -> Meter:
        with sinks(client.sample, peers, out) as takers:
            return serve(client, takers, client.sample.size * peers)

    return figures_of(bench, client, transfer)
