"""The methods on the DHT: what it knows, and searches by hand (BEP 5, 33, 44, 51).

Bytes are in hexadecimal, but for bencoded values, which are in base64 as .torrent files are.
"""

from base64 import b64decode, b64encode
from operator import attrgetter
from typing import Any, Final

from txtorrent.bencode import NETWORK_DEPTH, NETWORK_TOKENS, BencodeError, Value, decode
from txtorrent.control.context import Call
from txtorrent.control.dhtview import Item
from txtorrent.control.method import Answer, Method, Result
from txtorrent.control.nested import Table, objects, spelt, whole
from txtorrent.control.params import FLAG, Kind, Param, refuse, text
from txtorrent.control.params import whole as whole_number
from txtorrent.errors import Code, RequestError
from txtorrent.metainfo.magnet import info_hash_of

TARGET_SIZE: Final = 20
KEY_SIZE: Final = 32
MAX_SALT: Final = 64
"""Bytes, as are the two before (BEP 44)."""
MAX_VALUE: Final = 2000
"""Characters of a value: base64 of its thousand bytes, with something to spare."""
MAX_SEQ: Final = 2**63 - 1


def _hex(value: Any) -> bytes | None:
    """The bytes; None for what is no hexadecimal, or has blanks in it."""
    try:
        return bytes.fromhex(value) if isinstance(value, str) and value.isalnum() else None
    except ValueError:
        return None


def _exactly(size: int) -> Kind:
    wanted = f"{2 * size} hexadecimal digits"

    def read(name: str, value: Any) -> bytes:
        found = _hex(value)
        if found is None or len(found) != size:
            raise refuse(name, wanted, value)
        return found

    return Kind(wanted, read)


def _secret(name: str, value: Any) -> bytes:
    """As the others, but what was given is not repeated, and so is in no log."""
    found = _hex(value)
    if found is None or len(found) != KEY_SIZE:
        raise RequestError(Code.INVALID_PARAMS, f"{name}: wants {2 * KEY_SIZE} hexadecimal digits")
    return found


def _salt(name: str, value: Any) -> bytes:
    found = b"" if value == "" else _hex(value)
    if found is None or len(found) > MAX_SALT:
        raise refuse(name, f"at most {2 * MAX_SALT} hexadecimal digits, two a byte", value)
    return found


def _info_hash(name: str, value: Any) -> bytes:
    found = info_hash_of(value) if isinstance(value, str) else None
    if found is None:
        raise refuse(name, "an info-hash of 40 hexadecimal digits, or 32 of base32", value)
    return found


def _bencoded(name: str, value: Any) -> Value:
    encoded: str = text(MAX_VALUE).read(name, value)
    try:
        raw = b64decode(encoded, validate=True)
        return decode(raw, max_depth=NETWORK_DEPTH, max_tokens=NETWORK_TOKENS)
    except BencodeError as error:
        raise RequestError(Code.INVALID_PARAMS, f"{name}: {error}") from None
    except ValueError:
        raise refuse(name, "base64 of a bencoded value", value) from None


def _readable(value: Value) -> Any:
    """A bencoded value as JSON has it; strings that are no text in hexadecimal."""
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if isinstance(value, dict):
        return {_as_text(key): _readable(each) for key, each in value.items()}
    return _as_text(value) if isinstance(value, bytes) else value


def _as_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _value(item: Item) -> Any:
    value = decode(item.value, max_depth=NETWORK_DEPTH, max_tokens=NETWORK_TOKENS)
    return _readable(value)


NODE: Final[Table] = (
    ("family", "ipv4 or ipv6", attrgetter("family")),
    ("address", "IP address", attrgetter("address")),
    ("port", "integer", attrgetter("port")),
    ("id", "40 hexadecimal digits", lambda node: node.id.hex()),
    ("state", "good, questionable or bad", attrgetter("state")),
    ("last_seen", "epoch seconds", whole("last_seen")),
    ("rtt", "seconds, of its last answer", lambda node: round(node.rtt, 3)),
    ("fits", "boolean, whether its address may have that id (BEP 42)", attrgetter("fits")),
)
LOOKUP: Final[Table] = (
    ("family", "ipv4 or ipv6", attrgetter("family")),
    ("target", "40 hexadecimal digits", lambda lookup: lookup.target.hex()),
    ("method", "string, what nodes are asked", attrgetter("method")),
    ("asked", "integer, nodes", attrgetter("asked")),
    ("answered", "integer, nodes", attrgetter("answered")),
    ("started", "epoch seconds", whole("started")),
)
PEER: Final[Table] = (
    ("address", "IP address", attrgetter("host")),
    ("port", "integer", attrgetter("port")),
)
ITEM: Final[Table] = (
    ("target", "40 hexadecimal digits", lambda item: item.target.hex()),
    (
        "value",
        "string, integer, list or object; strings that are no text are in hexadecimal",
        _value,
    ),
    ("bencoded", "base64, the value exactly", lambda item: b64encode(item.value).decode()),
    ("is_mutable", "boolean", attrgetter("is_mutable")),
    ("public_key", "64 hexadecimal digits, empty if immutable", lambda item: item.key.hex()),
    ("salt", "hexadecimal", lambda item: item.salt.hex()),
    ("seq", "integer, 0 if immutable", attrgetter("seq")),
    (
        "signature",
        "128 hexadecimal digits, empty if immutable",
        lambda item: item.signature.hex(),
    ),
)


def nodes_get(call: Call) -> Answer:
    """A few hundred at the most."""
    return {"nodes": objects(call.session.dht.nodes(), spelt(NODE, call.dialect))}


def lookups_get(call: Call) -> Answer:
    """Those of this moment."""
    return {"lookups": objects(call.session.dht.lookups(), spelt(LOOKUP, call.dialect))}


async def find_peers(call: Call) -> Answer:
    """Answers when the search has ended."""
    scrape = call.params.get("scrape", False)
    found = await call.session.dht.find_peers(call.params["info_hash"], scrape)
    return {
        "peers": objects(found.peers, spelt(PEER, call.dialect)),
        "asked": found.asked,
        "answered": found.answered,
        "hops": found.hops,
        "seeds": None if found.seeds is None else round(found.seeds),
        "leeches": None if found.leeches is None else round(found.leeches),
    }


async def get(call: Call) -> Answer:
    """By the target, or by what that is made of."""
    params = call.params
    if ("target" in params) == ("public_key" in params):
        raise RequestError(Code.INVALID_PARAMS, "wants either target or public_key")
    salt = params.get("salt", b"")
    if "target" in params:
        item = await call.session.dht.get(params["target"], salt)
    else:
        item = await call.session.dht.get_mutable(params["public_key"], salt)
    return {"item": None if item is None else objects([item], spelt(ITEM, call.dialect))[0]}


async def put(call: Call) -> Answer:
    """Signed if there is a key to sign it with."""
    params, dht = call.params, call.session.dht
    if ("value" in params) == ("bencoded" in params):
        raise RequestError(Code.INVALID_PARAMS, "wants either value or bencoded")
    value = params["value"].encode() if "value" in params else params["bencoded"]
    if "private_key" in params:
        stored = await dht.put_mutable(
            params["private_key"],
            value,
            params.get("salt", b""),
            params.get("seq"),
            params.get("cas"),
        )
    else:
        _refuse_unsigned(call)
        stored = await dht.put(value)
    return {
        "target": stored.target.hex(),
        "public_key": stored.public_key.hex(),
        "seq": stored.seq,
        "stored": stored.stored,
    }


def _refuse_unsigned(call: Call) -> None:
    for name in ("salt", "seq", "cas"):
        if name in call.params:
            raise RequestError(Code.INVALID_PARAMS, f"{name}: for a mutable item: give private_key")


async def sample(call: Call) -> Answer:
    """Answers when the search has ended."""
    found = await call.session.dht.sample(call.params["target"])
    return {
        "info_hashes": [each.hex() for each in found.samples],
        "total": found.num,
        "asked": found.asked,
        "answered": found.answered,
    }


_TARGET: Final = _exactly(TARGET_SIZE)
_SALT: Final = Kind("hexadecimal", _salt)
_SEQ: Final = whole_number(0, MAX_SEQ)
_ASKED: Final = Result("asked", "integer", "Nodes that were asked.")
_ANSWERED: Final = Result("answered", "integer", "Nodes that answered.")

DHT_METHODS: Final[tuple[Method, ...]] = (
    Method(
        "tx_dht_table_get",
        "Tell the nodes that our node of the DHT knows.",
        (),
        (Result("nodes", "list of objects", "See `nodes` below."),),
        nodes_get,
    ),
    Method(
        "tx_dht_lookups_get",
        "Tell the lookups of our node of the DHT that are under way.",
        (),
        (Result("lookups", "list of objects", "See `lookups` below."),),
        lookups_get,
    ),
    Method(
        "tx_dht_find_peers",
        "Look for a torrent's peers in the DHT, once and without announcing anything. This, like"
        " all searches, takes some seconds, at most a minute, and is refused for the info-hash of"
        " a private torrent of ours.",
        (
            Param(
                "info_hash",
                Kind("40 hexadecimal digits, or 32 of base32", _info_hash),
                "Of the torrent, which need not be ours.",
                required=True,
            ),
            Param("scrape", FLAG, "Whether to estimate how many peers there are (BEP 33)."),
        ),
        (
            Result("peers", "list of objects", "With `address` and `port`."),
            _ASKED,
            _ANSWERED,
            Result("hops", "integer", "Answers between our table and the farthest node."),
            Result("seeds", "integer or null", "Estimate of complete peers; null unless asked."),
            Result("leeches", "integer or null", "Estimate of other peers; null unless asked."),
        ),
        find_peers,
    ),
    Method(
        "tx_dht_get",
        "Look for an item that is stored in the DHT (BEP 44).",
        (
            Param("target", _TARGET, "Where it is stored; or else `public_key`."),
            Param("public_key", _exactly(KEY_SIZE), "That it is signed with, if it is mutable."),
            Param("salt", _SALT, "Of a mutable item, if it has one, also with `target`."),
        ),
        (Result("item", "object or null", "See `item` below; null: there is none."),),
        get,
    ),
    Method(
        "tx_dht_put",
        "Store an item in the DHT (BEP 44): an immutable one, or a mutable one if there is a"
        " `private_key`. Nodes forget it after two hours unless it is put again.",
        (
            Param("value", text(MAX_VALUE), "Stored as UTF-8; or else `bencoded`."),
            Param(
                "bencoded",
                Kind("base64", _bencoded),
                "The value, bencoded. At most 1,000 bytes.",
            ),
            Param(
                "private_key",
                Kind("64 hexadecimal digits", _secret),
                "The ed25519 seed to sign it with. It is neither kept nor logged.",
            ),
            Param("salt", _SALT, "Tells items of one key apart; at most 64 bytes."),
            Param("seq", _SEQ, "Its number; one above that of what is found without it."),
            Param("cas", _SEQ, "Only replace an item of this number."),
        ),
        (
            Result("target", "40 hexadecimal digits", "Where it is."),
            Result("public_key", "64 hexadecimal digits", "Of `private_key`; empty if immutable."),
            Result("seq", "integer", "Its number; 0 if immutable."),
            Result("stored", "integer", "Nodes that took it."),
        ),
        put,
    ),
    Method(
        "tx_dht_sample",
        "Ask nodes of the DHT for some info-hashes that they have peers of (BEP 51).",
        (Param("target", _TARGET, "Nodes on the way to it are asked.", required=True),),
        (
            Result("info_hashes", "list of strings", "40 hexadecimal digits each."),
            Result("total", "integer", "How many all these nodes have, counted by each of them."),
            _ASKED,
            _ANSWERED,
        ),
        sample,
    ),
)
DHT_OBJECTS: Final[dict[str, Table]] = {"nodes": NODE, "lookups": LOOKUP, "item": ITEM}
