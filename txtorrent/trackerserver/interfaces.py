"""What the tracker asks of the place where swarms are kept, and how a request is refused."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol

from twisted.internet.defer import Deferred

from txtorrent.wire.announce import ScrapeResult
from txtorrent.wire.received import ReceivedAnnounce, Selection


class Reason(Enum):
    """Why a request is refused, as statistics count it."""

    MALFORMED = "malformed"
    """A parameter is missing or wrong; the text names it."""
    TORRENT = "torrent"
    """The torrent is not tracked here."""
    ADDRESS = "address"
    """The peer's address is not served."""
    PATH = "path"
    """There is no such page here."""
    PASSKEY = "passkey"
    """No passkey, or one that nobody has."""
    FULL = "full"
    """There is no room for more peers or torrents."""
    STORE = "store"
    """The store cannot be reached."""


class Refused(Exception):
    """A request that is answered with a failure reason.

    `retry_in` is in seconds (BEP 31): 0 when asking again is of no use, None when nothing is said.
    """

    def __init__(self, reason: Reason, text: str, retry_in: float | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.retry_in = retry_in


SIZES: Final = (1, 10, 100, 1_000, 10_000)
"""Peers of a swarm up to which swarms are counted together."""


class Totals(NamedTuple):
    """What a store holds of all swarms together. A peer of both families counts once. `sizes`: how
    many swarms have peers up to each of `SIZES`, but more than the one before, and at last more."""

    torrents: int
    seeders: int
    leechers: int
    sizes: tuple[int, ...] = (0,) * (len(SIZES) + 1)


def size_class(peers: int) -> int:
    """Where in `Totals.sizes` a swarm of one peer or more counts."""
    return bisect_left(SIZES, peers)


class Store(Protocol):
    """Where swarms are kept.

    A result may come at once or later, as a Deferred that ends with it or with `Refused`; what is
    refused at once is raised. Announces of a peer are told apart by peer id and key.
    """

    @property
    def is_up(self) -> bool:
        """Whether it can be asked now."""

    async def start(self) -> None:
        """Begin; what an earlier run left may be read. What cannot be reached yet is no error."""

    async def stop(self) -> None:
        """End, with nothing lost that can be kept, and nothing left open."""

    def announce(
        self, announce: ReceivedAnnounce, lifetime: int, with_ids: bool
    ) -> Selection | Deferred[Selection]:
        """Take note of a peer for `lifetime` seconds (a stopped one is forgotten), and choose up to
        `announce.numwant` others for it; `with_ids`: with their peer ids. `key` and `numwant` are
        given."""

    def scrape(
        self, info_hashes: Sequence[bytes]
    ) -> dict[bytes, ScrapeResult] | Deferred[dict[bytes, ScrapeResult]]:
        """Those of the torrents that are known here."""

    def totals(self) -> Totals:
        """How much there is, or was when that was last known."""
