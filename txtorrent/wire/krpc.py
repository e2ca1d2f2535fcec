"""The messages of the DHT: bytes <-> Query, Response, Error (BEP 5, 32, 33, 42, 43, 44, 51).

Pure: who may ask how often, and which answer belongs to which query, is in `txtorrent.dht`.
What is malformed raises `Malformed` and nothing else (THREATS C3).
"""

from __future__ import annotations

from typing import Final, TypeAlias

from attrs import field, frozen

from txtorrent.address import Address, pack, unpack4, unpack6
from txtorrent.bencode import (
    NETWORK_DEPTH,
    NETWORK_TOKENS,
    BencodeError,
    Value,
    decode,
    decode_with_spans,
    encode,
)
from txtorrent.wire.bloom import FILTER_SIZE
from txtorrent.wire.dhtitem import Item
from txtorrent.wire.krpcfields import MAX_INTEGER, Fields, Malformed
from txtorrent.wire.krpcnodes import ID_SIZE, NodeInfo, pack_nodes, unpack_nodes
from txtorrent.wire.krpcqueries import (
    MAX_TOKEN,
    Arguments,
    Question,
    item_of,
    question,
)

VERSION: Final = b"TX\x00\x01"
"""What we are: two letters as in our peer id, and a version (BEP 5, key "v")."""
MAX_DATAGRAM: Final = 4096
"""Bytes of a message: BEP 32 allows 1,024, and others send up to 1,500."""
MAX_TRANSACTION: Final = 32
"""Bytes of a transaction id: two to eight are in use, and we send them back."""
MAX_METHOD: Final = 64
"""Bytes of a query's name."""
MAX_INTERVAL: Final = 21600
"""Seconds between samples (BEP 51)."""
MOST_VALUES: Final = 200
"""Peers read of one answer: more do not fit into a packet that is not fragmented."""
MAX_ERROR_TEXT: Final = 200
"""Bytes read of the text of an error."""

GENERIC, SERVER, PROTOCOL, UNKNOWN_METHOD = 201, 202, 203, 204
TOO_BIG, BAD_SIGNATURE, SALT_TOO_BIG, CAS_MISMATCH, SEQ_TOO_LOW = 205, 206, 207, 301, 302
"""Codes of errors: BEP 5, and from 205 on BEP 44."""


@frozen
class Query:
    """`node_id` asks `question`. `read_only`: it does not want to be asked (BEP 43)."""

    transaction: bytes
    node_id: bytes
    question: Question
    read_only: bool = False


@frozen
class Response:
    """What `node_id` answers: of the fields those that belong to the question.

    `our_address` is where the query came from, as the node saw it (BEP 42); `samples` are
    info-hashes, `num` how many there are and `interval` the seconds until there are others
    (BEP 51); `seeds` and `peers` filters (BEP 33). A `seq` without an `item`: it is not newer.
    """

    transaction: bytes
    node_id: bytes
    nodes: tuple[NodeInfo, ...] | None = None
    nodes6: tuple[NodeInfo, ...] | None = None
    values: tuple[Address, ...] | None = None
    token: bytes | None = None
    item: Item | None = None
    seq: int | None = None
    samples: tuple[bytes, ...] | None = None
    num: int = 0
    interval: int = 0
    seeds: bytes | None = None
    peers: bytes | None = None
    our_address: Address | None = None


@frozen
class Error:
    """A refusal: a code and a text for people."""

    transaction: bytes
    code: int
    text: bytes = field(repr=False)
    our_address: Address | None = None


Message: TypeAlias = Query | Response | Error


def encode_query(query: Query) -> bytes:
    """The datagram of a query."""
    asked = query.question
    arguments: Arguments = {b"id": query.node_id}
    message: Arguments = {
        b"t": query.transaction,
        b"y": b"q",
        b"q": asked.METHOD,
        b"a": arguments | asked.arguments(),
        b"v": VERSION,
    }
    if query.read_only:
        message[b"ro"] = 1
    return encode(message)


def encode_response(response: Response) -> bytes:
    """The datagram of an answer."""
    return _encode_reply(response, b"r", _results(response))


def encode_error(error: Error) -> bytes:
    """The datagram of a refusal."""
    return _encode_reply(error, b"e", [error.code, error.text])


def _encode_reply(reply: Response | Error, kind: bytes, value: Value) -> bytes:
    message: Arguments = {b"t": reply.transaction, b"y": kind, kind: value, b"v": VERSION}
    if reply.our_address is not None:
        message[b"ip"] = pack(reply.our_address)
    return encode(message)


def _results(response: Response) -> Arguments:
    found: Arguments = {b"id": response.node_id}
    if response.nodes is not None:
        found[b"nodes"] = pack_nodes(response.nodes)
    if response.nodes6 is not None:
        found[b"nodes6"] = pack_nodes(response.nodes6)
    if response.values is not None:
        found[b"values"] = [pack(address) for address in response.values]
    if response.samples is not None:
        found[b"samples"] = b"".join(response.samples)
        found |= {b"num": response.num, b"interval": response.interval}
    for name, text in (
        (b"token", response.token),
        (b"BFsd", response.seeds),
        (b"BFpe", response.peers),
    ):
        if text is not None:
            found[name] = text
    if response.seq is not None:
        found[b"seq"] = response.seq
    if response.item is not None:
        found |= _item(response.item)
    return found


def _item(item: Item) -> Arguments:
    """The salt is not sent: whoever asks knows it (BEP 44)."""
    found: Arguments = {b"v": decode(item.value)}
    if item.is_mutable:
        found |= {b"k": item.key, b"sig": item.signature, b"seq": item.seq}
    return found


def decode_message(datagram: bytes) -> Message:
    """What a datagram says; `Malformed` when it is no message."""
    if len(datagram) > MAX_DATAGRAM:
        raise Malformed("too long")
    try:
        whole = decode(datagram, max_depth=NETWORK_DEPTH, max_tokens=NETWORK_TOKENS)
    except BencodeError:
        raise Malformed("not bencoded") from None
    if not isinstance(whole, dict):
        raise Malformed("not a dict")
    fields = Fields(whole)
    transaction = fields.text(b"t", MAX_TRANSACTION)
    kind = whole.get(b"y")
    if kind == b"q":
        return _query(datagram, fields, transaction)
    if kind == b"r":
        return _response(datagram, fields, transaction)
    if kind == b"e":
        return _error(fields, transaction)
    raise Malformed("no type")


def _query(datagram: bytes, fields: Fields, transaction: bytes) -> Query:
    arguments = Fields(fields.get(b"a"))
    asked = question(fields.text(b"q", MAX_METHOD), arguments, _value_of(datagram, arguments, b"a"))
    return Query(transaction, arguments.digest(b"id"), asked, fields.flag(b"ro"))


def _value_of(datagram: bytes, arguments: Fields, outer: bytes) -> bytes:
    """The bytes of the value in `v`, which hashes and signatures are of; none: none is there."""
    if b"v" not in arguments:
        return b""
    start, end = decode_with_spans(datagram)[1][outer]
    inner = datagram[start:end]
    start, end = decode_with_spans(inner)[1][b"v"]
    return inner[start:end]


def _response(datagram: bytes, fields: Fields, transaction: bytes) -> Response:
    results = Fields(fields.get(b"r"))
    value = _value_of(datagram, results, b"r")
    token = results.text(b"token", MAX_TOKEN) if b"token" in results else None
    return Response(
        transaction,
        results.digest(b"id"),
        nodes=_nodes(results, b"nodes", ipv6=False),
        nodes6=_nodes(results, b"nodes6", ipv6=True),
        values=_peers(results.get(b"values")),
        token=token,
        item=item_of(results, value) if value else None,
        seq=results.optional(b"seq"),
        samples=_samples(results),
        num=results.number(b"num", MAX_INTEGER, 0),
        interval=min(results.number(b"interval", MAX_INTEGER, 0), MAX_INTERVAL),
        seeds=_filter(results, b"BFsd"),
        peers=_filter(results, b"BFpe"),
        our_address=_our_address(fields.get(b"ip")),
    )


def _nodes(results: Fields, name: bytes, *, ipv6: bool) -> tuple[NodeInfo, ...] | None:
    if name not in results:
        return None
    try:
        return unpack_nodes(results.text(name, MAX_DATAGRAM), ipv6=ipv6)
    except ValueError:
        raise Malformed(f"bad {name.decode('ascii')}") from None


def _peers(values: Value | None) -> tuple[Address, ...] | None:
    """The peers of a list that may have both families (BEP 32); what is neither is passed over."""
    if values is None:
        return None
    if not isinstance(values, list):
        raise Malformed("bad values")
    texts = [value for value in values[:MOST_VALUES] if isinstance(value, bytes)]
    four = b"".join(text for text in texts if len(text) == 6)
    six = b"".join(text for text in texts if len(text) == 18)
    return (*unpack4(four), *unpack6(six))


def _samples(results: Fields) -> tuple[bytes, ...] | None:
    if b"samples" not in results:
        return None
    joined = results.text(b"samples", MAX_DATAGRAM)
    if len(joined) % ID_SIZE:
        raise Malformed("bad samples")
    return tuple(joined[at : at + ID_SIZE] for at in range(0, len(joined), ID_SIZE))


def _filter(results: Fields, name: bytes) -> bytes | None:
    return results.exact(name, FILTER_SIZE) if name in results else None


def _our_address(value: Value | None) -> Address | None:
    """Where we are seen, in one of the forms that are in use; others are passed over."""
    if not isinstance(value, bytes):
        return None
    if len(value) == 6:
        return unpack4(value)[0]
    return unpack6(value)[0] if len(value) == 18 else None


def _error(fields: Fields, transaction: bytes) -> Error:
    found = fields.get(b"e")
    if not isinstance(found, list) or not found or not isinstance(found[0], int):
        raise Malformed("bad error")
    text = found[1] if len(found) > 1 else b""
    shown = text[:MAX_ERROR_TEXT] if isinstance(text, bytes) else b""
    return Error(transaction, found[0], shown, _our_address(fields.get(b"ip")))
