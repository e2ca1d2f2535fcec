"""The DHT of a session: a node for each family over one socket, announces, searches, its state.

dht = Dht(reactor, SystemRandom(), send, port, options, seen_as, udp_port=udp_port)
dht.start(state)
membership = dht.join(info_hash, found, seeding)
...
state = dht.stop()

No packet names an info-hash that was not joined or looked for: a private torrent is never given
to it (THREATS D8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any, Final, TypeVar

from attrs import frozen
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txtorrent.address import Address
from txtorrent.bencode import Value, encode
from txtorrent.dht.announces import Announces, Found, Membership
from txtorrent.dht.bootstrap import Bootstrap
from txtorrent.dht.budget import Budget
from txtorrent.dht.node import Node
from txtorrent.dht.publish import Announce, PutItem, PutResult, announce_peer
from txtorrent.dht.routers import Routers
from txtorrent.dht.search import (
    ItemSearch,
    LookupResult,
    PeerSearch,
    SampleResult,
    SampleSearch,
    Search,
)
from txtorrent.dht.state import MOST_NODES, BadState, FamilyState, decode_state, encode_state
from txtorrent.dht.status import (
    ContactRow,
    DhtStatus,
    FamilyStatus,
    LookupRow,
    contact_rows,
    family_status,
    lookup_rows,
)
from txtorrent.wire.dhtitem import (
    MAX_SALT,
    MAX_VALUE,
    Item,
    immutable_target,
    mutable_target,
    public_key,
    sign,
)
from txtorrent.wire.krpcfields import MAX_INTEGER
from txtorrent.wire.krpcnodes import NodeInfo

TICK: Final = 5.0
"""Seconds between looks at what the tables need."""
MOST_SEARCHES: Final = 32
"""Searches of users under way; announces are not among them."""
CROWDED: Final = 64
"""Questions that wait to be sent, from which on no further announce begins: seconds' worth."""

_log = Logger()
_T = TypeVar("_T")


class DhtBusy(Exception):
    """Too many searches are under way already."""


@frozen
class DhtOptions:
    """How the DHT is run. `rate` in bytes/s of all that is sent."""

    routers: tuple[tuple[str, int], ...] = (
        ("router.bittorrent.com", 6881),
        ("dht.transmissionbt.com", 6881),
        ("dht.libtorrent.org", 25401),
        ("router.utorrent.com", 6881),
    )
    read_only: bool = False
    """Ask, but answer nobody (BEP 43)."""
    rate: int = 8000
    ipv4: bool = True
    ipv6: bool = True


class Dht:
    """`send` sends a datagram and never raises; `port` is our TCP port and `udp_port` the one that
    `send` sends from; `seen_as(our_host, voter_host)` hears as whom a node sees us.

    `reactor` provides IReactorTime and IReactorPluggableNameResolver; `random` must not be
    guessable (random.SystemRandom). Once stopped it is not started again: make another.
    """

    def __init__(
        self,
        reactor: Any,
        random: Random,
        send: Callable[[bytes, Address], None],
        port: Callable[[], int],
        options: DhtOptions,
        seen_as: Callable[[str, str], None],
        *,
        udp_port: Callable[[], int],
    ) -> None:
        self._reactor = reactor
        self._random = random
        self._send = send
        self._port = port
        self._udp_port = udp_port
        self._options = options
        self._seen_as = seen_as
        self._routers = Routers(reactor, options.routers)
        self._nodes: dict[bool, Node] = {}
        self._bootstraps: dict[bool, Bootstrap] = {}
        self._searches: dict[Deferred[Any], None] = {}
        self._announces = Announces(reactor, random, self)
        self._timer: IDelayedCall | None = None

    # -- its life ----------------------------------------------------------------------------

    def start(self, state: bytes | None) -> None:
        """Begin; `state` is what `stop` or `state` gave. One that cannot be read is passed over."""
        known = self._read(state)
        budget = Budget(self._options.rate, self._reactor.seconds())
        for ipv6 in self._families():
            self._add_family(ipv6, known.get(ipv6), budget)
        self._tick()

    def stop(self) -> bytes:
        """End everything; the state, for the next start. What is under way is cancelled."""
        state = self.state()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._announces.stop()
        for deferred in tuple(self._searches):
            deferred.cancel()
        for bootstrap in self._bootstraps.values():
            bootstrap.stop()
        for node in self._nodes.values():
            node.stop()
        return state

    def state(self) -> bytes:
        """What is worth keeping: ids, external hosts, and the nodes heard of last."""
        return encode_state(
            (
                ipv6,
                FamilyState(
                    node.own_id,
                    node.host,
                    tuple(each.info for each in node.table.latest(MOST_NODES)),
                ),
            )
            for ipv6, node in self._nodes.items()
        )

    def received(self, datagram: bytes, source: Address) -> None:
        """Take a datagram; `source` is canonical. Whatever it is, nothing is raised."""
        ipv6 = ":" in source.host
        node = self._nodes.get(ipv6)
        if node is None:
            return
        was_ready = node.is_ready
        node.received(datagram, source)
        if node.is_ready and not was_ready:
            self._bootstraps[ipv6].met()

    def know_ourselves(self, host: str) -> None:
        """Take over our external IP address of either family. An id that does not fit it is
        replaced, and the table built anew around the new one (BEP 42)."""
        ipv6 = ":" in host
        node = self._nodes.get(ipv6)
        if node is not None and node.know_ourselves(host):
            self._bootstraps[ipv6].restart()

    def add_node(self, address: Address) -> None:
        """Try a node at the address of a peer that says to have one; more than a few at a time are
        left. Whom a torrent names is for `add_router`."""
        node = self._nodes.get(":" in address.host)
        if node is not None:
            node.meet(address)

    def add_router(self, host: str, port: int) -> None:
        """Have one more to ask when nobody is known. `host` may be a name, and has to be on the
        public network."""
        self._routers.add(host, port)

    # -- torrents ----------------------------------------------------------------------------

    def join(self, info_hash: bytes, found: Found, seeding: Callable[[], bool]) -> Membership:
        """Announce a torrent from now on and give the peers found to `found`.

        `seeding` is asked each time. ValueError when it has joined already."""
        return self._announces.join(info_hash, found, seeding)

    def find_peers(self, info_hash: bytes, scrape: bool = False) -> Deferred[LookupResult]:
        """Look for peers once and announce nothing; DhtBusy."""

        def ended() -> None:
            deferred.callback(search.result())

        search = PeerSearch(self._all, info_hash, ended, _ignored, scrape)
        deferred: Deferred[LookupResult] = Deferred(lambda _: search.cancel())
        return self._run(search, deferred)

    @property
    def can_announce(self) -> bool:
        """Whether there is somebody to ask, and room in the lines."""
        nodes = self._all
        return any(node.is_ready for node in nodes) and all(
            node.asking.waiting < CROWDED for node in nodes
        )

    def announce(
        self,
        info_hash: bytes,
        seed: bool,
        took: Callable[[list[Address]], None],
        ended: Callable[[bool], None],
    ) -> Announce:
        """Find peers, and announce ourselves to the nodes closest to an info-hash."""
        port = self._port()
        question = partial(
            announce_peer,
            info_hash,
            port=port,
            implied=port == self._udp_port(),
            seed=seed,
        )
        return Announce(self._reactor, self._all, info_hash, question, took, ended)

    # -- items (BEP 44) and samples (BEP 51) ---------------------------------------------------

    def get(self, target: bytes, salt: bytes = b"") -> Deferred[Item | None]:
        """Look for the item at a target of 20 bytes, the newest if it is mutable; DhtBusy."""

        def ended() -> None:
            deferred.callback(search.best)

        search = ItemSearch(self._all, target, ended, salt, suffices=True)
        deferred: Deferred[Item | None] = Deferred(lambda _: search.cancel())
        return self._run(search, deferred)

    def get_mutable(self, key: bytes, salt: bytes = b"") -> Deferred[Item | None]:
        """Look for the newest item of a public key of 32 bytes; DhtBusy."""
        return self.get(mutable_target(key, salt), salt)

    def put_immutable(self, value: Value) -> Deferred[PutResult]:
        """Store a value. ValueError when it is longer than 1,000 bytes; DhtBusy."""
        item = Item(_encoded(value))
        return self._put(immutable_target(item.value), b"", lambda best: item, None)

    def put_mutable(
        self,
        private_key: bytes,
        value: Value,
        salt: bytes = b"",
        seq: int | None = None,
        cas: int | None = None,
    ) -> Deferred[PutResult]:
        """Store a value signed with an ed25519 seed of 32 bytes.

        Without `seq` its number is one above that of what is found. With `cas` nodes that have
        another number refuse it. ValueError when value, salt or key is too long; DhtBusy."""
        encoded = _encoded(value)
        if len(salt) > MAX_SALT:
            raise ValueError(f"a salt has at most {MAX_SALT} bytes")
        if seq is not None and not 0 <= seq <= MAX_INTEGER:
            raise ValueError("seq has 63 bits")

        def item(best: Item | None) -> Item:
            above = min(best.seq + 1, MAX_INTEGER) if best is not None else 1
            return sign(private_key, encoded, above if seq is None else seq, salt)

        return self._put(mutable_target(public_key(private_key), salt), salt, item, cas)

    def sample(self, target: bytes) -> Deferred[SampleResult]:
        """Ask the nodes on the way to a target for info-hashes that they have peers of; DhtBusy."""

        def ended() -> None:
            deferred.callback(search.result())

        search = SampleSearch(self._all, target, ended)
        deferred: Deferred[SampleResult] = Deferred(lambda _: search.cancel())
        return self._run(search, deferred)

    # -- what users are told -------------------------------------------------------------------

    @property
    def status(self) -> DhtStatus:
        """How it is."""
        now = self._reactor.seconds()
        families: dict[bool, FamilyStatus] = {
            ipv6: family_status(node, now) for ipv6, node in self._nodes.items()
        }
        next_at = self._announces.next_at
        return DhtStatus(
            ipv4=families.get(False),
            ipv6=families.get(True),
            joined=len(self._announces),
            announcing=self._announces.under_way,
            next_announce=None if next_at is None else max(0.0, next_at - now),
        )

    def table(self) -> list[ContactRow]:
        """The nodes that we know."""
        now = self._reactor.seconds()
        return [row for node in self._all for row in contact_rows(node, now)]

    def lookups(self) -> list[LookupRow]:
        """The lookups under way."""
        now = self._reactor.seconds()
        return [row for node in self._all for row in lookup_rows(node, now)]

    # -- inside ------------------------------------------------------------------------------

    @property
    def _all(self) -> list[Node]:
        return list(self._nodes.values())

    def _families(self) -> list[bool]:
        used = ((False, self._options.ipv4), (True, self._options.ipv6))
        return [ipv6 for ipv6, is_used in used if is_used]

    def _read(self, state: bytes | None) -> dict[bool, FamilyState]:
        try:
            return {} if state is None else decode_state(state)
        except BadState as error:
            _log.warn("the state of the DHT is passed over: {error}", error=error)
            return {}

    def _add_family(self, ipv6: bool, state: FamilyState | None, budget: Budget) -> None:
        node = Node(
            self._reactor,
            self._random,
            self._send,
            budget,
            self._nodes_of,
            self._seen_as,
            ipv6=ipv6,
            read_only=self._options.read_only,
            own_id=state.id if state is not None else None,
        )
        bootstrap = Bootstrap(
            self._reactor,
            node,
            partial(self._routers.addresses, ipv6=ipv6),
            partial(self._hint, not ipv6),
            both=self._options.ipv4 and self._options.ipv6,
        )
        if state is not None:
            node.host = state.host
            bootstrap.hint(state.nodes)
        self._nodes[ipv6], self._bootstraps[ipv6] = node, bootstrap

    def _hint(self, ipv6: bool, nodes: Iterable[NodeInfo]) -> None:
        if ipv6 in self._bootstraps:
            self._bootstraps[ipv6].hint(nodes)

    def _nodes_of(self, ipv6: bool, target: bytes) -> tuple[NodeInfo, ...]:
        node = self._nodes.get(ipv6)
        return node.closest(target) if node is not None else ()

    def _tick(self) -> None:
        self._timer = self._reactor.callLater(TICK, self._tick)
        for ipv6, node in self._nodes.items():
            try:
                node.tick()
                self._bootstraps[ipv6].tick()
            except Exception:
                _log.failure("an error of ours in the periodic work of the DHT; it goes on")

    def _put(
        self,
        target: bytes,
        salt: bytes,
        item_for: Callable[[Item | None], Item],
        cas: int | None,
    ) -> Deferred[PutResult]:
        """Look for what is there and for whom to ask, then store."""
        put = PutItem(target, item_for, cas)
        search = ItemSearch(self._all, target, put.searched, salt)
        put.search = search
        return self._run(search, put.result)

    def _run(self, search: Search, deferred: Deferred[_T]) -> Deferred[_T]:
        if len(self._searches) >= MOST_SEARCHES:
            return fail(DhtBusy("too many searches are under way"))
        self._searches[deferred] = None

        def forget(result: _T) -> _T:
            self._searches.pop(deferred, None)
            return result

        deferred.addBoth(forget)
        search.start()
        return deferred


def _encoded(value: Value) -> bytes:
    encoded = encode(value)
    if len(encoded) > MAX_VALUE:
        raise ValueError(f"a value has at most {MAX_VALUE} bytes, bencoded")
    return encoded


def _ignored(peers: list[Address]) -> None:
    """The result has them all."""
