"""A picker's world as strings.

    world = World("#...", blocks=2)          one character a piece: '#' had, '.' missing
    a = world.peer("a", ".11.")              which pieces the peer has
    world.pick(a, 3)                         "1 1 2": the pieces of the blocks it is asked for
    world.picture                            "#|..|aa|a.": a character a block

In a picture a piece is '#' when it is had, else its blocks: '.' free, '+' in memory, '=' on disk,
the peer's letter when requested from one, and '2' when from two. `world.prioritise("0213")` has the
digit of each piece's priority.
"""

from itertools import chain
from random import Random

from txtorrent.address import Address
from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.pieces import BLOCK, Geometry
from txtorrent.swarm.buffers import BufferPool
from txtorrent.swarm.partial import FREE, ON_DISK, RECEIVED
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.picker import PiecePicker
from txtorrent.swarm.rate import Rate
from txtorrent.swarm.selection import settle
from txtorrent.swarm.window import RequestWindow


def bitfield(picture):
    """'#' and '1' are set."""
    size = len(picture)
    bits = "".join("1" if each in "#1" else "0" for each in picture) + "0" * (-size % 8)
    return Bitfield.from_wire(size, int("0" + bits, 2).to_bytes(len(bits) // 8, "big"))


def make_peer(name="a", pieces=1):
    """A connected peer, unchoked and without a piece."""
    peer = Peer(
        Address(f"10.0.0.{ord(name)}", 6881),
        name.encode() * 20,
        Bitfield(pieces),
        0.0,
        Rate(0.0),
        Rate(0.0),
        RequestWindow(0.0),
    )
    peer.choking = False
    peer.am_interested = True
    return peer


class World:
    """A picker and some peers. `buffers` are pieces that memory holds; `short` is how many bytes
    the last piece lacks."""

    def __init__(self, have, blocks=2, buffers=100, short=0, seed=1):
        self.geometry = Geometry(blocks * BLOCK, len(have) * blocks * BLOCK - short)
        self.have = bitfield(have)
        self.pool = BufferPool(buffers * min(blocks, 64) * BLOCK)
        self.picker = PiecePicker(self.geometry, self.have, self.pool, Random(seed))
        self.peers = {}
        self.now = 0.0

    def peer(self, name, pieces):
        """A peer that joins and announces these pieces at once."""
        peer = make_peer(name, self.have.size)
        self.picker.joined(peer)
        self.picker.announced_many(peer, bitfield(pieces))
        self.peers[name] = peer
        return peer

    def prioritise(self, picture):
        """A digit is the priority of a piece; None: all are normal."""
        priorities = picture and bytes(map(int, picture))
        self.picker.prioritise(priorities, settle(self.have, priorities))
        for peer in self.peers.values():
            self.picker.look_again(peer)

    def left(self, peer):
        self.picker.left(peer)
        del self.peers[self.name(peer)]

    def name(self, peer):
        return chr(peer.peer_id[0])

    def pick(self, peer, count):
        """The pieces of the blocks picked, in order."""
        numbers = chain(*self.picker.pick(peer, count, self.now))
        return " ".join(str(number // self.geometry.blocks_per_piece) for number in numbers)

    def fill(self, count=1000, *peers):
        """Let each peer in turn pick so many blocks."""
        for peer in peers or self.peers.values():
            self.picker.pick(peer, count, self.now)

    def arrive(self, peer, piece, block=None):
        """The peer delivers a block (None: the piece's first of its); whether others were asked."""
        if block is None:
            block = min(self._asked(peer, piece))
        number = piece * self.geometry.blocks_per_piece + block
        del peer.requests[number]
        partial = self.picker.partials.get(piece)
        if partial is None or not (asked := partial.asked(block)):
            return None
        size = self.geometry.block_size(piece, block)
        partial.store(block, self.name(peer).encode() * size, peer, self.now)
        return asked > 1

    def deliver(self, peer, piece):
        """All that the peer was asked for of a piece arrives."""
        for block in self._asked(peer, piece):
            self.arrive(peer, piece, block)

    def release(self, peer, piece, block):
        self.picker.release(peer, piece * self.geometry.blocks_per_piece + block)

    def verified(self, piece):
        self.picker.verified(piece)

    @property
    def picture(self):
        return "|".join(self._piece(piece) for piece in range(self.have.size))

    def _asked(self, peer, piece):
        per = self.geometry.blocks_per_piece
        return sorted(number % per for number in peer.requests if number // per == piece)

    def _piece(self, piece):
        if piece in self.have:
            return "#"
        blocks = self.geometry.block_count(piece)
        partial = self.picker.partials.get(piece)
        if partial is None:
            return "." * blocks
        return "".join(self._block(piece, block, partial.state[block]) for block in range(blocks))

    def _block(self, piece, block, state):
        if state in (FREE, RECEIVED, ON_DISK):
            return {FREE: ".", RECEIVED: "+", ON_DISK: "="}[state]
        number = piece * self.geometry.blocks_per_piece + block
        asked = [name for name, peer in self.peers.items() if number in peer.requests]
        return asked[0] if state == 1 and len(asked) == 1 else str(state)
