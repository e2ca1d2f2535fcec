"""The tracker itself: from an announce that was understood to its answer, however it came.

Who is served at all is decided here, for both ways; the swarms are the store's.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import Any

from attrs import evolve, field, frozen
from twisted.internet.defer import Deferred

from txtorrent.supervised import Supervised
from txtorrent.trackerserver.access import Access
from txtorrent.trackerserver.fixed import FixedSwarms
from txtorrent.trackerserver.interfaces import Store
from txtorrent.trackerserver.intervals import MEASURED, Intervals, Pace
from txtorrent.trackerserver.networks import Networks
from txtorrent.trackerserver.passkeys import Passkeys, User
from txtorrent.trackerserver.proxies import Proxies
from txtorrent.trackerserver.statistics import Statistics
from txtorrent.wire.announce import ScrapeResult
from txtorrent.wire.httptrackerserver import Answer
from txtorrent.wire.received import KEY_SIZE, ReceivedAnnounce, Selection

Scraped = dict[bytes, ScrapeResult]
Found = Selection | Deferred[Selection]


@frozen
class Policy:
    """What the user has decided; may be replaced while the tracker runs. `fixed`: None where no
    peers are; `passkeys`: None where anybody may announce; `stats`: who may see the statistics.
    `numwant` is what a peer gets that names no number."""

    access: Access
    fixed: FixedSwarms | None
    proxies: Proxies
    stats: Networks
    passkeys: Passkeys | None = None
    pace: Pace = field(factory=Pace)
    numwant: int = 50
    max_numwant: int = 200
    is_open: bool = field(init=False)
    """Whether anybody may announce anything."""

    @is_open.default
    def _anybody(self) -> bool:
        return self.access.is_open and self.passkeys is None


class Tracker:
    """Answers announces and scrapes. `clock` is an IReactorTime, `secret` are random bytes."""

    def __init__(
        self, clock: Any, random: Random, store: Store, policy: Policy, secret: bytes
    ) -> None:
        self.store = store
        self.statistics = Statistics()
        self.intervals = Intervals(policy.pace, random.random)
        self._clock = clock
        self._policy = policy
        self._secret = secret
        self._measuring = Supervised(clock, MEASURED, self.intervals.measure)

    @property
    def policy(self) -> Policy:
        """What counts now."""
        return self._policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._policy = policy
        self.intervals.pace = policy.pace

    async def start(self) -> None:
        """Begin."""
        self._measuring.start()
        await self.store.start()

    async def stop(self) -> None:
        """End; nothing may be asked any more."""
        self._measuring.stop()
        await self.store.stop()

    def announce(
        self, announce: ReceivedAnnounce, passkey: bytes | None, with_ids: bool = False
    ) -> Answer | Deferred[Answer]:
        """Take note of a peer, and choose others for it. Refused, at once or later."""
        policy = self._policy
        user = None if policy.is_open else self._admit(announce, passkey)
        is_known, wanted = bool(announce.key), announce.numwant
        if not is_known or wanted is None or wanted > policy.max_numwant:
            announce = self._completed(announce)
        if policy.fixed is not None and not policy.fixed.is_live(announce.info_hash):
            found: Found = Selection(0, 0, 0)
        else:
            found = self.store.announce(announce, self.intervals.lifetime, with_ids)
        if isinstance(found, Selection):
            return self._answer(announce, user, is_known, with_ids, found)
        return found.addCallback(
            lambda chosen: self._answer(announce, user, is_known, with_ids, chosen)
        )

    def _admit(self, announce: ReceivedAnnounce, passkey: bytes | None) -> User | None:
        """The user whose passkey it is, where users have some. Refused: who is nobody is not told
        which torrents there are."""
        policy = self._policy
        user = policy.passkeys.user(passkey) if policy.passkeys is not None else None
        policy.access.check_address(announce.host)
        policy.access.check_torrent(announce.info_hash)
        return user

    def scrape(
        self, info_hashes: Sequence[bytes], host: bytes, passkey: bytes | None
    ) -> Scraped | Deferred[Scraped]:
        """How many there are, of those of the torrents that are tracked. Refused."""
        policy = self._policy
        if policy.passkeys is not None:
            policy.passkeys.user(passkey)
        if not policy.access.is_open:
            policy.access.check_address(host)
            info_hashes = [each for each in info_hashes if policy.access.tracks(each)]
        found = self.store.scrape(info_hashes)
        if isinstance(found, Deferred):
            return found.addCallback(lambda known: self._with_fixed(info_hashes, known))
        return self._with_fixed(info_hashes, found)

    def _with_fixed(self, info_hashes: Sequence[bytes], known: Scraped) -> Scraped:
        """What is known, with the fixed peers."""
        fixed, now = self._policy.fixed, self._clock.seconds()
        if fixed is None:
            return known
        results = ((each, fixed.scraped(each, known.get(each), now)) for each in info_hashes)
        return {each: result for each, result in results if result is not None}

    def _answer(
        self,
        announce: ReceivedAnnounce,
        user: User | None,
        is_known: bool,
        with_ids: bool,
        selection: Selection,
    ) -> Answer:
        policy = self._policy
        if policy.fixed is not None:
            now, lifetime = self._clock.seconds(), self.intervals.lifetime
            selection = policy.fixed.add(announce, selection, with_ids, now, lifetime)
        if policy.passkeys is not None and user is not None:
            policy.passkeys.count(user, announce, self._clock.seconds())
        return Answer(
            self.intervals.next(),
            policy.pace.min_interval,
            selection,
            announce.host,
            b"" if is_known else announce.key.hex().encode(),
        )

    def _completed(self, announce: ReceivedAnnounce) -> ReceivedAnnounce:
        """With the key and the number of peers that count for it."""
        policy = self._policy
        wanted = policy.numwant if announce.numwant is None else announce.numwant
        return evolve(
            announce,
            key=announce.key or self._key_of(announce.host),
            numwant=min(wanted, policy.max_numwant),
        )

    def _key_of(self, host: bytes) -> bytes:
        """The key of a client that gives none: who is not at its address cannot say that it
        stops."""
        return blake2b(host, key=self._secret, digest_size=KEY_SIZE).digest()
