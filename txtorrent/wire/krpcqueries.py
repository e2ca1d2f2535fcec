"""What nodes of the DHT ask each other: ping, find_node, get_peers, announce_peer (BEP 5), with
`want` (BEP 32), `scrape`, `noseed` and `seed` (BEP 33); get and put (BEP 44);
sample_infohashes (BEP 51). The envelope is in `krpc`. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final, TypeAlias

from attrs import frozen

from txtorrent.bencode import Value, decode
from txtorrent.wire.dhtitem import KEY_SIZE, SIGNATURE_SIZE, Item
from txtorrent.wire.krpcfields import MAX_INTEGER, Fields, Malformed, Want

MAX_TOKEN: Final = 64
"""Bytes of a token: those in use have 4 to 20, and we send back what we get."""
MOST_SALT: Final = 1024
"""Bytes of a salt that is read, to be refused with the right words when it is too long."""
_MAX_PORT: Final = 65535

Arguments: TypeAlias = dict[bytes, Value]


@frozen
class Ping:
    """Whether a node is there."""

    METHOD: ClassVar = b"ping"

    def arguments(self) -> Arguments:
        """What it asks with."""
        return {}


@frozen
class FindNode:
    """For the nodes closest to `target`, 20 bytes."""

    METHOD: ClassVar = b"find_node"
    target: bytes
    want: Want | None = None

    def arguments(self) -> Arguments:
        """What it asks with."""
        return {b"target": self.target} | _wanted(self.want)


@frozen
class GetPeers:
    """For the peers of a torrent; `scrape` for filters of how many there are, `noseed` for
    peers that are no seeds (BEP 33)."""

    METHOD: ClassVar = b"get_peers"
    info_hash: bytes
    want: Want | None = None
    noseed: bool = False
    scrape: bool = False

    def arguments(self) -> Arguments:
        """What it asks with."""
        flags: Arguments = {}
        if self.noseed:
            flags[b"noseed"] = 1
        if self.scrape:
            flags[b"scrape"] = 1
        return {b"info_hash": self.info_hash} | flags | _wanted(self.want)


@frozen
class AnnouncePeer:
    """To be given to others as a peer. With `implied_port` the port that the query came from
    counts, and not `port`."""

    METHOD: ClassVar = b"announce_peer"
    info_hash: bytes
    token: bytes
    port: int
    implied_port: bool = False
    seed: bool = False

    def arguments(self) -> Arguments:
        """What it asks with."""
        found: Arguments = {b"info_hash": self.info_hash, b"token": self.token, b"port": self.port}
        if self.implied_port:
            found[b"implied_port"] = 1
        if self.seed:
            found[b"seed"] = 1
        return found


@frozen
class Get:
    """For the item at `target`, 20 bytes, if its number is above `seq` (BEP 44)."""

    METHOD: ClassVar = b"get"
    target: bytes
    want: Want | None = None
    seq: int | None = None

    def arguments(self) -> Arguments:
        """What it asks with."""
        found: Arguments = {b"target": self.target} | _wanted(self.want)
        if self.seq is not None:
            found[b"seq"] = self.seq
        return found


@frozen
class Put:
    """To keep an item, if what is there has the number `cas` (BEP 44). The item is as it came:
    nothing about it has been checked but types."""

    METHOD: ClassVar = b"put"
    item: Item
    token: bytes
    cas: int | None = None

    def arguments(self) -> Arguments:
        """What it asks with."""
        found: Arguments = {b"token": self.token, b"v": decode(self.item.value)}
        if not self.item.is_mutable:
            return found
        found |= {b"k": self.item.key, b"sig": self.item.signature, b"seq": self.item.seq}
        if self.item.salt:
            found[b"salt"] = self.item.salt
        if self.cas is not None:
            found[b"cas"] = self.cas
        return found


@frozen
class SampleInfohashes:
    """For some of the info-hashes that a node has peers of, and the nodes closest to `target`
    (BEP 51)."""

    METHOD: ClassVar = b"sample_infohashes"
    target: bytes
    want: Want | None = None

    def arguments(self) -> Arguments:
        """What it asks with."""
        return {b"target": self.target} | _wanted(self.want)


@frozen
class Unknown:
    """Something that we do not know."""

    METHOD: ClassVar = b""

    def arguments(self) -> Arguments:
        """Nothing: it is never asked."""
        return {}


Question: TypeAlias = (
    Ping | FindNode | GetPeers | AnnouncePeer | Get | Put | SampleInfohashes | Unknown
)


def _wanted(want: Want | None) -> Arguments:
    if want is None:
        return {}
    families: list[Value] = []
    if want.ipv4:
        families.append(b"n4")
    if want.ipv6:
        families.append(b"n6")
    return {b"want": families}


def _find_node(fields: Fields, value: bytes) -> Question:
    return FindNode(fields.digest(b"target"), fields.want())


def _get_peers(fields: Fields, value: bytes) -> Question:
    return GetPeers(
        fields.digest(b"info_hash"), fields.want(), fields.flag(b"noseed"), fields.flag(b"scrape")
    )


def _announce_peer(fields: Fields, value: bytes) -> Question:
    implied = fields.flag(b"implied_port")
    return AnnouncePeer(
        fields.digest(b"info_hash"),
        fields.text(b"token", MAX_TOKEN),
        fields.number(b"port", _MAX_PORT, 0 if implied else None),
        implied,
        fields.flag(b"seed"),
    )


def _get(fields: Fields, value: bytes) -> Question:
    return Get(fields.digest(b"target"), fields.want(), fields.optional(b"seq"))


def _put(fields: Fields, value: bytes) -> Question:
    if not value:
        raise Malformed("bad v")
    token = fields.text(b"token", MAX_TOKEN)
    return Put(item_of(fields, value), token, fields.optional(b"cas"))


def _sample(fields: Fields, value: bytes) -> Question:
    return SampleInfohashes(fields.digest(b"target"), fields.want())


_PARSERS: Final[dict[bytes, Callable[[Fields, bytes], Question]]] = {
    Ping.METHOD: lambda fields, value: Ping(),
    FindNode.METHOD: _find_node,
    GetPeers.METHOD: _get_peers,
    AnnouncePeer.METHOD: _announce_peer,
    Get.METHOD: _get,
    Put.METHOD: _put,
    SampleInfohashes.METHOD: _sample,
}


def question(method: bytes, fields: Fields, value: bytes) -> Question:
    """What a query asks; `value` is its `v` as it came, bencoded. `Malformed`.

    A method that we do not know and that has a target is taken as find_node, so that lookups
    for what comes after us still find their way.
    """
    parser = _PARSERS.get(method)
    if parser is not None:
        return parser(fields, value)
    for name in (b"target", b"info_hash"):
        if name in fields:
            return FindNode(fields.digest(name), fields.want())
    return Unknown()


def item_of(fields: Fields, value: bytes) -> Item:
    """The item of a put, or of the answer to a get; `Malformed`."""
    if b"k" not in fields:
        return Item(value)
    return Item(
        value,
        fields.exact(b"k", KEY_SIZE),
        fields.exact(b"sig", SIGNATURE_SIZE),
        fields.number(b"seq", MAX_INTEGER),
        fields.text(b"salt", MOST_SALT, b""),
    )
