"""The tracker itself: from an announce that was understood to its answer, however it came.

Who is served at all is decided here, for both ways; the swarms are the store's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import blake2b
from random import Random
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred

from txtorrent.supervised import Supervised
from txtorrent.trackerserver.access import Access
from txtorrent.trackerserver.fixed import FixedSwarms
from txtorrent.trackerserver.interfaces import Store
from txtorrent.trackerserver.intervals import MEASURED, Intervals, Pace
from txtorrent.trackerserver.passkeys import Passkeys
from txtorrent.trackerserver.proxies import Proxies
from txtorrent.trackerserver.statistics import Statistics
from txtorrent.wire.announce import ScrapeResult
from txtorrent.wire.httptrackerserver import Answer
from txtorrent.wire.received import KEY_SIZE, ReceivedAnnounce, Selection

Scraped = dict[bytes, ScrapeResult]


@frozen
class Policy:
    """What the user has decided; may be replaced while the tracker runs. `passkeys`: None where
    anybody may announce. `numwant` is what a peer gets that names no number."""

    access: Access
    fixed: FixedSwarms
    proxies: Proxies
    passkeys: Passkeys | None = None
    pace: Pace = field(factory=Pace)
    numwant: int = 50
    max_numwant: int = 200


class Tracker:
    """Answers announces and scrapes. `secret` are random bytes that nobody knows."""

    def __init__(
        self, clock: Any, random: Random, store: Store, policy: Policy, secret: bytes
    ) -> None:
        self.store = store
        self.statistics = Statistics()
        self._policy = policy
        self.intervals = Intervals(policy.pace, random.random)
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
        if not policy.access.is_open:
            policy.access.check_torrent(announce.info_hash)
            policy.access.check_address(announce.host)
        if policy.passkeys is not None:
            policy.passkeys.user(passkey)
        is_known = bool(announce.key)
        wanted = policy.numwant if announce.numwant is None else announce.numwant
        if not is_known or wanted != announce.numwant or wanted > policy.max_numwant:
            announce = announce._replace(
                key=announce.key or self._key_of(announce.host),
                numwant=min(wanted, policy.max_numwant),
            )
        found = self.store.announce(announce, self.intervals.lifetime, with_ids)
        if isinstance(found, Deferred):
            return found.addCallback(partial(self._answer, announce, passkey, is_known))
        return self._answer(announce, passkey, is_known, found)

    def scrape(
        self, info_hashes: Sequence[bytes], host: bytes, passkey: bytes | None
    ) -> Scraped | Deferred[Scraped]:
        """How many there are, of those of the torrents that are tracked. Refused."""
        policy = self._policy
        if not policy.access.is_open:
            policy.access.check_address(host)
            info_hashes = [each for each in info_hashes if policy.access.tracks(each)]
        if policy.passkeys is not None:
            policy.passkeys.user(passkey)
        found = self.store.scrape(info_hashes)
        if isinstance(found, Deferred):
            return found.addCallback(partial(policy.fixed.add_scraped, info_hashes))
        return policy.fixed.add_scraped(info_hashes, found)

    def _answer(
        self,
        announce: ReceivedAnnounce,
        passkey: bytes | None,
        is_known: bool,
        selection: Selection,
    ) -> Answer:
        policy = self._policy
        if policy.fixed:
            selection = policy.fixed.add(announce, selection)
        if policy.passkeys is not None and passkey is not None:
            policy.passkeys.count(passkey, announce)
        return Answer(
            self.intervals.next(),
            policy.pace.min_interval,
            selection,
            announce.host,
            b"" if is_known else announce.key.hex().encode(),
        )

    def _key_of(self, host: bytes) -> bytes:
        """The key of a client that gives none: who is not at its address cannot say that it
        stops."""
        return blake2b(host, key=self._secret, digest_size=KEY_SIZE).digest()
