"""The sources of peers of a fake session: what is told of them is what a test puts here."""

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed

from txtorrent.address import Address
from txtorrent.errors import Code, RequestError

ID, TARGET, HASH = b"\xab" * 20, b"\x01" * 20, b"\x02" * 20
KEY, SEED, SIGNATURE = b"\xcd" * 32, b"\xef" * 32, b"\x99" * 64


@define
class FakeFamilyStatus:
    node_id: bytes = ID
    host: str | None = "203.0.113.9"
    good: int = 120
    questionable: int = 7
    queries_in: int = 1
    replies_out: int = 2
    queries_out: int = 3
    responses_in: int = 4
    refused: int = 5
    unanswered: int = 6
    dropped: dict[str, int] = field(factory=lambda: {"dropped: too many": 8})
    bytes_in: int = 9
    bytes_out: int = 10
    blocked: int = 11
    waiting: int = 12
    lookups: int = 13
    peers: int = 14
    torrents: int = 15
    items: int = 16


@define
class FakeFamily:
    family: str = "ipv4"
    status: FakeFamilyStatus = field(factory=FakeFamilyStatus)


@define
class FakeDhtStatus:
    is_on: bool = True
    trouble: str = ""
    is_read_only: bool = False
    joined: int = 5
    announcing: int = 1
    next_announce: float = 1700000060.7
    families: list[FakeFamily] = field(factory=lambda: [FakeFamily()])


@define
class FakeHost:
    host: str = "203.0.113.9"
    votes: int = 3
    weight: int = 10
    is_believed: bool = True


@define
class FakeLocal:
    sent: int = 1
    received: int = 2
    dropped: dict[str, int] = field(factory=lambda: {"malformed": 1})
    torrents: int = 4
    listening: tuple[str, ...] = ("239.192.152.143",)
    errors: dict[str, str] = field(factory=dict)


@define
class FakeMapping:
    family: str = "ipv4"
    protocol: str = "tcp"
    state: str = "mapped"
    port: int = 51413
    method: str = "PCP"
    external_host: str = "203.0.113.9"
    external_port: int = 7000
    lifetime: float = 3600.0
    error: str = ""


@define
class FakeSources:
    dht: FakeDhtStatus = field(factory=FakeDhtStatus)
    pex_enabled: bool = True
    local: FakeLocal | None = None
    mappings: list[FakeMapping] = field(factory=list)
    tcp_port: int = 51413
    udp_port: int = 51413
    external: list[FakeHost] = field(factory=lambda: [FakeHost()])


@define
class FakeNode:
    family: str = "ipv4"
    address: str = "192.0.2.5"
    port: int = 6881
    id: bytes = ID
    state: str = "good"
    last_seen: float = 1700000000.9
    rtt: float = 0.04217
    fits: bool = True


@define
class FakeLookup:
    family: str = "ipv6"
    target: bytes = TARGET
    method: str = "get_peers"
    asked: int = 9
    answered: int = 4
    started: float = 1700000000.9


@define
class FakePeers:
    peers: tuple[Address, ...] = (Address("192.0.2.7", 1), Address("2001:db8::7", 2))
    asked: int = 9
    answered: int = 4
    hops: int = 3
    seeds: float | None = None
    leeches: float | None = None


@define
class FakeItem:
    value: bytes = b"12:Hello, world"
    key: bytes = b""
    signature: bytes = b""
    seq: int = 0
    salt: bytes = b""
    target: bytes = TARGET
    is_mutable: bool = False


@define
class FakeStored:
    target: bytes = TARGET
    public_key: bytes = b""
    seq: int = 0
    stored: int = 8


@define
class FakeSample:
    samples: tuple[bytes, ...] = (HASH, ID)
    num: int = 7
    asked: int = 9
    answered: int = 4


@define
class FakeDht:
    """Notes searches in `calls`; they are refused with `refusal`."""

    calls: list[tuple[Any, ...]]
    item: FakeItem | None = field(factory=FakeItem)
    refusal: str = ""

    def _answer(self, result: Any, *call: Any) -> "Deferred[Any]":
        self.calls.append(call)
        if self.refusal:
            return fail(RequestError(Code.SYSTEM_ERROR, self.refusal))
        return succeed(result)

    def nodes(self) -> list[FakeNode]:
        if self.refusal:
            raise RequestError(Code.SYSTEM_ERROR, self.refusal)
        return [FakeNode()]

    def lookups(self) -> list[FakeLookup]:
        return [FakeLookup()]

    def find_peers(self, info_hash: bytes, scrape: bool) -> "Deferred[Any]":
        found = FakePeers(seeds=11.6, leeches=0.2) if scrape else FakePeers()
        return self._answer(found, "find_peers", info_hash, scrape)

    def get(self, target: bytes, salt: bytes) -> "Deferred[Any]":
        return self._answer(self.item, "get", target, salt)

    def get_mutable(self, key: bytes, salt: bytes) -> "Deferred[Any]":
        return self._answer(self.item, "get_mutable", key, salt)

    def put(self, value: Any) -> "Deferred[Any]":
        return self._answer(FakeStored(), "put", value)

    def put_mutable(
        self, private_key: bytes, value: Any, salt: bytes, seq: int | None, cas: int | None
    ) -> "Deferred[Any]":
        stored = FakeStored(public_key=KEY, seq=seq or 1)
        return self._answer(stored, "put_mutable", private_key, value, salt, seq, cas)

    def sample(self, target: bytes) -> "Deferred[Any]":
        return self._answer(FakeSample(), "sample", target)
