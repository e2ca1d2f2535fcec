"""Which block to request next from which peer.

The order: pieces already begun come first (strict priority), then the rarest piece of the highest
priority that the peer has; the first few are taken at random. Or, instead of the rarest, the next
in order of their numbers. When every wanted block is requested, the endgame asks an idle peer for
blocks that others have not delivered yet.
"""

from collections.abc import Iterable
from itertools import chain, islice
from random import Random
from typing import Final

from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.pieces import BLOCK, Geometry
from txtorrent.swarm.buffers import BufferPool
from txtorrent.swarm.partial import Partial
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.rarity import MASK, Rarity
from txtorrent.swarm.selection import RUN, levels

RANDOM_FIRST: Final = 4
"""Pieces taken at random before rarest first begins: rare ones come slowly, and without a
whole piece there is nothing to trade."""
SOLE_FOR: Final = 60.0
"""Seconds for which a piece that failed is one peer's alone; then an idle one may help, or a
peer could keep the last piece from us by sending it slowly."""
ENDGAME_REQUESTS: Final = 4
"""Blocks that an idle peer is asked for a second time; more would only waste its upload."""
ENDGAME_LOOKS: Final = 256
"""Partials looked at for these, from a random one on: thousands may be under way."""


class PiecePicker:
    """The blocks of one torrent: had, under way, still to be begun.

    `have` is the torrent's own bitfield, changed here alone while the picker lives, as is
    `settled`: the pieces that are had or not wanted, the same object while all are wanted.

    A piece under way that is not wanted any more is set aside: what was asked for may still come
    and is kept, but no block of it is requested.
    """

    def __init__(
        self, geometry: Geometry, have: Bitfield, pool: BufferPool, random: Random
    ) -> None:
        self.geometry = geometry
        self.have = have
        self.settled = have
        self.partials: dict[int, Partial] = {}
        self.aside: dict[int, Partial] = {}
        """Those of `partials` that are not wanted."""
        self.sequential_from: int | None = None
        """Begin the pieces in order, from this one on and then from 0 on; None: rarest first."""
        self.hold_last = False
        """Do not begin the last piece that is wanted."""
        missing = _number(Bitfield.full(have.size)) & ~_number(have)
        self.rarity = Rarity(_field(have.size, missing), random)
        self.starved = False
        """True when the last pick ended because no buffer was left."""
        self._pool = pool
        self._random = random
        self._open: dict[int, Partial] = {}
        self._suspect: set[int] = set()
        self._per_piece = geometry.blocks_per_piece
        # Of thousands of peers most have nothing or everything: these are theirs, all of them.
        self._nothing = Bitfield(have.size)
        self._everything = Bitfield.full(have.size)

    @property
    def is_endgame(self) -> bool:
        """Every block that may be requested has been requested from somebody."""
        none_left = not self.rarity.remaining or self._must_hold()
        return self._is_under_way and not self._open and none_left

    @property
    def is_holding_last(self) -> bool:
        """Nothing but the last wanted piece is left to request, and `hold_last` forbids it."""
        return self._must_hold() and not self._is_under_way

    # -- what is wanted ------------------------------------------------------------

    def prioritise(self, priorities: bytes | None, settled: Bitfield) -> None:
        """A Priority for each piece, or None if all are normal; `settled` follows from them.

        To be followed by `look_again` for each peer.
        """
        self.settled = settled
        partials = self.partials.items()
        self.aside = {piece: partial for piece, partial in partials if piece in settled}
        self._open = {
            piece: partial
            for piece, partial in partials
            if partial.has_free and piece not in self.aside
        }
        busy = settled.copy()
        for piece in self.partials:
            busy.add(piece)
        free = _number(Bitfield.full(busy.size)) & ~_number(busy)
        self.rarity.arrange(_field(busy.size, free), levels(priorities))

    def look_again(self, peer: Peer) -> None:
        """Pieces are wanted that were not: perhaps the peer has one."""
        if peer.wanted is None:
            self._find_wanted(peer, 0)

    @property
    def bytes_under_way(self) -> int:
        """Bytes of blocks that came, of pieces that are not whole."""
        return BLOCK * sum(each.blocks - each.missing for each in self.partials.values())

    # -- peers ---------------------------------------------------------------------

    def joined(self, peer: Peer) -> None:
        """A peer is there; its pieces are what it has announced so far."""
        self._add_first(peer, peer.have)

    def left(self, peer: Peer) -> None:
        """A peer is gone: its requests are free again."""
        if self.have.is_full:
            self.rarity.forget(peer)
        else:
            self.rarity.remove_peer(peer)
        self.release_all(peer)

    def announced(self, peer: Peer, piece: int) -> bool:
        """A peer has one piece more; True if it is one that we want."""
        if piece in peer.have:
            return False
        if peer.have is self._nothing:
            peer.have = Bitfield(self.have.size)
            self.rarity.forget(peer)
        peer.have.add(piece)
        if not self.have.is_full:
            self.rarity.add_have(peer, piece)
        if self.settled.bits[piece >> 3] & MASK[piece & 7]:
            return False
        if peer.wanted is None:
            peer.wanted = piece
        return True

    def announced_many(self, peer: Peer, pieces: Bitfield) -> None:
        """A peer has these pieces, beside those it announced before."""
        if peer.have.is_empty:
            self._add_first(peer, pieces)
        else:
            before = _number(peer.have)
            if not self.have.is_full:
                self.rarity.add_pieces(peer, _field(pieces.size, _number(pieces) & ~before))
            peer.have = _field(pieces.size, _number(pieces) | before)
            self._find_wanted(peer, 0)

    def _add_first(self, peer: Peer, pieces: Bitfield) -> None:
        peer.have = (
            self._nothing if pieces.is_empty else self._everything if pieces.is_full else pieces
        )
        peer.joined_as_seed = pieces.is_full
        # A seed asks nobody: which pieces are rare is not worth counting any more.
        if not (pieces.is_empty or self.have.is_full):
            self.rarity.add_pieces(peer, pieces)
            self._find_wanted(peer, 0)

    def lost(self, peer: Peer, piece: int) -> list[int]:
        """A peer has a piece no longer (BEP 54): the numbers of the blocks of it that were
        requested from the peer, each of which is free again."""
        if piece not in peer.have:
            return []
        if peer.joined_as_seed:
            self._is_no_seed(peer)
        if not self.have.is_full:
            self.rarity.remove_have(piece)
        peer.have.discard(piece)
        if peer.wanted == piece:
            self._find_wanted(peer, piece)
        partial = self.partials.get(piece)
        if partial is not None and partial.sole is peer:
            partial.sole = None
        lost = [number for number in peer.requests if number // self._per_piece == piece]
        for number in lost:
            self.release(peer, number)
        return lost

    def _is_no_seed(self, peer: Peer) -> None:
        """Its pieces were those of every seed, and were counted as one seed's."""
        peer.joined_as_seed = False
        peer.have = peer.have.copy()
        if not self.have.is_full:
            self.rarity.spread(peer)

    def wants(self, peer: Peer) -> bool:
        """Whether the peer has a piece that we want, and do not hold back.

        One such piece is known of each peer, and another is searched only when that one is had:
        a verified piece costs nothing here, however many peers have it.
        """
        if peer.wanted is not None and peer.wanted in self.settled:
            self._find_wanted(peer, peer.wanted)
        return peer.wanted is not None and not (self.hold_last and self.is_holding_last)

    def _find_wanted(self, peer: Peer, start: int) -> None:
        first, size = start >> 3, len(self.settled.bits)
        for at in chain(range(first, size, RUN), range(0, first, RUN)):
            theirs, settled = peer.have.bits[at : at + RUN], self.settled.bits[at : at + RUN]
            left = int.from_bytes(theirs, "big") & ~int.from_bytes(settled, "big")
            if left:
                peer.wanted = (at + len(theirs)) * 8 - left.bit_length()
                return
        peer.wanted = None

    # -- picking -------------------------------------------------------------------

    def pick(self, peer: Peer, count: int, now: float) -> list[range]:
        """Up to `count` blocks to request from the peer, noted in its requests: runs of their
        numbers, each within one piece.

        Only what the peer may serve: while it chokes, its allowed-fast pieces.
        """
        picked: list[range] = []
        self.starved = False
        self.rarity.refresh(now)
        left = self._pick_from_open(peer, count, picked)
        while left and not self.starved:
            partial = self._begin_for(peer, now)
            if partial is None:
                break
            left = self._take(partial, left, picked)
        if not picked and not peer.requests:
            self._pick_idle(peer, count, picked, now)
        for run in picked:
            peer.requests.update(dict.fromkeys(run, now))
        return picked

    def _pick_from_open(self, peer: Peer, count: int, picked: list[range]) -> int:
        """Pick from the pieces that were begun; how many blocks are still to be picked."""
        bits, mask = peer.have.bits, MASK
        begun: Iterable[tuple[int, Partial]] = tuple(self._open.items())
        if self.sequential_from is not None and len(self._open) > 1:
            begun = self._in_order(self.sequential_from)
        for piece, partial in begun:
            if bits[piece >> 3] & mask[piece & 7] and self._may_serve(peer, partial):
                count = self._take(partial, count, picked)
                if not count or self.starved:
                    break
        return count

    def _in_order(self, start: int) -> list[tuple[int, Partial]]:
        size = self.have.size
        return sorted(self._open.items(), key=lambda begun: (begun[0] - start) % size)

    def _take(self, partial: Partial, count: int, picked: list[range]) -> int:
        """Pick from one piece; how many blocks are still to be picked."""
        base = partial.piece * self._per_piece
        for run in partial.take(count):
            picked.append(range(base + run.start, base + run.stop))
            count -= len(run)
        if not partial.has_free:
            self._open.pop(partial.piece, None)
        elif count:
            self.starved = True
        return count

    def _may_serve(self, peer: Peer, partial: Partial) -> bool:
        """Whether the peer, which has the piece, may be asked for blocks of it."""
        return (not peer.choking or partial.piece in peer.allowed_fast) and (
            partial.sole is None or partial.sole is peer
        )

    def _pick_idle(self, peer: Peer, count: int, picked: list[range], now: float) -> None:
        """For a peer with nothing else to do: what another was too slow with, or is asked for."""
        if self._suspect:
            for partial in self.partials.values():
                if partial.sole is not None and now >= partial.sole_until:
                    partial.sole = None
            self._pick_from_open(peer, count, picked)
        if not picked and self.is_endgame:
            picked += self._pick_again(peer, min(count, ENDGAME_REQUESTS))

    def _begin_for(self, peer: Peer, now: float) -> Partial | None:
        """Put one more piece that the peer has under way; None if it has none to begin."""
        if self._must_hold():
            return None
        piece = self._choose_fast(peer) if peer.choking else self._choose(peer)
        if piece is None:
            return None
        partial = Partial(piece, self.geometry, self._pool)
        if piece in self._suspect:
            partial.sole, partial.sole_until = peer, now + SOLE_FOR
        self.rarity.withdraw(piece)
        self.partials[piece] = self._open[piece] = partial
        return partial

    def _must_hold(self) -> bool:
        """Whether one piece is left to be begun. That of a torrent which has nothing to share yet
        is not held back: it would be for ever."""
        if not self.hold_last or self.rarity.remaining != 1:
            return False
        return bool(self.have) or self._is_under_way

    @property
    def _is_under_way(self) -> bool:
        """Whether a piece is that is wanted."""
        return len(self.partials) > len(self.aside)

    def _choose(self, peer: Peer) -> int | None:
        if self.sequential_from is not None:
            return self.rarity.choose_from(self.sequential_from, peer)
        if self.have.count < RANDOM_FIRST:
            return self.rarity.choose_any(peer)
        return self.rarity.choose(peer)

    def _choose_fast(self, peer: Peer) -> int | None:
        rarity, start, size = self.rarity, self.sequential_from or 0, self.have.size
        offered = [p for p in peer.allowed_fast if rarity.offered(p) and p in peer.have]
        return min(offered, key=lambda p: (rarity.level(p), (p - start) % size), default=None)

    def _pick_again(self, peer: Peer, count: int) -> list[range]:
        start = int(self._random.random() * len(self.partials))
        partials = self.partials.values()
        picked: list[range] = []
        around = chain(islice(partials, start, None), islice(partials, start))
        for partial in islice(around, ENDGAME_LOOKS):
            if partial.piece in self.aside:
                continue
            if partial.piece in peer.have and not partial.sole and self._may_serve(peer, partial):
                base = partial.piece * self._per_piece
                for block in partial.requested_blocks():
                    if len(picked) == count:
                        return picked
                    partial.take_again(block)
                    picked.append(range(base + block, base + block + 1))
        return picked

    # -- what became of a request ------------------------------------------------------

    def release(self, peer: Peer, number: int) -> None:
        """A request ended without data; the block may be requested again, of anybody."""
        if peer.requests.pop(number, None) is None:
            return
        piece, block = divmod(number, self._per_piece)
        partial = self.partials.get(piece)
        if partial is None:
            return
        if partial.sole is peer:
            partial.sole = None
        if partial.release(block) and piece not in self.aside:
            self._open[piece] = partial

    def release_all(self, peer: Peer) -> None:
        """Every request to the peer ended; so did its sole right to any piece."""
        for number in tuple(peer.requests):
            self.release(peer, number)
        for partial in self.partials.values():
            if partial.sole is peer:
                partial.sole = None

    # -- what became of a piece ---------------------------------------------------------

    def verified(self, piece: int) -> None:
        """The piece is had: nobody is asked for it again."""
        self._forget(piece)
        self._suspect.discard(piece)
        self.rarity.withdraw(piece)
        self.have.add(piece)
        if self.settled is not self.have:
            self.settled.add(piece)

    def failed(self, piece: int) -> None:
        """The piece did not match its hash: the next attempt is served by one peer alone."""
        self._suspect.add(piece)
        self.abandoned(piece)

    def abandoned(self, piece: int) -> None:
        """What was assembled of the piece is lost; it may be begun again."""
        self._forget(piece)
        if piece not in self.settled:
            self.rarity.offer(piece)

    def _forget(self, piece: int) -> None:
        partial = self.partials.pop(piece, None)
        self._open.pop(piece, None)
        self.aside.pop(piece, None)
        if partial is not None:
            partial.discard()


# There may be millions of pieces: sets of them are combined as whole numbers.


def _number(pieces: Bitfield) -> int:
    return int.from_bytes(pieces.bits, "big")


def _field(size: int, number: int) -> Bitfield:
    return Bitfield.from_wire(size, number.to_bytes((size + 7) // 8, "big"))
