"""What users can be told of the DHT: snapshots that change no more."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from txtorrent.address import Address
from txtorrent.dht.node import Node
from txtorrent.dht.table import State


@frozen
class ContactRow:
    """A node of the table. `last_seen` in seconds ago, `rtt` in seconds; `fits`: its id is one
    that its address may have (BEP 42)."""

    address: Address
    id: bytes
    state: State
    last_seen: float
    rtt: float
    fits: bool


@frozen
class LookupRow:
    """A lookup under way: how many nodes were asked and answered; `since` in seconds."""

    ipv6: bool
    target: bytes
    method: str
    asked: int
    answered: int
    since: float


@frozen
class FamilyStatus:
    """One family. `dropped` counts by reason what was neither answered nor used."""

    node_id: bytes
    host: str | None
    """Our external IP address, when it is known."""
    good: int
    questionable: int
    queries_in: int
    queries_out: int
    replies_out: int
    responses_in: int
    unanswered: int
    refused: int
    """Queries that others answered with an error."""
    dropped: Mapping[str, int]
    bytes_in: int
    bytes_out: int
    blocked: int
    """Addresses that ask too much."""
    waiting: int
    """Queries that wait to be sent."""
    lookups: int
    peers: int
    """Peers that others announced to us, of `torrents` torrents."""
    torrents: int
    items: int


@frozen
class DhtStatus:
    """The whole. None: the family is not used. `next_announce` in seconds from now."""

    ipv4: FamilyStatus | None
    ipv6: FamilyStatus | None
    joined: int
    announcing: int
    next_announce: float | None


def family_status(node: Node, now: float) -> FamilyStatus:
    """How one node of ours is."""
    counts = node.counts
    reasons = {
        reason: count
        for reason, count in counts.items()
        if reason.startswith(("dropped: ", "malformed: ", "questions given up"))
    }
    return FamilyStatus(
        node_id=node.own_id,
        host=node.host,
        good=node.table.count(State.GOOD, now),
        questionable=node.table.count(State.QUESTIONABLE, now),
        queries_in=counts["queries in"],
        queries_out=counts["queries out"],
        replies_out=counts["replies out"],
        responses_in=counts["responses in"],
        unanswered=counts["unanswered"],
        refused=counts["refused by others"],
        dropped=reasons,
        bytes_in=counts["bytes in"],
        bytes_out=counts["bytes out"],
        blocked=node.gate.blocked(now),
        waiting=node.asking.waiting,
        lookups=len(node.lookups),
        peers=len(node.answers.peers),
        torrents=node.answers.peers.torrents,
        items=len(node.answers.items),
    )


def contact_rows(node: Node, now: float) -> list[ContactRow]:
    """The nodes of a table."""
    return [
        ContactRow(
            contact.address,
            contact.id,
            contact.state(now),
            now - contact.last_seen,
            contact.rtt,
            contact.fits,
        )
        for contact in node.table
    ]


def lookup_rows(node: Node, now: float) -> list[LookupRow]:
    """The lookups of a node."""
    return [
        LookupRow(
            node.ipv6,
            lookup.target,
            lookup.question.METHOD.decode("ascii"),
            lookup.asked,
            lookup.answered_by,
            now - lookup.started_at,
        )
        for lookup in node.lookups
    ]
