"""The sources of peers as they are shown: snapshots, in plain words and numbers."""

import time
from collections.abc import Mapping, Sequence

from attrs import frozen

from txtorrent.dht.dht import Dht
from txtorrent.dht.status import ContactRow, DhtStatus, FamilyStatus, LookupRow
from txtorrent.discovery.lsd import LsdStatus
from txtorrent.discovery.mapping import Protocol
from txtorrent.discovery.portline import PortStatus
from txtorrent.session import Session
from txtorrent.swarm.external import Count


@frozen
class FamilyView:
    """Our node in the DHT of one family, ipv4 or ipv6."""

    family: str
    status: FamilyStatus


@frozen
class DhtView:
    """The DHT. `trouble`: why it is off although it should be on; `next_announce` is a time since
    1970, 0 for none."""

    is_on: bool
    trouble: str
    is_read_only: bool
    joined: int = 0
    announcing: int = 0
    next_announce: float = 0.0
    families: Sequence[FamilyView] = ()


@frozen
class MappingView:
    """One port of ours at the router; see control's `PortMapping`."""

    family: str
    protocol: str
    state: str
    port: int
    method: str
    external_host: str
    external_port: int
    lifetime: float
    error: str


@frozen
class SourcesView:
    """All of them; `local` is None and `mappings` is empty while they are off."""

    dht: DhtView
    pex_enabled: bool
    local: LsdStatus | None
    mappings: Sequence[MappingView]
    tcp_port: int
    udp_port: int
    external: Sequence[Count]


@frozen
class NodeView:
    """A node that we know; `last_seen` is a time since 1970, `rtt` in seconds."""

    family: str
    address: str
    port: int
    id: bytes
    state: str
    last_seen: float
    rtt: float
    fits: bool


@frozen
class LookupView:
    """A lookup under way; `started` is a time since 1970."""

    family: str
    target: bytes
    method: str
    asked: int
    answered: int
    started: float


def sources_view(session: Session) -> SourcesView:
    """How the sources of a session are now."""
    sources = session.sources
    status = sources.dht.status if sources.dht is not None else None
    return SourcesView(
        _dht_view(status, sources.trouble, session.options.sources.nodes.read_only),
        session.pex_enabled,
        sources.local.status if sources.local is not None else None,
        [
            view
            for family, mapping in sources.mappings.items()
            for view in _mapping_views(family, mapping.status)
        ],
        session.port,
        sources.udp.port if sources.udp is not None else 0,
        sources.external.counts(sources.now()),
    )


def _dht_view(status: DhtStatus | None, trouble: str, is_read_only: bool) -> DhtView:
    if status is None:
        return DhtView(False, trouble, is_read_only)
    wait = status.next_announce
    both = (("ipv4", status.ipv4), ("ipv6", status.ipv6))
    return DhtView(
        True,
        trouble,
        is_read_only,
        status.joined,
        status.announcing,
        time.time() + wait if wait is not None else 0.0,
        [FamilyView(family, each) for family, each in both if each is not None],
    )


def _mapping_views(family: str, status: Mapping[Protocol, PortStatus]) -> list[MappingView]:
    return [
        MappingView(
            family,
            protocol.value.lower(),
            port.state.value,
            port.port,
            port.method,
            port.external_host or "",
            port.external_port,
            port.lifetime,
            port.error,
        )
        for protocol, port in status.items()
    ]


def node_views(dht: Dht) -> list[NodeView]:
    """The nodes that it knows."""
    return [_node_view(row, time.time()) for row in dht.table()]


def _node_view(row: ContactRow, now: float) -> NodeView:
    return NodeView(
        _family(":" in row.address.host),
        row.address.host,
        row.address.port,
        row.id,
        row.state.value,
        now - row.last_seen,
        row.rtt,
        row.fits,
    )


def lookup_views(dht: Dht) -> list[LookupView]:
    """The lookups under way."""
    return [_lookup_view(row, time.time()) for row in dht.lookups()]


def _lookup_view(row: LookupRow, now: float) -> LookupView:
    return LookupView(
        _family(row.ipv6), row.target, row.method, row.asked, row.answered, now - row.since
    )


def _family(ipv6: bool) -> str:
    return "ipv6" if ipv6 else "ipv4"
