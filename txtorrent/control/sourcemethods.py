"""`tx_sources_get`: how peers are found besides by trackers, and how they find us.

Also the objects that it consists of, as tables of names and what to read.
"""

from operator import attrgetter
from typing import Any, Final

from txtorrent.control.context import Call
from txtorrent.control.method import Answer, Method, Result
from txtorrent.control.nested import Table, objects, spelt

_COUNTED: Final = (
    ("good", "integer, nodes of our table that answered within 15 minutes"),
    ("questionable", "integer, the other nodes of our table"),
    ("queries_in", "integer, asked of us"),
    ("replies_out", "integer, answered by us"),
    ("queries_out", "integer, asked by us"),
    ("responses_in", "integer, answered to us"),
    ("refused", "integer, answered to us with an error"),
    ("unanswered", "integer, asked by us and not answered"),
    ("bytes_in", "bytes"),
    ("bytes_out", "bytes"),
    ("blocked", "integer, addresses that ask too much and are not heard for a while"),
    ("waiting", "integer, questions that wait to be sent"),
    ("lookups", "integer, under way"),
    ("peers", "integer, announced to us by others"),
    ("torrents", "integer, that these are peers of"),
    ("items", "integer, stored with us by others"),
)

FAMILY: Final[Table] = (
    ("family", "ipv4 or ipv6", attrgetter("family")),
    ("node_id", "40 hexadecimal digits", lambda each: each.status.node_id.hex()),
    (
        "host",
        "string, our external IP address, empty if it is not known",
        lambda each: each.status.host or "",
    ),
    *((name, words, attrgetter(f"status.{name}")) for name, words in _COUNTED),
    (
        "dropped",
        "object, how many datagrams were passed over, by reason",
        lambda each: dict(each.status.dropped),
    ),
)
EXTERNAL: Final[Table] = (
    ("host", "IP address", attrgetter("host")),
    ("votes", "integer, of those who see us so", attrgetter("votes")),
    ("weight", "integer, what these votes count", attrgetter("weight")),
    ("is_believed", "boolean", attrgetter("is_believed")),
)
LOCAL: Final[Table] = (
    ("torrents", "integer, that are announced", attrgetter("torrents")),
    ("sent", "integer, datagrams", attrgetter("sent")),
    ("received", "integer, datagrams", attrgetter("received")),
    (
        "dropped",
        "object, how many of these were passed over, by reason",
        lambda each: dict(each.dropped),
    ),
    ("listening", "list of IP addresses, multicast groups", lambda each: list(each.listening)),
    ("errors", "object, what is wrong, in words, by group", lambda each: dict(each.errors)),
)
MAPPING: Final[Table] = (
    ("family", "ipv4 or ipv6", attrgetter("family")),
    ("protocol", "tcp or udp", attrgetter("protocol")),
    ("state", "off, searching, mapped or failed", attrgetter("state")),
    ("port", "integer, ours", attrgetter("port")),
    ("method", "string, how the router was asked", attrgetter("method")),
    ("external_host", "string, empty if it is not known", attrgetter("external_host")),
    ("external_port", "integer, the router's", attrgetter("external_port")),
    ("lifetime", "seconds that the router gave it for, 0 for good", attrgetter("lifetime")),
    (
        "error",
        "string, why it failed, or is perhaps of no use though mapped",
        attrgetter("error"),
    ),
)


def sources_get(call: Call) -> Answer:
    """What is off is told as null or as an empty list."""
    found = call.session.peer_sources
    local = [found.local] if found.local is not None else []
    mappings = _objects(call, found.mappings, MAPPING)
    return {
        "tcp_port": found.tcp_port,
        "udp_port": found.udp_port,
        "external": _objects(call, found.external, EXTERNAL),
        "dht_enabled": found.dht.is_on,
        "dht_trouble": found.dht.trouble,
        "dht_read_only": found.dht.is_read_only,
        "dht_torrents": found.dht.joined,
        "dht_announcing": found.dht.announcing,
        "dht_next_announce": int(found.dht.next_announce),
        "dht_families": _objects(call, found.dht.families, FAMILY),
        "pex_enabled": found.pex_enabled,
        "lpd": next(iter(_objects(call, local, LOCAL)), None),
        "port_mapping": mappings,
    }


def _objects(call: Call, items: Any, table: Table) -> list[dict[str, Any]]:
    return objects(items, spelt(table, call.dialect))


SOURCE_METHODS: Final[tuple[Method, ...]] = (
    Method(
        "tx_sources_get",
        "Tell how peers are found besides by trackers, and how they find us. What is on, the"
        " settings `dht_enabled`, `pex_enabled`, `lpd_enabled` and `port_forwarding_enabled` say.",
        (),
        (
            Result("tcp_port", "integer", "That we listen at for peers."),
            Result("udp_port", "integer", "That of the DHT; 0: none."),
            Result("external", "list of objects", "See `external` below. The weightiest first."),
            Result("dht_enabled", "boolean", "Whether there is a node of ours."),
            Result("dht_trouble", "string", "Why there is none although there should be."),
            Result("dht_read_only", "boolean", "Whether it only asks (BEP 43)."),
            Result("dht_torrents", "integer", "Torrents of ours that are announced."),
            Result("dht_announcing", "integer", "Of these, how many just now."),
            Result("dht_next_announce", "epoch seconds", "0: none is planned."),
            Result(
                "dht_families",
                "list of objects",
                "See `dht_families` below. One for each family that is used; none if it is off.",
            ),
            Result("pex_enabled", "boolean", "Whether peers tell each other of peers."),
            Result("lpd", "object or null", "Local discovery, see `lpd` below; null if it is off."),
            Result(
                "port_mapping",
                "list of objects",
                "See `port_mapping` below. One for each family and protocol; none if it is off.",
            ),
        ),
        sources_get,
    ),
)
SOURCE_OBJECTS: Final[dict[str, Table]] = {
    "external": EXTERNAL,
    "dht_families": FAMILY,
    "lpd": LOCAL,
    "port_mapping": MAPPING,
}
