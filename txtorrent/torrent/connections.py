"""Who is dialled, who may come in, who has to go: the connections of one torrent.

What must stay true: one connection a peer, whoever dialled; never one to ourselves; never
one to a banned host; and the limits below hold at every moment.
"""

import sys
from collections.abc import Iterable
from itertools import islice
from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConnector
from twisted.logger import Logger

from txtorrent.address import Address
from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.text import display_text
from txtorrent.peer.factory import OutboundFactory
from txtorrent.peer.interfaces import Conversation, Refused
from txtorrent.peer.protocol import PeerProtocol
from txtorrent.swarm.banlist import party
from txtorrent.swarm.crowding import Crowding
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.peerbook import PeerBook, Source
from txtorrent.swarm.rate import Rate
from txtorrent.swarm.window import RequestWindow
from txtorrent.torrent.shared import Shared
from txtorrent.torrent.stage import Stage
from txtorrent.wire.extension import ExtensionHandshake
from txtorrent.wire.handshake import Handshake, reserved_bits
from txtorrent.wire.messages import Port

MOST_HALF_OPEN: Final = 30
"""Connections of one torrent being made at once: a long list of dead addresses is through
in a minute, and no router's table overflows."""
DIAL_TIMEOUT: Final = 10.0
"""Seconds for the TCP connection; the handshake has a time-out of its own."""
HALF_DEAD: Final = 30.0
"""Seconds of silence after which a peer that connects anew is believed to have lost the old
connection."""

MOST_COMPARED: Final = 100
"""Connections of no use that are compared when a torrent is full: each costs 9 us, and a stranger
may have us do it as often as it likes to connect."""

_log = Logger()


class Connections:
    """The connections of one torrent; also what a connection asks of it (`peer.Swarm`).

    What they are for is the `stage`'s affair, which may be another one later: `enter`. There is one
    before anything else is called. `is_private`: nobody is told of them but trackers (BEP 27).
    """

    def __init__(
        self, shared: Shared, info_hash: bytes, max_peers: int, is_private: bool = False
    ) -> None:
        self.info_hash = info_hash
        self.peer_id = shared.peer_id
        self.is_private = is_private
        self.book = PeerBook(shared.random, shared.bans)
        self._shared = shared
        self._stage: Stage | None = None
        self._max_peers = max_peers
        self._dialling: dict[Address, IConnector] = {}
        self._links: dict[PeerProtocol, None] = {}
        self._crowding = Crowding()
        self._by_peer_id: dict[bytes, PeerProtocol] = {}
        self._listens_at: dict[PeerProtocol, Address] = {}
        self._most_known = 0
        self._gone: Deferred[None] | None = None
        host = shared.interface or shared.outside.host
        if host is not None:
            self.book.know_ourselves(Address(host, shared.port))

    def __len__(self) -> int:
        """Connections, those whose handshake is under way included."""
        return len(self._links)

    def enter(self, stage: Stage) -> None:
        """Be for this from now on. Who takes part goes along, with what was kept for it."""
        before, self._stage = self._stage, stage
        if before is not None:
            for link in tuple(before.exchange.links):
                self._go_over(link, before, stage)
            before.extensions.stop()

    def _go_over(self, link: PeerProtocol, before: Stage, stage: Stage) -> None:
        kept = before.exchange.kept(link)
        knows_extensions = link in before.extensions
        before.extensions.left(link)
        link.peer.have = Bitfield(stage.piece_count)
        link.uploads.stop()
        link.uploads = stage.make_uploads(link)
        link.extensions = stage.extensions
        link.take_part(stage.exchange, kept)
        if knows_extensions and link.is_open:
            stage.extensions.greet(link)

    @property
    def stage(self) -> Stage:
        """What they are for at present."""
        assert self._stage is not None, "there is a stage before there are connections"
        return self._stage

    @property
    def piece_count(self) -> int:
        """As far as it is known."""
        return self.stage.piece_count

    @property
    def reserved(self) -> bytes:
        """The extension bits of our handshake."""
        return reserved_bits(dht=self._dht_port is not None)

    @property
    def _dht_port(self) -> int | None:
        return None if self.is_private else self._shared.outside.dht_port

    # -- candidates --------------------------------------------------------------------------

    def found(self, addresses: Iterable[Address], source: Source, via: str | None = None) -> None:
        """Addresses that may be peers; some are dialled at once. `via`: who named them."""
        self.book.add(addresses, source, via)
        self._most_known = self._known()
        self.dial()

    @property
    def is_thin(self) -> bool:
        """Whether half of the peers that were known are gone: time to ask for more."""
        return self._known() * 2 <= self._most_known

    def _known(self) -> int:
        """Peers that are there, or may well be."""
        return len(self._links) + len(self._dialling) + self.book.waiting()

    def dial(self) -> None:
        """Dial what is due, within the limits; to be called every second."""
        room = min(
            self._max_peers - len(self._links) - len(self._dialling),
            MOST_HALF_OPEN - len(self._dialling),
            self._shared.budget.most - self._shared.budget.used,
        )
        if room > 0 and self._gone is None:
            for address in self.book.next_to_dial(room, self._now()):
                self._dial(address)

    def _dial(self, address: Address) -> None:
        factory = OutboundFactory(
            self._shared.reactor, address, self, self._link_made, self._dial_failed
        )
        source = self._shared.interface
        if source is not None and (":" in source) != (":" in address.host):
            self.book.forget(address)
            return
        self._shared.budget.used += 1
        self._dialling[address] = self._shared.reactor.connectTCP(
            address.host,
            address.port,
            factory,
            timeout=DIAL_TIMEOUT,
            bindAddress=None if source is None else (source, 0),
        )

    def _link_made(self, link: PeerProtocol) -> None:
        """The connection takes the place that its dialling had in the session's budget."""
        self._dialling.pop(link.address, None)
        self._enter(link)

    def _dial_failed(self, address: Address, reason: str) -> None:
        self._dialling.pop(address, None)
        self._shared.budget.used -= 1
        self.book.failed(address, self._now())
        self._mind_gone()

    # -- peer.Swarm --------------------------------------------------------------------------

    def admit(self, host: str) -> None:
        """Whether an inbound connection may go on. Raises Refused."""
        now = self._now()
        if self._gone is not None:
            raise Refused("the torrent is stopping")
        if self._shared.budget.is_spent:
            raise Refused("no more connections")
        objection = self._shared.bans.objection(host, now) or self._crowding.objection(host)
        if objection is not None:
            raise Refused(objection)

    def arrived(self, link: PeerProtocol) -> None:
        """An inbound connection asked for this torrent."""
        self._enter(link)
        self._shared.budget.used += 1

    def greeted(self, link: PeerProtocol, handshake: Handshake) -> Conversation:
        """The peer's handshake is complete: it may take part. Raises Refused."""
        self._refuse_ourselves(link, handshake.peer_id)
        self._refuse_twin(link, handshake.peer_id)
        if len(self._links) > self._max_peers:
            self._make_room(link)
        if link.outbound:
            self.book.connected(link.address)
        self._introduce(link, handshake)
        return self.stage.exchange

    def entered(self, link: PeerProtocol, handshake: Handshake) -> None:
        """It takes part: let it know what else we speak."""
        if handshake.extended:
            self.stage.extensions.greet(link)
        port = self._dht_port
        if handshake.dht and port is not None:
            link.send(Port(port))

    def dht_node(self, link: PeerProtocol, port: int) -> None:
        """It has a DHT node."""
        if not self.is_private:
            self._shared.outside.dht_node(Address(link.address.host, port))

    def heard(self, link: PeerProtocol, handshake: ExtensionHandshake) -> None:
        """The peer said this of itself (BEP 10)."""
        peer = link.peer
        if handshake.client is not None:
            peer.client_name = sys.intern(display_text(handshake.client.encode(), "utf-8"))
        if handshake.reqq is not None:
            peer.window.limit(handshake.reqq)
        if handshake.your_host is not None:
            self._shared.outside.seen_as(handshake.your_host, link.address.host)
        if handshake.port is not None and not link.outbound:
            self._note_contact(link, Address(link.address.host, handshake.port))
        if handshake.upload_only is not None:
            peer.upload_only = handshake.upload_only
        self.stage.exchange.heard(link)

    def _note_contact(self, link: PeerProtocol, contact: Address) -> None:
        """Who connected to us can be found again when the connection has ended; of a private
        torrent only the tracker says who may be dialled."""
        if link.peer.contact is None:
            link.peer.contact = contact
            if self.is_private:
                return
            self.book.add([contact], Source.INCOMING)
            self._listens_at.setdefault(link, contact)
            self.book.connected(contact)

    def ended(self, link: PeerProtocol, reason: str) -> None:
        """A connection is gone."""
        if link in self._links:
            self._leave(link)
        listens_at = self._listens_at.pop(link, None)
        if listens_at is not None:
            self._note_end(link, listens_at)
        if link.outbound and link.address not in self._listens_at.values():
            self._note_end(link, link.address)
        self._mind_gone()

    def _note_end(self, link: PeerProtocol, contact: Address) -> None:
        """Who hangs up at once, again and again, is dialled at growing distances."""
        now = self._now()
        if link.took_part and link.peer.was_of_use(now):
            self.book.disconnected(contact, now)
        else:
            self.book.failed(contact, now)

    # -- ends --------------------------------------------------------------------------------

    def close_host(self, host: str, reason: str) -> None:
        """End every connection with a host, and with who is with it in an IPv6 network."""
        banned = party(host)
        for link in tuple(self._links):
            if party(link.address.host) == banned:
                link.close(reason)

    def limit(self, max_peers: int) -> None:
        """Have at most so many peers from now on; those of least use have to go."""
        self._max_peers = max_peers
        spare = len(self._links) - max_peers
        if spare > 0:
            for link in sorted(self._links, key=self.worth)[:spare]:
                link.close("fewer peers are allowed now")

    def links(self) -> Iterable[PeerProtocol]:
        """Those that there are now."""
        return tuple(self._links)

    def worth(self, link: PeerProtocol) -> tuple[float, ...]:
        """More for those that matter more: who takes part, then who could move anything, then by
        what it gives us and what it gets; equals by the rank that both ends know."""
        if not (link.took_part and link.is_open):
            return (0,)
        peer = link.peer
        may_move = peer.am_interested or not peer.am_choking
        rank = -self.book.rank(link.address)
        return 1, may_move, peer.downloaded.rate, peer.uploaded.rate, rank

    def close_blocked(self) -> None:
        """End every connection with who is on the blocklist, and dial none of them."""
        self.book.forget_blocked()
        blocklist = self._shared.bans.blocklist
        for address, connector in tuple(self._dialling.items()):
            if blocklist.blocks(address.host):
                connector.stopConnecting()
        for link in tuple(self._links):
            if blocklist.blocks(link.address.host):
                link.close("on the blocklist")

    def drop_useless(self, link: PeerProtocol) -> None:
        """Two seeds have nothing to say to each other."""
        self.book.forget(link.peer.contact or link.address)
        link.close("both have everything")

    def keep_private(self) -> None:
        """The torrent turned out to be private: nobody is let in whom no tracker or user named."""
        self.is_private = True
        allowed = (Source.USER, Source.TRACKER)
        for link in tuple(self._links):
            if not link.outbound or self.book.source(link.address) not in allowed:
                link.close("the torrent is private, and no tracker named this peer")
        for address, connector in tuple(self._dialling.items()):
            if self.book.source(address) not in allowed:
                connector.stopConnecting()
        self.book.keep_only(allowed)

    def stop(self) -> "Deferred[None]":
        """End every connection; fires when all are gone."""
        if self._gone is None:
            self._gone = Deferred()
            for connector in tuple(self._dialling.values()):
                connector.stopConnecting()
            for link in tuple(self._links):
                link.close("shutting down")
        self._mind_gone()
        return self._gone if not self._gone.called else succeed(None)

    def _mind_gone(self) -> None:
        done = not self._links and not self._dialling
        if done and self._gone is not None and not self._gone.called:
            self._gone.callback(None)

    # -- inside ------------------------------------------------------------------------------

    def _now(self) -> float:
        return float(self._shared.reactor.seconds())

    def _enter(self, link: PeerProtocol) -> None:
        self._links[link] = None
        self._crowding.entered(link.address.host)

    def _leave(self, link: PeerProtocol) -> None:
        del self._links[link]
        self.stage.extensions.left(link)
        self._crowding.left(link.address.host)
        self._shared.budget.used -= 1
        if link.took_part and self._by_peer_id.get(link.peer.peer_id) is link:
            del self._by_peer_id[link.peer.peer_id]

    def _refuse_ourselves(self, link: PeerProtocol, peer_id: bytes) -> None:
        if peer_id == self.peer_id:
            if link.outbound:
                self.book.is_ourselves(link.address)
            raise Refused("connected to ourselves")

    def _refuse_twin(self, link: PeerProtocol, peer_id: bytes) -> None:
        """Of two connections to one peer keep that which the higher peer id dialled.

        Both ends decide alike, so exactly one is left even when each dialled the other. One
        that has been silent gives way: it may be dead and the peer back. A stranger who copies
        a peer id cannot push the peer out.
        """
        twin = self._by_peer_id.get(peer_id)
        if twin is None:
            return
        keeps_outbound = self.peer_id > peer_id
        preferred = link.outbound != twin.outbound and link.outbound == keeps_outbound
        same_host = link.address.host == twin.address.host
        if not same_host or not (preferred or twin.silent_for > HALF_DEAD):
            self._keep_instead(twin, link)
            raise Refused("already connected to this peer")
        self._keep_instead(link, twin)
        twin.close("replaced by the peer's other connection")

    def _keep_instead(self, kept: PeerProtocol, dropped: PeerProtocol) -> None:
        """While one is connected, the address that led to the other need not be dialled again."""
        if dropped.outbound and not kept.outbound:
            self._listens_at[kept] = dropped.address
            self.book.connected(dropped.address)

    def _make_room(self, link: PeerProtocol) -> None:
        """Full: a peer of higher canonical priority takes the place of one that is of no use."""
        idle = (
            other
            for other in self.stage.exchange.links
            if other.is_open and not other.peer.am_interested and other.peer.am_choking
        )
        rank = self.book.rank
        compared = islice(idle, MOST_COMPARED)
        worst = max(compared, key=lambda other: rank(other.address), default=None)
        if worst is None or rank(link.address) >= rank(worst.address):
            raise Refused("too many peers")
        worst.close("replaced by a peer of higher priority")

    def _introduce(self, link: PeerProtocol, handshake: Handshake) -> None:
        """Give the connection the peer's state and its queue of uploads."""
        now = self._now()
        self._by_peer_id[handshake.peer_id] = link
        link.peer = Peer(
            address=link.address,
            peer_id=handshake.peer_id,
            have=Bitfield(self.stage.piece_count),
            connected_at=now,
            downloaded=Rate(now),
            uploaded=Rate(now),
            window=RequestWindow(now),
            fast=handshake.fast,
            contact=link.address if link.outbound else None,
            choked_at=now,
        )
        link.uploads = self.stage.make_uploads(link)
        link.extensions = self.stage.extensions
        _log.debug("{link!r}: {client} joined", link=link, client=link.peer.client or "a peer")
