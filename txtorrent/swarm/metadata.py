"""Fetching metadata from peers that may lie: what is asked of whom, and who sent what (BEP 9).

What must stay true: memory grows with what arrives, never with the size that a peer claims. One
copy is gathered at a time, of pieces from peers that claim the same size. A copy that fails its
hash names its sender if it had but one; if it had several, copies are from then on fetched from
one peer each, until one is right and shows which pieces of the first were wrong.

While others wait, a copy has its turn only, so that neither a peer that claims a wrong size nor one
that sends slowly on purpose stands in the way of the honest ones.
"""

from collections.abc import Iterator
from hashlib import sha1
from itertools import islice
from typing import Final, Generic, TypeAlias, TypeVar

from attrs import define, field

from txtorrent.metainfo.infodict import piece_count

OUTSTANDING: Final = 3
"""Pieces asked of a peer at a time: the next is on its way while one is answered, and several peers
have something to send."""
PATIENCE: Final = 10.0
"""Seconds without a piece after which others are asked: 1.6 KB/s is slow for anybody."""
MORE_PATIENCE: Final = 3
"""How often it doubles, to 80 s: asking a slow peer again too soon makes it slower."""
REST: Final = 60.0
"""Seconds for which a peer is not asked that rejected a request: many allow so many a minute."""
TURN: Final = 30.0
"""Seconds that a copy has while others could be fetched: hardly any takes longer."""
MOST_DOUBLINGS: Final = 6
"""A copy's turns double, up to half an hour: large metadata of slow peers has its chance."""

P = TypeVar("P")
_Key: TypeAlias = object
"""Of a copy: the size that its sources claim, or its only source."""


@define(eq=False)
class _Source:
    """A peer that says that it has the metadata."""

    size: int
    asked: dict[int, None] = field(factory=dict)
    """Pieces that are awaited."""
    late: set[int] = field(factory=set)
    """Pieces that were asked for and are awaited no longer, but may come."""
    heard_at: float = 0.0
    """When it last sent a piece, or was asked with nothing outstanding."""
    rests_until: float = float("-inf")
    waits: int = 0
    """How often it kept us waiting since it last answered in time."""

    @property
    def is_overdue_at(self) -> float:
        return self.heard_at + PATIENCE * 2.0 ** min(self.waits, MORE_PATIENCE)

    def ask(self, piece: int, now: float) -> None:
        if not self.asked:
            self.heard_at = now
        self.asked[piece] = None

    def give_up(self) -> None:
        """Wait for nothing more."""
        self.late.update(self.asked)
        self.asked.clear()

    def answered(self, piece: int) -> bool:
        """Whether it was asked for the piece, which it is now no longer."""
        if piece in self.asked:
            del self.asked[piece]
            return True
        was_late = piece in self.late
        self.late.discard(piece)
        return was_late


@define(eq=False)
class _Copy(Generic[P]):
    """What has come of one copy: the bytes of each piece until they are taken, its digest, and
    who sent it."""

    key: _Key
    size: int
    ends: float
    """When its turn is over."""
    stalled: bool = False
    """Whether all of its sources keep us waiting: not worth waiting for if there are others."""
    pieces: dict[int, bytes] = field(factory=dict)
    digests: dict[int, bytes] = field(factory=dict)
    senders: dict[int, P] = field(factory=dict)

    @property
    def is_whole(self) -> bool:
        return len(self.digests) == piece_count(self.size)

    def add(self, piece: int, data: bytes, sender: P) -> None:
        self.pieces[piece] = data
        self.digests[piece] = sha1(data).digest()
        self.senders[piece] = sender

    def wrong_senders(self, right: "_Copy[P]") -> set[P]:
        """Who sent pieces that differ from the right ones: all, when not even the size is right."""
        return {
            sender
            for piece, sender in self.senders.items()
            if self.size != right.size or self.digests[piece] != right.digests[piece]
        }


class MetadataFetch(Generic[P]):
    """Metadata on its way. Peers are anything that can be a key; times are in seconds of one clock,
    sizes in bytes."""

    def __init__(self) -> None:
        self._sources: dict[P, _Source] = {}
        self._turns: dict[_Key, int] = {}
        self._copy: _Copy[P] | None = None
        self._failed: _Copy[P] | None = None
        self._checking = False

    @property
    def size(self) -> int | None:
        """How large it is believed to be."""
        return None if self._copy is None else self._copy.size

    @property
    def progress(self) -> float:
        """How much of it has come, from 0 to 1."""
        copy = self._copy
        return 0.0 if copy is None else len(copy.digests) / piece_count(copy.size)

    # -- peers -----------------------------------------------------------------------------

    def joined(self, peer: P, size: int) -> None:
        """A peer says that it has metadata of `size` bytes, 1 or more. What it says later does not
        count: else one peer could claim one size after the other, and each would be tried."""
        self._sources.setdefault(peer, _Source(size))

    def left(self, peer: P) -> None:
        """A peer is gone, or is not to be asked any more."""
        self._sources.pop(peer, None)
        if self._is_alone and not self._checking and self._copy and self._copy.key == peer:
            self._copy = None

    def received(self, peer: P, piece: int, size: int, data: bytes, now: float) -> bool:
        """A piece of metadata of `size` bytes came; whether it is what the peer was asked for.
        `data` is as long as a piece of this number is."""
        source = self._sources.get(peer)
        if source is None:
            return False
        # What is asked for twice may be the answer to the first.
        in_time = piece not in source.late and now - source.heard_at < PATIENCE
        if not source.answered(piece):
            return False
        if size != source.size:
            self.left(peer)
            return False
        source.heard_at = now
        if in_time:
            source.waits = 0
        copy = self._copy
        if copy is not None and copy.key == self._key(peer, source) and piece not in copy.digests:
            copy.add(piece, data, peer)
        return True

    def rejected(self, peer: P, piece: int, now: float) -> bool:
        """A peer will not send a piece; whether it was asked for it."""
        source = self._sources.get(peer)
        if source is None or not source.answered(piece):
            return False
        source.give_up()
        source.rests_until = now + REST
        return True

    # -- what to do ------------------------------------------------------------------------

    def due(self, now: float) -> list[tuple[P, int]]:
        """The pieces to ask for, and of whom: they count as asked for. To be called when something
        has changed, and every second."""
        if self._checking or not self._sources:
            return []
        self._lose_patience(now)
        self._choose(now)
        if self._copy is None:
            return []
        asked: list[tuple[P, int]] = []
        missing = self._missing(self._copy)
        for peer, source in self._askable(self._copy, now):
            most = 1 if source.waits else OUTSTANDING
            for piece in islice(missing, max(most - len(source.asked), 0)):
                source.ask(piece, now)
                asked.append((peer, piece))
        return asked

    def take(self) -> bytes | None:
        """The whole, once it is there, to be checked: nothing is asked for until `passed` or
        `failed` says how that went."""
        copy = self._copy
        if copy is None or self._checking or not copy.is_whole:
            return None
        self._checking = True
        whole = b"".join(copy.pieces[piece] for piece in range(len(copy.pieces)))
        copy.pieces.clear()
        return whole

    def failed(self) -> set[P]:
        """What was taken is wrong; returns who is to blame, as far as that is certain. They are
        not asked again."""
        copy = self._taken()
        self._copy, self._checking = None, False
        senders = set(copy.senders.values())
        if len(senders) == 1:
            for peer in senders:
                self.left(peer)
            return senders
        self._failed = copy
        self._turns.clear()
        return set()

    def passed(self) -> set[P]:
        """What was taken is right; returns who is to blame for an earlier copy."""
        copy = self._taken()
        return set() if self._failed is None else self._failed.wrong_senders(copy)

    # -- inside ----------------------------------------------------------------------------

    @property
    def _is_alone(self) -> bool:
        """Whether a copy comes from one peer alone."""
        return self._failed is not None

    def _key(self, peer: P, source: _Source) -> _Key:
        """Which copy a peer contributes to."""
        return peer if self._is_alone else source.size

    def _taken(self) -> _Copy[P]:
        assert self._copy is not None and self._checking
        return self._copy

    def _groups(self, now: float) -> dict[_Key, list[tuple[P, _Source]]]:
        """The peers that may be asked, by the copies that could be gathered."""
        groups: dict[_Key, list[tuple[P, _Source]]] = {}
        for peer, source in self._sources.items():
            if source.rests_until <= now:
                groups.setdefault(self._key(peer, source), []).append((peer, source))
        return groups

    def _lose_patience(self, now: float) -> None:
        """Wait no longer for those who are slow."""
        slow = [each for each in self._sources.values() if each.asked and each.is_overdue_at <= now]
        for source in slow:
            source.give_up()
            source.waits += 1
        if slow and self._copy is not None:
            group = self._groups(now).get(self._copy.key, ())
            self._copy.stalled = all(source.waits for _, source in group)

    def _choose(self, now: float) -> None:
        """Which copy is gathered now."""
        groups = self._groups(now)
        copy = self._copy
        if copy is None or copy.key not in groups:
            if groups:
                self._begin(groups, now)
        elif len(groups) == 1:
            copy.stalled = False
            copy.ends = max(copy.ends, now + TURN)
        elif copy.stalled:
            del groups[copy.key]
            self._begin(groups, now)
        elif copy.ends <= now:
            self._begin(groups, now)

    def _begin(self, groups: dict[_Key, list[tuple[P, _Source]]], now: float) -> None:
        """A turn, for another copy or for the same once more."""
        key = self._next(groups)
        turns = self._turns.get(key, 0)
        self._turns[key] = turns + 1
        ends = now + TURN * 2.0 ** min(turns, MOST_DOUBLINGS)
        if self._copy is not None and self._copy.key == key:
            self._copy.ends = ends
            return
        for each in self._sources.values():
            each.give_up()
        self._copy = _Copy(key, groups[key][0][1].size, ends)

    def _next(self, groups: dict[_Key, list[tuple[P, _Source]]]) -> _Key:
        """Each claim has its turns in proportion to the peers that make it."""
        known = {self._key(peer, source) for peer, source in self._sources.items()}
        self._turns = {key: turns for key, turns in self._turns.items() if key in known}

        def had(key: _Key) -> tuple[float, int]:
            return self._turns.get(key, 0) / len(groups[key]), -len(groups[key])

        return min(groups, key=had)

    def _missing(self, copy: _Copy[P]) -> Iterator[int]:
        """Pieces that have neither come nor been asked for."""
        awaited = {piece for source in self._sources.values() for piece in source.asked}
        pieces = range(piece_count(copy.size))
        return (each for each in pieces if each not in copy.digests and each not in awaited)

    def _askable(self, copy: _Copy[P], now: float) -> list[tuple[P, _Source]]:
        """The copy's sources that kept us waiting least."""
        group = self._groups(now).get(copy.key, [])
        least = min((source.waits for _, source in group), default=0)
        return [each for each in group if each[1].waits == least]
