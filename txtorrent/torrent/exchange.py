"""The hot path: which blocks are asked of whom, what arrives, what is served.

Per block there is no object, no timer, no Deferred and no log call: peers are asked for more
once a received chunk, time-outs are found by one scan a second, haves go out in batches.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.pieces import BLOCK
from txtorrent.peer.interfaces import Rules
from txtorrent.peer.limiter import Limiter
from txtorrent.peer.protocol import PeerProtocol
from txtorrent.peer.rules import RULES
from txtorrent.swarm.allowedfast import SET_SIZE, allowed_fast_set
from txtorrent.swarm.partial import CHUNK_BLOCKS, Partial
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.picker import PiecePicker
from txtorrent.swarm.rounds import Rounds
from txtorrent.swarm.window import MOST, fair_share
from txtorrent.torrent.asking import request_frames
from txtorrent.torrent.assembly import Assembly
from txtorrent.torrent.choice import Choice
from txtorrent.torrent.progress import Progress
from txtorrent.torrent.shared import Shared
from txtorrent.wire import messages as m
from txtorrent.wire.stream import ProtocolError

SNUBBED_AFTER: Final = 20.0
"""Seconds without a block while some are due: others get the peer's blocks."""
LOST_AFTER: Final = 60.0
"""Seconds after which one request is given up although the peer answers others."""
HAVE_BATCH: Final = 0.1
"""Seconds for which haves are collected: one write a peer instead of one a piece."""
SPILL_AFTER: Final = 10.0
"""Seconds that a chunk may lie idle in memory while others wait for its buffer."""
LEAST_SHARE: Final = 8
"""Blocks that a peer may be asked for however short memory is: fewer make single requests."""
SOON: Final = 0.1
"""Seconds, or those in which all memory is filled, if they are more: what a peer sends in them it
may be asked for although memory is short. It holds nobody up, and few requests at a time cost a
fast peer 1 to 3 us a block more."""
MOST_CANCELLED: Final = 500
"""Blocks a peer, cancelled and perhaps still on their way, that are no offence."""

_log = Logger()


class Swarm(Protocol):
    """Who is told what the exchange finds out."""

    def interest_changed(self, link: PeerProtocol) -> None:
        """A peer became interested, or is no longer."""

    def completed(self) -> None:
        """The last wanted piece was verified."""

    def useless(self, link: PeerProtocol) -> None:
        """The peer has everything, and we all that we want."""


class Exchange:
    """The blocks of one torrent, both ways. `links` are the connections that take part;
    `download` is asked before a block is requested."""

    rules: Rules = RULES

    def __init__(
        self,
        progress: Progress,
        shared: Shared,
        assembly: Assembly,
        swarm: Swarm,
        download: Limiter,
    ) -> None:
        self.progress = progress
        self.links: dict[PeerProtocol, None] = {}
        self._rounds: Rounds[PeerProtocol] = Rounds()
        self.picker = PiecePicker(
            progress.metainfo.geometry, progress.have, shared.buffers, shared.random
        )
        self._assembly = assembly
        self._swarm = swarm
        self._download = download
        self._buffers = shared.buffers
        self._clock: IReactorTime = shared.reactor
        self._geometry = progress.metainfo.geometry
        self._per_piece = self._geometry.blocks_per_piece
        # Blocks of lower numbers are whole ones.
        self._regular = (
            0
            if self._geometry.piece_length % BLOCK
            else (self._geometry.piece_count - 1) * self._per_piece
        )
        self._now = self._clock.seconds()
        self._held = False
        self._holds: set[str] = set()
        self._stopped = False
        self._in_endgame = False
        self._new_haves: list[int] = []
        self._haves_due: IDelayedCall | None = None
        self._hungry: dict[PeerProtocol, None] = {}
        self._hungry_due: IDelayedCall | None = None
        self._starved: dict[PeerProtocol, None] = {}
        self._is_sharing = False

    # -- peers come and go -----------------------------------------------------------------

    def joined(self, link: PeerProtocol) -> None:
        """Tell the peer what we have, first of all."""
        self.links[link] = None
        self._rounds.rest(link, self._now)
        self.picker.joined(link.peer)
        have, fast = self.progress.have, link.peer.fast
        if fast and have.is_full:
            link.send(m.HaveAll())
        elif fast and have.is_empty:
            link.send(m.HaveNone())
        elif not have.is_empty:
            link.send(m.Bitfield(have.to_wire()))

    def left(self, link: PeerProtocol) -> None:
        """Others may have its blocks."""
        self.links.pop(link, None)
        self._rounds.leave(link)
        self._hungry.pop(link, None)
        self._starved.pop(link, None)
        self._download.leave(link.take_turn)
        self.picker.left(link.peer)
        self._wake_hungry()

    def heard(self, link: PeerProtocol) -> None:
        """The peer said whether it downloads anything, or what else it speaks."""
        self._mind_seed(link)

    def kept(self, link: PeerProtocol) -> Sequence[m.Message]:
        """There is no stage behind this one."""
        return ()

    def stop(self) -> None:
        """Forget what is under way; no timer is left."""
        self._held = self._stopped = True
        self._buffers.leave(self._feed_starved)
        for timer in (self._haves_due, self._hungry_due):
            if timer is not None and timer.active():
                timer.cancel()
        for partial in self.picker.partials.values():
            partial.discard()

    # -- what peers say ----------------------------------------------------------------------

    def choked(self, link: PeerProtocol) -> None:
        """Without BEP 6 a choke ends every request; with it each is rejected by name."""
        if not link.peer.fast:
            self.picker.release_all(link.peer)
            self._wake_hungry()

    def unchoked(self, link: PeerProtocol) -> None:
        """We may request."""
        link.peer.window.idle(self._clock.seconds())
        self.request_more(link)

    def interest_changed(self, link: PeerProtocol) -> None:
        """Perhaps there is a free slot."""
        self._swarm.interest_changed(link)

    def has(self, link: PeerProtocol, piece: int) -> None:
        """One piece more."""
        if self.picker.announced(link.peer, piece):
            self._mind_interest(link)
            self.request_more(link)
        elif link.peer.is_seed:
            self._mind_seed(link)

    def lost(self, link: PeerProtocol, piece: int) -> None:
        """One piece less (BEP 54); what of it was asked of the peer others may have.
        ProtocolError: there is no such piece."""
        peer = link.peer
        if not 0 <= piece < peer.have.size:
            raise ProtocolError(f"piece {piece} in a torrent of {peer.have.size}")
        had = piece in peer.have
        for number in self.picker.lost(peer, piece):
            self._note_cancelled(peer, number)
            self._hungry[link] = None
        if had and piece in self.progress.have:
            link.send(m.Have(piece))  # as a seed it was not told
        self._mind_interest(link)
        self._wake_hungry()

    def has_pieces(self, link: PeerProtocol, pieces: Bitfield) -> None:
        """Many pieces; what the peer may fetch while choked follows from how few it has."""
        self.picker.announced_many(link.peer, pieces)
        self._mind_interest(link)
        self._mind_seed(link)
        if link.peer.fast and pieces.count < SET_SIZE and link.is_open:
            self._grant_fast(link)
        self.request_more(link)

    def rejected(self, link: PeerProtocol, index: int, begin: int) -> None:
        """The block is free for others; this peer is asked again by the next scan."""
        number = index * self._per_piece + begin // BLOCK
        if number in link.peer.requests:
            self.picker.release(link.peer, number)
            self._wake_hungry()
            if not link.peer.choking:
                link.peer.window.refused(len(link.peer.requests))
                link.offend("rejects what it lets us request")

    def fast_allowed(self, link: PeerProtocol, piece: int) -> None:
        """A piece that may be requested while choked."""
        link.peer.allowed_fast |= {piece}
        self.request_more(link)

    def uploadable(self, piece: int) -> int:
        """The size of a piece that we have; 0 for any other number."""
        if piece not in self.progress.have:
            return 0
        return self._geometry.piece_size(piece)

    def sent(self, link: PeerProtocol, size: int) -> None:
        """A block went out."""
        link.peer.uploaded.total += size
        self.progress.uploaded.total += size
        if link in self._rounds.quiet:
            self._wake(link)
        link.mind_queue()

    # -- the way of a block ----------------------------------------------------------------

    def blocks(self, link: PeerProtocol, blocks: Sequence[m.Data]) -> None:
        """File blocks that were asked for; pieces may be complete with them."""
        peer, requests = link.peer, link.peer.requests
        per_piece, regular, partials = self._per_piece, self._regular, self.picker.partials
        downloaded = self.progress.downloaded
        for index, begin, data in blocks:
            block, size = begin // BLOCK, len(data)
            number = index * per_piece + block
            if block >= per_piece or number not in requests:
                self._unsolicited(link, number, size)
                continue
            whole = BLOCK if number < regular else self._geometry.block_size(index, block)
            if begin % BLOCK or size != whole:
                raise ProtocolError(f"a block of {size} bytes at {begin} that nobody asked for")
            del requests[number]
            peer.arrived += 1
            peer.downloaded.total += size
            downloaded.total += size
            partial = partials.get(index)
            if partial is None or not (asked := partial.asked(block)):
                self.progress.wasted += size
                continue
            missing = partial.store(block, data, peer, self._now)
            if asked > 1:
                self._cancel_elsewhere(number)
            if not missing:
                self._assembly.chunk_stored(partial, block // CHUNK_BLOCKS)

    def chunk_handled(self, link: PeerProtocol) -> None:
        """All that came at once is filed: ask for more in one write."""
        peer = link.peer
        if link in self._rounds.quiet:
            self._wake(link)
        if peer.arrived:
            now = self._clock.seconds()
            peer.window.received(peer.arrived, now)
            peer.last_block_at = now
            peer.arrived = 0
            peer.snubbed = False
        if peer.am_interested and link not in self._starved:
            self.request_more(link)

    def request_more(self, link: PeerProtocol) -> None:
        """Fill the peer's window, if a quarter of it is free."""
        peer = link.peer
        window = min(peer.window.size, peer.share)
        room = window - len(peer.requests)
        if room * 4 < window or self._held or not peer.may_request or not link.is_open:
            return
        if self._download.rate:
            self._request_within_limit(link, room)
            return
        runs = self.picker.pick(peer, room, self._clock.seconds())
        if runs:
            link.send_frames(request_frames(self._geometry, runs))
        if len(peer.requests) < window:
            self._note_short(link)

    def _request_within_limit(self, link: PeerProtocol, room: int) -> None:
        limit = self._download
        while room and limit.take(BLOCK):
            room -= 1
            if not self._request_one(link):
                return
        if room:
            limit.wait(link.take_turn)

    def take_turn(self, link: PeerProtocol) -> None:
        """The download limit lets this peer have one block more."""
        peer = link.peer
        if len(peer.requests) < peer.window.size and peer.may_request and not self._held:
            self._download.spend(BLOCK)
            if self._request_one(link) and len(peer.requests) < peer.window.size:
                self._download.wait(link.take_turn)

    def _request_one(self, link: PeerProtocol) -> bool:
        """Ask for one block, paid for already; paid back if there is none."""
        runs = self.picker.pick(link.peer, 1, self._clock.seconds())
        if runs:
            link.send_frames(request_frames(self._geometry, runs))
            return True
        self._download.give_back(BLOCK)
        self._note_short(link)
        return False

    def _unsolicited(self, link: PeerProtocol, number: int, size: int) -> None:
        self.progress.wasted += size
        if number in link.peer.cancelled:
            del link.peer.cancelled[number]
        else:
            link.offend("blocks that nobody asked for")

    # -- who waits for something to request ------------------------------------------------

    def _note_short(self, link: PeerProtocol) -> None:
        """There was less to request than the window has room for."""
        if self.picker.starved:
            self._starved[link] = None
            self._buffers.wait(self._feed_starved)
            return
        self._hungry[link] = None
        if self.picker.is_endgame != self._in_endgame:
            self._in_endgame = not self._in_endgame
            if self._in_endgame:
                self._wake_hungry()

    def _wake_hungry(self) -> None:
        """Blocks became free: soon, and all at once, ask those who had nothing to request."""
        if self._hungry and self._hungry_due is None and not self._held:
            self._hungry_due = self._clock.callLater(0, self._feed_hungry)

    def _feed_hungry(self) -> None:
        self._hungry_due = None
        hungry, self._hungry = self._hungry, {}
        for link in hungry:
            self.request_more(link)

    def _feed_starved(self) -> None:
        """Memory is free: those who wait for it have their turns, in order."""
        for link in tuple(self._starved):
            del self._starved[link]
            self.request_more(link)
            if self.picker.starved:
                break
        if self._starved:
            self._buffers.wait(self._feed_starved)

    # -- what became of a piece ------------------------------------------------------------

    def piece_verified(self, piece: int) -> None:
        """It is had: peers are told, and nobody is asked for it."""
        was_complete = self.progress.is_complete
        self.picker.verified(piece)
        self._new_haves.append(piece)
        if self._haves_due is None and not self._stopped:
            self._haves_due = self._clock.callLater(HAVE_BATCH, self._tell_haves)
        if self.progress.is_complete and not was_complete:
            self._complete()
        elif self.picker.is_holding_last:
            self.mind_all()

    def piece_failed(self, piece: int) -> None:
        """It is to be fetched again."""
        size = self._geometry.piece_size(piece)
        self.progress.wasted += size
        self.progress.corrupt += size
        self.picker.failed(piece)
        self._wake_hungry()

    def hold(self, held: bool, why: str = "disk") -> None:
        """Request nothing while `held` for any reason `why`; then ask everybody again."""
        if held == (why in self._holds):
            return
        (self._holds.add if held else self._holds.discard)(why)
        was_held, self._held = self._held, self._stopped or bool(self._holds)
        if was_held and not self._held:
            for link in tuple(self.links):
                self.request_more(link)

    def choose(self, choice: Choice) -> None:
        """What is wanted changed, and `progress` says so already."""
        picker = self.picker
        picker.sequential_from, picker.hold_last = choice.sequential_from, choice.hold_last
        picker.prioritise(self.progress.priorities, self.progress.settled)
        for link in self.links:
            picker.look_again(link.peer)
        self.mind_all()
        for link in tuple(self.links):
            if link.peer.may_request and link in self._rounds.quiet:
                self._wake(link)  # or nobody would see that it does not answer
            self.request_more(link)

    def _tell_haves(self) -> None:
        """A seed need not hear of any piece. Everybody else hears of all, of those that they
        have too: a peer that completes must know us for a seed when we are one."""
        self._haves_due = None
        news, self._new_haves = self._new_haves, []
        frames = b"".join([m.INDEX.pack(5, m.Have.id, piece) for piece in news])
        for link in tuple(self.links):
            if not link.peer.is_seed:
                link.send_frames(frames)

    def _complete(self) -> None:
        self._swarm.completed()
        self.mind_all()

    def mind_all(self) -> None:
        """Look at all connections again: of what use they are may have changed."""
        for link in tuple(self.links):
            self._mind_interest(link)
            self._mind_seed(link)

    def _cancel_elsewhere(self, number: int) -> None:
        for link in self.links:
            if number in link.peer.requests:
                self._cancel(link, number)

    def _cancel(self, link: PeerProtocol, number: int) -> None:
        self.picker.release(link.peer, number)
        index, block = divmod(number, self._per_piece)
        link.send(m.Cancel(index, block * BLOCK, self._geometry.block_size(index, block)))
        self._note_cancelled(link.peer, number)

    def _note_cancelled(self, peer: Peer, number: int) -> None:
        """Should it come all the same, that is no offence."""
        cancelled = peer.cancelled
        if len(cancelled) >= MOST_CANCELLED:
            cancelled.clear()
        cancelled[number] = None

    # -- once a second ---------------------------------------------------------------------

    def scan(self, now: float) -> None:
        """Rates, time-outs, keep-alives, and a second chance for every window with room.

        Connections on which nothing moves take turns: it costs little to have thousands.
        """
        self._now = now
        rounds = self._rounds
        for link in tuple(rounds.busy):
            self._safely(self._scan_one, link, now)
            if link in rounds.busy and not _is_busy(link):
                rounds.rest(link, now)
        for link in rounds.due(now):
            self._safely(self._scan_quiet, link, now)
        self._mind_share()
        if self._starved:
            self._spill_idle(self.picker.partials, now)
        elif self.picker.aside:
            self._spill_idle(self.picker.aside, now)

    def _safely(
        self, scan: Callable[[PeerProtocol, float], None], link: PeerProtocol, now: float
    ) -> None:
        try:
            scan(link, now)
        except Exception:
            _log.failure("{link!r}: an error of ours ends this connection", link=link)
            link.close("internal error")

    def _scan_quiet(self, link: PeerProtocol, now: float) -> None:
        if link not in self._rounds.quiet:
            return  # it left, or woke, meanwhile
        self._rounds.rest(link, now)
        link.check(now)
        if link.peer.am_interested:
            self._mind_interest(link)
        if link.outbox.size or link.is_reading_paused:
            self._wake(link)

    def _wake(self, link: PeerProtocol) -> None:
        """Something moves on a quiet connection: it is looked at every second from now on."""
        self._rounds.wake(link)
        link.peer.downloaded.resume(self._now)
        link.peer.uploaded.resume(self._now)

    def _mind_share(self) -> None:
        """While memory is short nobody sits for long on what others could fill meanwhile."""
        if not (self._starved or self._is_sharing):
            return  # thousands of idle peers would be walked for nothing
        share, peers, limit = MOST, [link.peer for link in self.links], self._buffers.limit
        if self._starved:
            share = max(LEAST_SHARE, fair_share([p.window.size for p in peers], limit // BLOCK))
        turnover = limit / (sum(peer.download_rate for peer in peers) + 1)
        soon = max(SOON, turnover)
        for peer in peers:
            peer.share = max(int(peer.download_rate * soon / BLOCK), min(share, 2 * peer.share))
        self._is_sharing = any(peer.share < MOST for peer in peers)

    def _scan_one(self, link: PeerProtocol, now: float) -> None:
        peer = link.peer
        peer.downloaded.sample(now)
        peer.uploaded.sample(now)
        link.check(now)
        if peer.am_interested:
            self._mind_interest(link)
        # What was just taken from a peer is offered to the others before it is asked again.
        if not (peer.requests and self._check_overdue(link, now)):
            self.request_more(link)

    def _check_overdue(self, link: PeerProtocol, now: float) -> bool:
        """Whether the peer lost requests that it left unanswered for too long."""
        peer = link.peer
        oldest = next(iter(peer.requests.values()))
        waited = now - max(oldest, peer.last_block_at)
        if waited > LOST_AFTER or (waited > SNUBBED_AFTER and not link.is_receiving(now)):
            self._snub(link)
            return True
        if now - oldest > LOST_AFTER:
            self._cancel(link, next(iter(peer.requests)))
            self._wake_hungry()
            return True
        return False

    def _snub(self, link: PeerProtocol) -> None:
        link.peer.snubbed = True
        link.peer.window.snub()
        for number in tuple(link.peer.requests):
            self._cancel(link, number)
        self._wake_hungry()

    def _spill_idle(self, partials: Mapping[int, Partial], now: float) -> None:
        """Memory is short, or held by what is not wanted: what lies half done and idle goes to
        disk."""
        for partial in tuple(partials.values()):
            number = partial.idle_chunk(now - SPILL_AFTER)
            if number is not None:
                self._assembly.spill(partial, number)

    # -- inside ----------------------------------------------------------------------------

    def _mind_interest(self, link: PeerProtocol) -> None:
        wants = self.picker.wants(link.peer)
        if wants != link.peer.am_interested and link.is_open:
            link.peer.am_interested = wants
            link.send(m.Interested() if wants else m.NotInterested())

    def _mind_seed(self, link: PeerProtocol) -> None:
        if self.progress.is_complete and link.peer.wants_nothing:
            self._swarm.useless(link)

    def _grant_fast(self, link: PeerProtocol) -> None:
        peer, metainfo = link.peer, self.progress.metainfo
        pieces = allowed_fast_set(
            peer.address.host, metainfo.info_hash, metainfo.geometry.piece_count
        )
        have, granted = self.progress.have, peer.granted_fast
        fresh = [piece for piece in pieces if piece in have and piece not in granted]
        if fresh:
            peer.granted_fast = (*granted, *fresh)
            link.send_frames(b"".join([m.AllowedFast(piece).encode() for piece in fresh]))


def _is_busy(link: PeerProtocol) -> bool:
    """Whether anything moves, may be requested, or waits for the peer to read."""
    peer = link.peer
    return bool(
        peer.downloaded.rate
        or peer.uploaded.rate
        or peer.requests
        or peer.may_request
        or link.outbox.size
        or link.is_reading_paused
    )
