"""Swarms in this process's memory: about ninety bytes a peer; kept over a restart in a file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txtorrent.supervised import Supervised
from txtorrent.trackerserver import snapshot, statefile
from txtorrent.trackerserver.crowd import Below
from txtorrent.trackerserver.interfaces import SIZES, Reason, Refused, Totals, size_class
from txtorrent.trackerserver.swarm import Party, Swarm
from txtorrent.wire.announce import Event, ScrapeResult
from txtorrent.wire.received import ReceivedAnnounce, Selection

MAX_PEERS: Final = 10_000_000
"""Addresses of all swarms together: about a gigabyte."""
MAX_TORRENTS: Final = 5_000_000
"""A swarm of one peer takes 0.7 KB."""
RETRY_WHEN_FULL: Final = 1800
"""Seconds: by then peers that are gone will have been forgotten."""
ROUND: Final = 60
"""Seconds in which every swarm is looked through for peers to forget; more when most of them go."""
TURN: Final = 0.25
"""Seconds between two looks: each takes its share of the round."""
LOOKED_AT: Final = 2_000
"""Rows looked at in one go: next to no work, but ten milliseconds' when all of them have to go."""
REMOVED: Final = 2_000
"""Rows that go after which the rest waits for the next look: else a crowd that goes all at once
would keep everybody waiting."""
KEPT_EMPTY: Final = 7 * 24 * 3600
"""Seconds for which it is remembered how often a torrent without peers was completed, as long as
there are no more than half as many torrents as there may be."""

_STOPPED: Final = Event.STOPPED
_log = Logger()

InThread = Callable[..., Deferred[Any]]
"""Calls a function in a thread, where it may wait for a disk."""


class MemoryStore:
    """A `Store`. `clock` is an IReactorTime, `wall` gives seconds since 1970, `random` chooses
    peers; `path` is the file that keeps them over a restart, None for none."""

    def __init__(
        self,
        clock: Any,
        wall: Callable[[], float],
        random: Random,
        in_thread: InThread,
        path: str | None = None,
        max_peers: int = MAX_PEERS,
        max_torrents: int = MAX_TORRENTS,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._below = below(random)
        self._in_thread = in_thread
        self._path = path
        self._max_peers = max_peers
        self._max_torrents = max_torrents
        self._swarms: dict[bytes, Swarm] = {}
        self._rows = self._seeders = self._leechers = 0
        self._sizes = [0] * (len(SIZES) + 1)
        self._round: deque[bytes] = deque()
        """Torrents in the order in which they are looked through; each is in it once."""
        self._has_read = False
        """Not before that may the file be written: it would say that nobody is there."""
        self._looks = self._look_through()
        self._sweeping = Supervised(clock, TURN, self._sweep)

    async def start(self) -> None:
        """Read what the last run left. A file that is damaged is left out, one that cannot be read
        is not written either; both are said."""
        self._sweeping.start()
        if self._path is None:
            return
        now, wall = self._now(), self._wall()
        try:
            swarms = await self._in_thread(_read, self._path, now, wall, self._below)
        except snapshot.Damaged as error:
            _log.error("{path} is left out: {why}", path=self._path, why=str(error))
        except OSError as error:
            _log.error("{path} is left alone: {why}", path=self._path, why=error.strerror)
            return
        else:
            self._take_over(swarms)
        self._has_read = True

    async def stop(self) -> None:
        """Write the file. One that cannot be written is said: peers will announce again."""
        self._sweeping.stop()
        if self._path is None or not self._has_read:
            return
        parts = snapshot.dump(self._swarms, self._now(), self._wall())
        try:
            await self._in_thread(statefile.write, self._path, parts)
        except OSError as error:
            _log.error("{path} cannot be written: {why}", path=self._path, why=error.strerror)

    def announce(self, announce: ReceivedAnnounce, lifetime: int, with_ids: bool) -> Selection:
        """Of `Store`. Refused: there is no room for one more."""
        swarm = self._swarms.get(announce.info_hash)
        tail = announce.peer_id + announce.key
        if announce.event is _STOPPED:
            return self._stopped(swarm, tail)
        if swarm is None:
            swarm = self._new_swarm(announce.info_hash)
        party = swarm.leechers if announce.left else swarm.seeders
        address = announce.host + announce.port.to_bytes(2, "big")
        crowd = party.crowds[len(address) != 6]
        position = -1 if crowd is None else crowd.find(tail)
        expires = self._now() + lifetime
        if crowd is None or position < 0:
            position = self._take(swarm, party, announce, tail, address, expires)
        else:
            crowd.refresh(position, address, expires)
        return swarm.selection(announce, tail, position, with_ids, self._below)

    def scrape(self, info_hashes: Sequence[bytes]) -> dict[bytes, ScrapeResult]:
        """Of `Store`."""
        found = ((info_hash, self._swarms.get(info_hash)) for info_hash in info_hashes)
        return {
            info_hash: ScrapeResult(swarm.seeders.count, swarm.leechers.count, swarm.completed)
            for info_hash, swarm in found
            if swarm is not None
        }

    @property
    def is_up(self) -> bool:
        """Memory always is."""
        return True

    def totals(self) -> Totals:
        """Of `Store`."""
        return Totals(len(self._swarms), self._seeders, self._leechers, tuple(self._sizes))

    # -- peers come and go -------------------------------------------------------------------

    def _new_swarm(self, info_hash: bytes) -> Swarm:
        if self._rows >= self._max_peers:
            raise _full("knows as many peers")
        if len(self._swarms) >= self._max_torrents:
            raise _full("tracks as many torrents")
        swarm = self._swarms[info_hash] = Swarm(self._now())
        self._round.append(info_hash)
        return swarm

    def _take(
        self,
        swarm: Swarm,
        party: Party,
        announce: ReceivedAnnounce,
        tail: bytes,
        address: bytes,
        expires: int,
    ) -> int:
        """A peer is new here, or in another party than before, or at one more address; gives its
        position."""
        if self._rows >= self._max_peers and not swarm.knows(tail):
            raise _full("knows as many peers")
        is_new_seed = party is swarm.seeders and not party.has(tail)
        self._count(swarm, -1)
        position = swarm.take(party, tail, address, expires, self._below)
        swarm.completed += is_new_seed and announce.event is Event.COMPLETED
        swarm.touched = self._now()
        self._count(swarm, 1)
        return position

    def _stopped(self, swarm: Swarm | None, tail: bytes) -> Selection:
        if swarm is None:
            return Selection(0, 0, 0)
        self._count(swarm, -1)
        swarm.forget(tail)
        swarm.touched = self._now()
        self._count(swarm, 1)
        return Selection(swarm.seeders.count, swarm.leechers.count, swarm.completed)

    def _count(self, swarm: Swarm, sign: int) -> None:
        """Take a swarm out of the totals (-1) before it changes, and in again (1) after that."""
        self._rows += sign * swarm.rows
        self._seeders += sign * swarm.seeders.count
        self._leechers += sign * swarm.leechers.count
        peers = swarm.seeders.count + swarm.leechers.count
        if peers:
            self._sizes[size_class(peers)] += sign

    def _now(self) -> int:
        return int(self._clock.seconds())

    # -- peers that are not heard of any more ------------------------------------------------

    def _sweep(self) -> None:
        due = (self._rows + len(self._swarms)) * TURN / ROUND + 1
        fewest = self._rows - REMOVED
        try:
            for looked_at in self._looks:
                due -= looked_at
                if due <= 0 or self._rows <= fewest:
                    return
        except Exception:
            self._looks = self._look_through()  # a generator does not go on after an error
            raise

    def _look_through(self) -> Iterator[int]:
        """Looks through one swarm after the other, for ever; yields how much it has looked at."""
        while True:
            if not self._round:
                yield 1
                continue
            info_hash = self._round.popleft()
            swarm = self._swarms[info_hash]
            yield 1
            for party in swarm.parties:
                for family in (0, 1):
                    yield from self._look_at(swarm, party, family)
            if self._is_over(swarm):
                del self._swarms[info_hash]
            else:
                self._round.append(info_hash)

    def _look_at(self, swarm: Swarm, party: Party, family: int) -> Iterator[int]:
        """From the end on: what takes the place of a peer that goes has been looked at."""
        crowd = party.crowds[family]
        end = len(crowd) if crowd is not None else 0
        while end > 0 and (crowd := party.crowds[family]) is not None:
            begin = max(0, end - LOOKED_AT)
            expired = crowd.expired(begin, end, self._now())
            if expired:
                self._count(swarm, -1)
                for tail in map(crowd.tail, expired):
                    party.remove(tail, family)
                self._count(swarm, 1)
                swarm.touched = self._now()
            yield end - begin
            end = begin

    def _is_over(self, swarm: Swarm) -> bool:
        """Whether there is nothing to be remembered of it. What is made up by strangers must not
        keep torrents out."""
        if swarm.rows:
            return False
        is_crowded = len(self._swarms) > self._max_torrents // 2
        return not swarm.completed or is_crowded or self._now() - swarm.touched > KEPT_EMPTY

    # -- the file ----------------------------------------------------------------------------

    def _take_over(self, swarms: list[tuple[bytes, Swarm]]) -> None:
        """What was in the file, as far as there is room. Peers that have announced meanwhile are
        newer than what it says."""
        for info_hash, older in swarms:
            swarm = self._swarms.get(info_hash)
            if self._rows + older.rows > self._max_peers or (
                swarm is None and len(self._swarms) >= self._max_torrents
            ):
                continue
            if swarm is None:
                self._swarms[info_hash] = older
                self._round.append(info_hash)
            else:
                self._count(swarm, -1)
                swarm.absorb(older, self._below)
            self._count(self._swarms[info_hash], 1)


def below(random: Random) -> Below:
    """A random number from 0 up to, but not, the one given, in a third of `randrange`'s time."""
    draw = random.random
    return lambda end: int(draw() * end)


def _read(path: str, now: int, wall: float, below: Below) -> list[tuple[bytes, Swarm]]:
    """The swarms of a file. To be called in a thread: a million peers take seconds."""
    data = statefile.read(path)
    return [] if data is None else list(snapshot.load(data, now, wall, below))


def _full(text: str) -> Refused:
    return Refused(Reason.FULL, f"this tracker {text} as it can", RETRY_WHEN_FULL)
