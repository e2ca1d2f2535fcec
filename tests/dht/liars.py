"""Nodes that attack: they answer with each other, or with nodes that are not there."""

from __future__ import annotations

from collections.abc import Sequence

from tests.testing.dhtnet import PORT, DhtNet, NetDht
from txtorrent.address import Address
from txtorrent.dht.nodeid import id_for, number
from txtorrent.wire.krpc import Query, Response, decode_message, encode_query, encode_response
from txtorrent.wire.krpcnodes import NodeInfo
from txtorrent.wire.krpcqueries import AnnouncePeer, FindNode


class Liar:
    """Answers each question with eight of `praised`, promises to store, and keeps nothing."""

    def __init__(self, net: DhtNet, info: NodeInfo, praised: Sequence[NodeInfo]) -> None:
        self.net = net
        self.info = info
        self.praised = praised
        self.asked = self.announced = 0
        net.attach(info.address, self.received)

    def received(self, datagram: bytes, source: Address) -> None:
        message = decode_message(datagram)
        if not isinstance(message, Query):
            return
        self.asked += 1
        self.announced += isinstance(message.question, AnnouncePeer)
        friends = tuple(self.net.random.sample(self.praised, 8))
        answer = Response(
            message.transaction, self.info.id, nodes=friends, token=b"whatever", our_address=source
        )
        self.net.send(encode_response(answer), self.info.address, source)

    def intrude(self, nodes: list[NetDht], target: bytes) -> None:
        """Have honest nodes notice us, those closest to the target and some others: they ask back
        whoever asks."""
        near = sorted(nodes, key=lambda node: number(node.node.own_id) ^ number(target))
        for victim in dict.fromkeys([*near[:16], *self.net.random.sample(nodes, 8)]):
            query = Query(self.net.random.randbytes(4), self.info.id, FindNode(self.info.id))
            self.net.send(encode_query(query), self.info.address, victim.address)


def beside(net: DhtNet, target: bytes, host: str) -> NodeInfo:
    """A node whose id is closer to the target than any honest one's, and does not fit its host."""
    return NodeInfo(target[:5] + net.random.randbytes(15), Address(host, PORT))


def fitting(net: DhtNet, target: bytes, host: str, tries: int = 64) -> NodeInfo:
    """A node with the closest to the target of the ids that fit its host."""
    ids = [id_for(host, net.random) for _ in range(tries)]
    best = min(ids, key=lambda each: number(each) ^ number(target))
    return NodeInfo(best, Address(host, PORT))


def phantoms(net: DhtNet, target: bytes, count: int) -> list[NodeInfo]:
    """Nodes that are nowhere, with ids that fit and are close to the target."""
    near = [fitting(net, target, net.host(), 16) for _ in range(count * 8)]
    return sorted(near, key=lambda node: number(node.id) ^ number(target))[:count]
