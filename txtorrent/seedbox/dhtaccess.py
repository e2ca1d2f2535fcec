"""The DHT as users are let at it: what it knows, and searches of their own, within limits.

No search names the info-hash of a private torrent (THREATS D8), whoever asks for it.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from attrs import frozen
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred

from txtorrent.bencode import Value
from txtorrent.dht.dht import Dht, DhtBusy
from txtorrent.dht.publish import PutResult
from txtorrent.dht.search import LookupResult, SampleResult
from txtorrent.dht.table import State
from txtorrent.errors import Code, RequestError
from txtorrent.peersources import PeerSources
from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.sourceviews import LookupView, NodeView, lookup_views, node_views
from txtorrent.session import Session
from txtorrent.wire.dhtitem import Item, public_key

SEARCH_LIMIT: Final = 60.0
"""Seconds for a search: it usually takes a few, and some more where many nodes do not answer."""

_T = TypeVar("_T")


@frozen
class Stored:
    """An item is on `stored` nodes; `seq` is 0 and `public_key` b"" if it is immutable."""

    target: bytes
    public_key: bytes
    seq: int
    stored: int


class DhtAccess:
    """The DHT of a session, on or off; `torrents` are those of the list."""

    def __init__(self, session: Session, torrents: Mapping[bytes, Entry]) -> None:
        self._reactor = session.reactor
        self._sources: PeerSources = session.sources
        self._torrents = torrents

    def nodes(self) -> list[NodeView]:
        """Those that it knows. RequestError: it is off."""
        return node_views(self._dht())

    def lookups(self) -> list[LookupView]:
        """Those under way. RequestError: it is off."""
        return lookup_views(self._dht())

    def find_peers(self, info_hash: bytes, scrape: bool) -> "Deferred[LookupResult]":
        """Look for a torrent's peers once. RequestError."""
        return self._search(lambda dht: dht.find_peers(info_hash, scrape), info_hash)

    def get(self, target: bytes, salt: bytes) -> "Deferred[Item | None]":
        """The item at a target. RequestError."""
        return self._search(lambda dht: dht.get(target, salt), target)

    def get_mutable(self, key: bytes, salt: bytes) -> "Deferred[Item | None]":
        """The newest item of a public key. RequestError."""
        return self._search(lambda dht: dht.get_mutable(key, salt))

    def put(self, value: Value) -> "Deferred[Stored]":
        """Store a value that nobody can change. RequestError."""
        return self._search(lambda dht: dht.put_immutable(value).addCallback(_stored, b""))

    def put_mutable(
        self, private_key: bytes, value: Value, salt: bytes, seq: int | None, cas: int | None
    ) -> "Deferred[Stored]":
        """Store a value that its signer can change. RequestError."""

        def put(dht: Dht) -> "Deferred[Stored]":
            storing = dht.put_mutable(private_key, value, salt, seq, cas)
            return storing.addCallback(_stored, public_key(private_key))

        return self._search(put)

    def sample(self, target: bytes) -> "Deferred[SampleResult]":
        """Info-hashes that nodes on the way to a target have peers of. RequestError."""
        return self._search(lambda dht: dht.sample(target), target)

    # -- inside ------------------------------------------------------------------------------

    def _search(
        self, begin: Callable[[Dht], "Deferred[_T]"], target: bytes = b""
    ) -> "Deferred[_T]":
        return Deferred.fromCoroutine(self._searched(begin, target))

    async def _searched(self, begin: Callable[[Dht], "Deferred[_T]"], target: bytes) -> _T:
        self._check_public(target)
        dht = self._dht()
        if all(row.state is State.BAD for row in dht.table()):
            raise _trouble("the DHT knows nobody to ask: it looks for nodes, try again in a minute")
        try:
            return await begin(dht).addTimeout(SEARCH_LIMIT, self._reactor)
        except ValueError as error:
            raise RequestError(Code.INVALID_PARAMS, str(error)) from None
        except DhtBusy as error:
            raise _trouble(f"{error}: wait until some have ended") from None
        except defer.TimeoutError:
            raise _trouble(
                f"no end of the search within {SEARCH_LIMIT:.0f} s: the DHT has too much to ask,"
                " try again later"
            ) from None
        except CancelledError:
            raise _trouble("the DHT was turned off meanwhile") from None

    def _dht(self) -> Dht:
        if self._sources.dht is not None:
            return self._sources.dht
        raise _trouble(self._sources.trouble or "the DHT is off: turn dht_enabled on")

    def _check_public(self, target: bytes) -> None:
        entry = self._torrents.get(target)
        if entry is not None and entry.record.is_private:
            raise RequestError(
                Code.INVALID_PARAMS,
                f"{entry.record.name} is private: only its trackers are to know of it",
            )


def _stored(result: PutResult, key: bytes) -> Stored:
    return Stored(result.target, key, result.seq, result.stored)


def _trouble(text: str) -> RequestError:
    return RequestError(Code.SYSTEM_ERROR, text)
