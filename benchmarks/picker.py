"""What the picker costs, without network or disk: python -m benchmarks.picker

One torrent is downloaded from a crowd, a few blocks of each peer a turn, until so many pieces
are had. A quarter each of the peers are seeds, have half, a tenth and a hundredth of the
pieces. The time that the picker is told is that of a download at RATE. Costs are CPU time.

--order priorities gives every fourth piece each priority, --order sequential begins with a piece
in the middle; both cost more than rarest first, and only who asks for them pays.
"""

import argparse
import json
import sys
import tracemalloc
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from time import thread_time
from typing import Final

from attrs import define

from txtorrent.address import Address
from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.pieces import BLOCK, Geometry
from txtorrent.swarm import picker, rarity
from txtorrent.swarm.buffers import BufferPool
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.picker import PiecePicker
from txtorrent.swarm.rate import Rate
from txtorrent.swarm.selection import Priority, settle
from txtorrent.swarm.window import RequestWindow

RATE: Final = 125_000_000
"""Bytes/s of the download."""
TURN: Final = 8
"""Blocks of each peer at a time."""
HAVES: Final = 20
"""Haves a turn, each of another peer."""
MOST_BLOCKS: Final = 200_000
"""Blocks after which enough is known."""
SHARES: Final = (1, 2, 10, 100)
"""A peer has one piece in so many."""
ORDERS: Final = ("rarest", "priorities", "sequential")


@define
class Costs:
    """CPU seconds of the calls of one kind."""

    calls: int = 0
    total: float = 0.0
    longest: float = 0.0

    def add(self, took: float, calls: int = 1) -> None:
        self.calls += calls
        self.total += took
        self.longest = max(self.longest, took)

    def each(self) -> float:
        """Microseconds a call."""
        return self.total / max(self.calls, 1) * 1e6


class Download:
    """A torrent, its peers, and what each kind of call came to."""

    def __init__(self, pieces: int, piece_length: int, peer_count: int) -> None:
        self.pieces = pieces
        self.now = 0.0
        self.blocks = 0
        self.costs: defaultdict[str, Costs] = defaultdict(Costs)
        self.peers: list[Peer] = []
        self.random = Random(1)
        self._announced = [self._pieces(SHARES[at % 4]) for at in range(peer_count)]
        geometry = Geometry(piece_length, pieces * piece_length)
        with self._timed("made"):
            self.picker = PiecePicker(geometry, Bitfield(pieces), BufferPool(), self.random)

    def order(self, name: str) -> None:
        """Pick as one of ORDERS says."""
        if name == "priorities":
            priorities = bytes(Priority) * (self.pieces // len(Priority) + 1)
            with self._timed("prioritised"):
                some = priorities[: self.pieces]
                self.picker.prioritise(some, settle(self.picker.have, some))
        elif name == "sequential":
            self.picker.sequential_from = self.pieces // 2

    def join(self) -> None:
        """The peers come, and say what they have."""
        for at, pieces in enumerate(self._announced):
            self._join(at, pieces)

    def run(self) -> dict[str, float]:
        """The figures: microseconds a call or block, milliseconds of the longest call."""
        self.join()
        before = -1
        while before < self.blocks < MOST_BLOCKS:
            before = self.blocks
            self.turn()
        for peer in tuple(self.peers):
            self._leave(peer)
        return self._figures()

    def turn(self) -> None:
        """Every peer is asked for some blocks, and delivers them."""
        before = self.blocks
        self._haves()
        for peer in self.peers:
            self._pick(peer)
        for peer in self.peers:
            self._deliver(peer)
        self._interest()
        self.now += (self.blocks - before) * BLOCK / RATE

    def _figures(self) -> dict[str, float]:
        costs = self.costs
        figures = {
            "blocks": float(self.blocks),
            "us a block": costs["pick"].total / self.blocks * 1e6,
        }
        figures |= {f"{kind} us": costs[kind].each() for kind in ("have", "verified", "wants")}
        kinds = ("joined", "pick", "verified", "left")
        return figures | {f"longest {kind} ms": costs[kind].longest * 1e3 for kind in kinds}

    # -- what happens ----------------------------------------------------------------------

    def _join(self, at: int, pieces: Bitfield) -> None:
        address = Address(f"10.0.{at >> 8}.{at & 255}", 6881)
        have, window = Bitfield(self.pieces), RequestWindow(0.0)
        peer = Peer(address, b"", have, 0.0, Rate(0.0), Rate(0.0), window)
        peer.choking = False
        self.peers.append(peer)
        with self._timed("joined"):
            self.picker.joined(peer)
            self.picker.announced_many(peer, pieces)

    def _leave(self, peer: Peer) -> None:
        self.peers.remove(peer)
        with self._timed("left"):
            self.picker.left(peer)

    def _haves(self) -> None:
        some = self.random.sample(self.peers, min(HAVES, len(self.peers)))
        news = [(peer, self.random.randrange(self.pieces)) for peer in some]
        with self._timed("have", len(news)):
            for peer, piece in news:
                self.picker.announced(peer, piece)

    def _pick(self, peer: Peer) -> None:
        with self._timed("pick"):
            runs = self.picker.pick(peer, TURN, self.now)
        self.blocks += sum(map(len, runs))

    def _deliver(self, peer: Peer) -> None:
        numbers = tuple(peer.requests)
        peer.requests.clear()
        for number in numbers:
            piece, block = divmod(number, self.picker.geometry.blocks_per_piece)
            partial = self.picker.partials.get(piece)
            if partial is not None and partial.asked(block):
                partial.store(block, b"", peer, self.now)
                if not partial.missing:
                    self._verify(piece)

    def _verify(self, piece: int) -> None:
        with self._timed("verified"):
            self.picker.verified(piece)

    def _interest(self) -> None:
        with self._timed("wants", len(self.peers)):
            for peer in self.peers:
                self.picker.wants(peer)

    # -- inside ----------------------------------------------------------------------------

    def _pieces(self, share: int) -> Bitfield:
        """Each piece with the same chance, eight at a time: there may be millions of them."""
        if share == 1:
            return Bitfield.full(self.pieces)
        eights = Bitfield(8 * 256)
        for piece in self.random.sample(range(8 * 256), 8 * 256 // share):
            eights.add(piece)
        wire = bytearray(self.random.randbytes((self.pieces + 7) // 8).translate(eights.bits))
        wire[-1] &= -1 << -self.pieces % 8
        return Bitfield.from_wire(self.pieces, wire)

    # It measures 1 us of its own.
    @contextmanager
    def _timed(self, kind: str, calls: int = 1) -> Iterator[None]:
        begin = thread_time()
        yield
        self.costs[kind].add(thread_time() - begin, calls)


def memory(order: str, pieces: int, piece_length: int, peer_count: int) -> float:
    """Bytes a piece that the picker holds after some turns, without the peers' bitfields."""
    tracemalloc.start()
    try:
        download = Download(pieces, piece_length, peer_count)
        download.order(order)
        download.join()
        for _ in range(3):
            download.turn()
        held = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    ours = tracemalloc.Filter(True, rarity.__file__), tracemalloc.Filter(True, picker.__file__)
    sizes = held.filter_traces(ours).statistics("filename")
    return sum(each.size for each in sizes) / pieces


def table(runs: dict[str, dict[str, float]]) -> str:
    """A line a figure, a column a run."""
    rows = [["", *runs]]
    for name in next(iter(runs.values())):
        rows.append([name, *(f"{figures[name]:.2f}" for figures in runs.values())])
    return "\n".join(f"{row[0]:20}" + "".join(f"{cell:>12}" for cell in row[1:]) for row in rows)


def main(arguments: list[str]) -> None:
    """Measure, print a table, then the same as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.picker", description=__doc__)
    parser.add_argument("--pieces", type=int, default=65_536)
    parser.add_argument("--peers", type=int, default=200)
    parser.add_argument("--order", choices=ORDERS, default=ORDERS[0])
    parser.add_argument("--kib", type=int, nargs="+", default=[16, 256, 1024], help="of a piece")
    options = parser.parse_args(arguments)
    runs = {}
    for kib in options.kib:
        work = options.pieces, kib * 1024, options.peers
        download = Download(*work)
        download.order(options.order)
        held = memory(options.order, *work)
        runs[f"{kib} KiB"] = download.run() | {"bytes a piece": held}
    print(f"{options.pieces} pieces, {options.peers} peers, {options.order}")
    print(table(runs))
    print(json.dumps(runs))


if __name__ == "__main__":
    main(sys.argv[1:])
