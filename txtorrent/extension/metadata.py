"""ut_metadata (BEP 9): the `info` dict, given to peers that ask, and fetched while it is not known.

Whom to ask and whom to blame is `swarm.metadata`'s to say. Private torrents have no part in it, as
with other clients: who may know them is for their trackers to say.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txtorrent.bencode import Value
from txtorrent.extension.interfaces import Kind, Link, Swarm
from txtorrent.metainfo.infodict import PIECE, piece_count
from txtorrent.swarm.banlist import party
from txtorrent.swarm.metadata import MetadataFetch
from txtorrent.wire.extension import ExtensionHandshake
from txtorrent.wire.metadata import Data, Reject, Request, decode

NAME: Final = b"ut_metadata"
MINUTE: Final = 60.0
"""Seconds for which requests are counted."""
TIMES: Final = 2
"""How often a peer may ask for all of it within a minute: it may have lost one copy."""
SPARE: Final = 8
"""Requests more than that: those of a peer that does not know the size yet, say."""
MOST_LIARS: Final = 1000
"""Hosts remembered for having sent wrong metadata; the oldest is dropped."""

_log = Logger()

Fetched = Callable[[bytes], "Deferred[bool]"]
"""Is given a whole copy, and says whether it is the torrent's: hashed and read elsewhere."""


@define(eq=False)
class _Asking:
    """The requests of a peer in the minute that began at `since`."""

    since: float
    requests: int = 0


class Metadata:
    """The extension in one torrent.

    `fetched` is for a torrent whose metadata is not known yet. When it says True, that was it. When
    it says False, whoever is to blame is disconnected, and another copy is fetched. When it fails,
    the fault is ours: it is logged, and nothing more is fetched.
    """

    def __init__(self, swarm: Swarm, fetched: Fetched | None = None) -> None:
        self._swarm = swarm
        self._fetched = fetched
        self._fetch: MetadataFetch[Link] | None = None if fetched is None else MetadataFetch()
        self._asking: dict[Link, _Asking] = {}
        self._liars: dict[str, None] = {}
        self._stopped = False

    @property
    def size(self) -> int | None:
        """Bytes of the metadata, or what its sources say; None while nobody says anything."""
        metadata = self._swarm.metadata
        if metadata is not None:
            return len(metadata)
        return None if self._fetch is None else self._fetch.size

    @property
    def progress(self) -> float:
        """How much of the metadata there is, from 0 to 1."""
        if self._swarm.metadata is not None:
            return 1.0
        return 0.0 if self._fetch is None else self._fetch.progress

    # -- as an extension -------------------------------------------------------------------

    def greeting(self) -> Mapping[bytes, Value]:
        """Nothing: the size is among the keys of BEP 10 that every handshake has."""
        return {}

    def joined(self, link: Link, handshake: ExtensionHandshake) -> None:
        """A peer speaks it; whether it has the metadata, its handshake says."""
        self.heard(link, handshake)

    def heard(self, link: Link, handshake: ExtensionHandshake) -> None:
        """A later handshake: a peer that had no metadata may have it now."""
        size = handshake.metadata_size
        if self._fetch is not None and size is not None and not self._is_liar(link):
            self._fetch.joined(link, size)
            self._ask()

    def received(self, link: Link, payload: bytes) -> None:
        """A message; see `Extension`."""
        match decode(payload):
            case Request(piece):
                self._requested(link, piece)
            case Data() as piece:
                self._piece(link, piece)
            case Reject(piece):
                self._rejected(link, piece)

    def left(self, link: Link) -> None:
        """A connection is gone."""
        self._asking.pop(link, None)
        if self._fetch is not None:
            self._fetch.left(link)

    def tick(self, now: float) -> None:
        """Others are asked in place of those who are slow."""
        self._ask()

    def stop(self) -> None:
        """No more is asked for."""
        self._stopped = True
        self._asking.clear()

    # -- giving ----------------------------------------------------------------------------

    def _requested(self, link: Link, piece: int) -> None:
        metadata = self._swarm.metadata
        size = 0 if metadata is None else len(metadata)
        if not self._may_ask(link, size):
            link.offend("asked for metadata too often")
        elif metadata is not None and piece * PIECE < size:
            data = bytes(metadata[piece * PIECE : (piece + 1) * PIECE])
            link.extend(NAME, Data(piece, size, data).encode())
            return
        elif metadata is not None:
            link.offend("asked for metadata that there is not")
        link.extend(NAME, Reject(piece).encode())

    def _may_ask(self, link: Link, size: int) -> bool:
        now = self._swarm.now()
        asking = self._asking.setdefault(link, _Asking(now))
        if now - asking.since >= MINUTE:
            asking.since, asking.requests = now, 0
        asking.requests += 1
        return asking.requests <= TIMES * piece_count(size) + SPARE

    # -- fetching --------------------------------------------------------------------------

    def _piece(self, link: Link, piece: Data) -> None:
        fetch = self._fetch
        if fetch is None or not fetch.received(
            link, piece.piece, piece.size, piece.data, self._swarm.now()
        ):
            link.offend("sent metadata that was not asked for")
            return
        whole = fetch.take()
        if whole is not None:
            self._check(fetch, whole)
        else:
            self._ask()

    def _rejected(self, link: Link, piece: int) -> None:
        fetch = self._fetch
        if fetch is None or not fetch.rejected(link, piece, self._swarm.now()):
            link.offend("rejected metadata that was not asked for")
        else:
            self._ask()

    def _ask(self) -> None:
        if self._fetch is None or self._stopped:
            return
        now = self._swarm.now()
        for link, piece in self._fetch.due(now):
            if not link.extend(NAME, Request(piece).encode()):
                self._fetch.rejected(link, piece, now)

    def _check(self, fetch: MetadataFetch[Link], whole: bytes) -> None:
        assert self._fetched is not None
        judging = self._fetched(whole).addCallback(self._judged, fetch)
        judging.addErrback(lambda failure: _log.failure("metadata was not checked", failure))

    def _judged(self, right: bool, fetch: MetadataFetch[Link]) -> None:
        self._blame(fetch.passed() if right else fetch.failed(), fetch)
        self._ask()

    def _blame(self, guilty: Iterable[Link], fetch: MetadataFetch[Link]) -> None:
        """Nobody of that host is asked again."""
        for link in guilty:
            self._liars[party(link.address.host)] = None
            if len(self._liars) > MOST_LIARS:
                del self._liars[next(iter(self._liars))]
        for link in {*guilty, *filter(self._is_liar, self._swarm.links())}:
            fetch.left(link)
        for link in guilty:
            if link.is_open:
                link.close("sent wrong metadata")

    def _is_liar(self, link: Link) -> bool:
        return party(link.address.host) in self._liars


def _is_public(swarm: Swarm) -> bool:
    return not swarm.is_private


KIND: Final = Kind(NAME, Metadata, _is_public)
"""For torrents whose metadata is known from the start."""


def kind(fetched: Fetched) -> Kind:
    """For a torrent whose metadata is to be fetched; `fetched` is as in `Metadata`."""
    return Kind(NAME, lambda swarm: Metadata(swarm, fetched), _is_public)
