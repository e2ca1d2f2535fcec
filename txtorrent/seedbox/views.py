"""Peers and candidates of a running torrent, as they are shown to whoever asks."""

import time
from collections.abc import Iterator

from attrs import frozen

from txtorrent.peer.protocol import PeerProtocol
from txtorrent.swarm.peerbook import Candidate, Source
from txtorrent.torrent.parts import Parts

MOVING_WITHIN = 10.0
"""Seconds since the last block in which blocks count as being received."""
_NAMES = {
    Source.USER: "cache",
    Source.TRACKER: "tracker",
    Source.DHT: "dht",
    Source.LOCAL: "lpd",
    Source.PEX: "pex",
}
INCOMING = "incoming"


@frozen
class PeerView:
    """A connection. Rates are bytes/s, `progress` 0 to 1; see control's `Peer` for the rest."""

    address: str
    port: int
    client: str
    peer_id: bytes
    source: str
    am_choked: bool
    am_interested: bool
    is_choked: bool
    is_interested: bool
    is_optimistic: bool
    is_downloading_from: bool
    is_uploading_to: bool
    is_incoming: bool
    progress: float
    rate_to_client: float
    rate_to_peer: float
    bytes_to_client: int
    bytes_to_peer: int
    is_encrypted: bool = False
    is_utp: bool = False


@frozen
class CandidateView:
    """An address that is known, connected or not; `next_try` is a time since 1970."""

    address: str
    port: int
    source: str
    state: str
    failures: int
    next_try: float


@frozen
class MoveView:
    """Content on its way to `location`; `step` is what is being done."""

    location: str
    step: str
    bytes_done: int = 0
    bytes_total: int = 0


def peer_views(parts: Parts, now: float) -> list[PeerView]:
    """The connections of a torrent."""
    optimistic = parts.choking.optimistic
    return [
        _peer_view(link, source_of(parts, link), link.peer is optimistic, now)
        for link in parts.exchange.links
    ]


def source_of(parts: Parts, link: PeerProtocol) -> str:
    """How we learnt of a peer."""
    source = parts.connections.book.source(link.address) if link.outbound else None
    return INCOMING if source is None else _NAMES[source]


def _peer_view(link: PeerProtocol, source: str, optimistic: bool, now: float) -> PeerView:
    peer = link.peer
    return PeerView(
        address=link.address.host,
        port=link.address.port,
        client=peer.client,
        peer_id=peer.peer_id,
        source=source,
        am_choked=peer.choking,
        am_interested=peer.am_interested,
        is_choked=peer.am_choking,
        is_interested=peer.interested,
        is_optimistic=optimistic,
        is_downloading_from=bool(peer.requests) and now - peer.last_block_at < MOVING_WITHIN,
        is_uploading_to=bool(peer.uploaded.rate),
        is_incoming=not link.outbound,
        progress=peer.have.count / peer.have.size if peer.have.size else 1.0,
        rate_to_client=peer.downloaded.rate,
        rate_to_peer=peer.uploaded.rate,
        bytes_to_client=peer.downloaded.total,
        bytes_to_peer=peer.uploaded.total,
    )


def candidate_views(parts: Parts, now: float) -> Iterator[CandidateView]:
    """The addresses that a torrent knows, the best first."""
    connected = {link.address for link in parts.exchange.links}
    for candidate in parts.connections.book.ranked(now):
        yield CandidateView(
            address=candidate.address.host,
            port=candidate.address.port,
            source=_NAMES[candidate.source],
            state=_state(candidate, candidate.address in connected),
            failures=candidate.failures,
            next_try=time.time() + candidate.retry_at - now if candidate.retry_at > now else 0.0,
        )


def _state(candidate: Candidate, connected: bool) -> str:
    if connected:
        return "connected"
    if candidate.busy:
        return "dialling"
    return "failing" if candidate.failures else "waiting"
