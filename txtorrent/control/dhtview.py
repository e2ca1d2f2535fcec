"""What the control API asks of the sources of peers besides trackers, and of the DHT.

Units and rules are those of `interfaces`. Info-hashes, targets and node ids are 20 bytes each.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from txtorrent.address import Address
from txtorrent.bencode import Value


class FamilyStatus(Protocol):
    """A node of ours in the DHT of one family; what is counted is counted from its start."""

    @property
    def node_id(self) -> bytes: ...

    @property
    def host(self) -> str | None:
        """Our external IP address, if it is known."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """By reason, what was neither answered nor used."""


class Family(Protocol):
    """`status` has the counters that `dhtmethods.FAMILY` names."""

    @property
    def family(self) -> str:
        """ipv4 or ipv6."""

    @property
    def status(self) -> FamilyStatus: ...


class DhtStatus(Protocol):
    """The DHT, off or on."""

    @property
    def is_on(self) -> bool: ...

    @property
    def trouble(self) -> str:
        """Why it is off although it should be on, in words; else ""."""

    @property
    def is_read_only(self) -> bool: ...

    @property
    def joined(self) -> int:
        """Torrents that are announced."""

    @property
    def announcing(self) -> int:
        """Of these, how many just now."""

    @property
    def next_announce(self) -> float: ...

    @property
    def families(self) -> Sequence[Family]: ...


class ExternalHost(Protocol):
    """An address that others say is ours."""

    @property
    def host(self) -> str: ...

    @property
    def votes(self) -> int: ...

    @property
    def weight(self) -> int: ...

    @property
    def is_believed(self) -> bool: ...


class LocalStatus(Protocol):
    """Local discovery: datagrams, and torrents that are announced."""

    @property
    def sent(self) -> int: ...

    @property
    def received(self) -> int: ...

    @property
    def dropped(self) -> Mapping[str, int]:
        """By reason."""

    @property
    def torrents(self) -> int: ...

    @property
    def listening(self) -> Sequence[str]:
        """Multicast groups."""

    @property
    def errors(self) -> Mapping[str, str]:
        """What is wrong, by group."""


class PortMapping(Protocol):
    """What became of having the router pass on one port of ours."""

    @property
    def family(self) -> str:
        """ipv4 or ipv6."""

    @property
    def protocol(self) -> str:
        """tcp or udp."""

    @property
    def state(self) -> str:
        """off, searching, mapped or failed."""

    @property
    def port(self) -> int: ...

    @property
    def method(self) -> str:
        """How the router was asked; "" if it is not mapped."""

    @property
    def external_host(self) -> str: ...

    @property
    def external_port(self) -> int: ...

    @property
    def lifetime(self) -> float:
        """Seconds that it was given for, 0 for good."""

    @property
    def error(self) -> str: ...


class PeerSources(Protocol):
    """A snapshot of all of them."""

    @property
    def dht(self) -> DhtStatus: ...

    @property
    def pex_enabled(self) -> bool: ...

    @property
    def local(self) -> LocalStatus | None:
        """None: it is off."""

    @property
    def mappings(self) -> Sequence[PortMapping]:
        """Of both protocols; empty: it is off."""

    @property
    def tcp_port(self) -> int: ...

    @property
    def udp_port(self) -> int:
        """0: none."""

    @property
    def external(self) -> Sequence[ExternalHost]:
        """The one with the most weight first."""


class Node(Protocol):
    """A node that we know."""

    @property
    def family(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def port(self) -> int: ...

    @property
    def id(self) -> bytes: ...

    @property
    def state(self) -> str:
        """good, questionable or bad."""

    @property
    def last_seen(self) -> float: ...

    @property
    def rtt(self) -> float:
        """Seconds."""

    @property
    def fits(self) -> bool:
        """Whether its id is one that its address may have (BEP 42)."""


class Lookup(Protocol):
    """A lookup under way."""

    @property
    def family(self) -> str: ...

    @property
    def target(self) -> bytes: ...

    @property
    def method(self) -> str: ...

    @property
    def asked(self) -> int: ...

    @property
    def answered(self) -> int: ...

    @property
    def started(self) -> float: ...


class FoundPeers(Protocol):
    """What a search for peers found; `seeds` and `leeches` are estimates, if they were wanted."""

    @property
    def peers(self) -> Sequence[Address]: ...

    @property
    def asked(self) -> int: ...

    @property
    def answered(self) -> int: ...

    @property
    def hops(self) -> int: ...

    @property
    def seeds(self) -> float | None: ...

    @property
    def leeches(self) -> float | None: ...


class Item(Protocol):
    """What is stored at a target (BEP 44). An immutable item has no `key`."""

    @property
    def value(self) -> bytes:
        """Bencoded."""

    @property
    def key(self) -> bytes: ...

    @property
    def signature(self) -> bytes: ...

    @property
    def seq(self) -> int: ...

    @property
    def salt(self) -> bytes: ...

    @property
    def target(self) -> bytes: ...

    @property
    def is_mutable(self) -> bool: ...


class Stored(Protocol):
    """An item was stored on so many nodes; `seq` is 0 and `public_key` b"" if it is immutable."""

    @property
    def target(self) -> bytes: ...

    @property
    def public_key(self) -> bytes: ...

    @property
    def seq(self) -> int: ...

    @property
    def stored(self) -> int: ...


class Sample(Protocol):
    """Info-hashes that nodes have peers of, out of `num`."""

    @property
    def samples(self) -> Sequence[bytes]: ...

    @property
    def num(self) -> int: ...

    @property
    def asked(self) -> int: ...

    @property
    def answered(self) -> int: ...


class Dht(Protocol):
    """The DHT. RequestError SYSTEM_ERROR from each: it is off; from searches also when it knows
    nobody, has too many of them under way, is turned off meanwhile, or finds no end; and
    INVALID_PARAMS for the info-hash of a private torrent."""

    def nodes(self) -> Sequence[Node]:
        """Those that we know, a few hundred at the most."""

    def lookups(self) -> Sequence[Lookup]:
        """Those under way."""

    def find_peers(self, info_hash: bytes, scrape: bool) -> "Deferred[FoundPeers]":
        """Look for a torrent's peers, and announce nothing."""

    def get(self, target: bytes, salt: bytes) -> "Deferred[Item | None]":
        """The item at a target."""

    def get_mutable(self, key: bytes, salt: bytes) -> "Deferred[Item | None]":
        """The item of a public key of 32 bytes."""

    def put(self, value: Value) -> "Deferred[Stored]":
        """Store a value. INVALID_PARAMS: it is too long."""

    def put_mutable(
        self, private_key: bytes, value: Value, salt: bytes, seq: int | None, cas: int | None
    ) -> "Deferred[Stored]":
        """Store a value signed with an ed25519 seed of 32 bytes, numbered `seq` or one above the
        number that is found, where there is none or the one numbered `cas`. INVALID_PARAMS: it
        is too long."""

    def sample(self, target: bytes) -> "Deferred[Sample]":
        """Ask nodes on the way to a target for info-hashes."""
