"""What we answer when other nodes ask: nodes, peers, items, samples (BEP 5, 32, 33, 44, 51).

Whether they are answered at all is the gate's and the budget's business. An answer has at most
1,400 bytes, and no more peers than make it 1,024 (BEP 32).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from attrs import define, evolve

from txtorrent.address import Address
from txtorrent.dht.itemstore import ItemStore
from txtorrent.dht.store import PeerStore
from txtorrent.dht.tokens import Tokens
from txtorrent.wire.dhtitem import MAX_SALT, MAX_VALUE, Item
from txtorrent.wire.krpc import (
    BAD_SIGNATURE,
    CAS_MISMATCH,
    PROTOCOL,
    SALT_TOO_BIG,
    SEQ_TOO_LOW,
    SERVER,
    TOO_BIG,
    UNKNOWN_METHOD,
    Error,
    Query,
    Response,
    encode_error,
    encode_response,
)
from txtorrent.wire.krpcnodes import NodeInfo
from txtorrent.wire.krpcqueries import (
    AnnouncePeer,
    FindNode,
    Get,
    GetPeers,
    Ping,
    Put,
    Question,
    SampleInfohashes,
    Unknown,
)

MAX_REPLY: Final = 1400
"""Bytes of an answer: what passes any link unfragmented."""
PEERS_UNTIL: Final = 1024
"""Bytes up to which an answer is filled with peers (BEP 32)."""

NodesOf: TypeAlias = Callable[[bool, bytes], tuple[NodeInfo, ...]]


class _Refusal(Exception):
    """A query is not granted: a code and a text of `krpc.Error`."""

    def __init__(self, code: int, text: bytes) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


@define(eq=False)
class Answers:
    """Answers the queries that come to one node, as datagrams.

    `nodes_of(ipv6, target)` are the closest nodes that we know of a family; `own_id` changes.
    """

    ipv6: bool
    own_id: bytes
    nodes_of: NodesOf
    tokens: Tokens
    peers: PeerStore
    items: ItemStore

    def answer(self, query: Query, source: Address, now: float) -> bytes:
        """The datagram to be sent back."""
        visit = _Visit(self, query, source, now)
        try:
            return _fitted(visit.result())
        except _Refusal as refusal:
            return encode_error(Error(query.transaction, refusal.code, refusal.text, source))


@define(eq=False)
class _Visit:
    """One query: who asks what, and when."""

    answers: Answers
    query: Query
    source: Address
    now: float

    def result(self) -> Response:
        return _METHODS[type(self.query.question)](self, self.query.question)

    def ping(self, asked: Question) -> Response:
        return Response(self.query.transaction, self.answers.own_id, our_address=self.source)

    def find_node(self, asked: FindNode) -> Response:
        return self._with_nodes(asked.target, asked)

    def get_peers(self, asked: GetPeers) -> Response:
        response = evolve(self._with_nodes(asked.info_hash, asked), token=self._token())
        store = self.answers.peers
        if asked.scrape and (filters := store.filters(asked.info_hash, self.now)):
            response = evolve(response, seeds=filters[0], peers=filters[1])
        room = PEERS_UNTIL - len(encode_response(response)) - len(b"6:valuesle")
        count = room // (21 if self.answers.ipv6 else 8)
        peers = store.peers(
            asked.info_hash, self.source.host, max(0, count), self.now, noseed=asked.noseed
        )
        return evolve(response, values=tuple(peers)) if peers else response

    def announce_peer(self, asked: AnnouncePeer) -> Response:
        self._require_token(asked.token)
        port = self.source.port if asked.implied_port else asked.port
        if not port:
            raise _Refusal(PROTOCOL, b"no port")
        peer = Address(self.source.host, port)
        if not self.answers.peers.add(asked.info_hash, peer, asked.seed, self.now):
            raise _Refusal(SERVER, b"no room")
        return self.ping(asked)

    def get(self, asked: Get) -> Response:
        response = evolve(self._with_nodes(asked.target, asked), token=self._token())
        item = self.answers.items.get(asked.target, self.now)
        if item is None:
            return response
        if item.is_mutable and asked.seq is not None and item.seq <= asked.seq:
            return evolve(response, seq=item.seq)
        return evolve(response, item=item, seq=item.seq if item.is_mutable else None)

    def put(self, asked: Put) -> Response:
        self._require_token(asked.token)
        item = asked.item
        if len(item.value) > MAX_VALUE:
            raise _Refusal(TOO_BIG, b"the value is too long")
        if not item.is_canonical:
            raise _Refusal(PROTOCOL, b"the value is not bencoded as it should be")
        if item.is_mutable:
            self._require_newer(item, asked.cas)
        answers = self.answers
        if not answers.items.put(item, self.source.host, answers.own_id, self.now):
            raise _Refusal(SERVER, b"no room")
        return self.ping(asked)

    def sample(self, asked: SampleInfohashes) -> Response:
        store = self.answers.peers
        samples, interval = store.sample(self.now)
        return evolve(
            self._with_nodes(asked.target, asked),
            samples=samples,
            num=store.torrents,
            interval=interval,
        )

    def unknown(self, asked: Question) -> Response:
        raise _Refusal(UNKNOWN_METHOD, b"method unknown")

    def _with_nodes(
        self, target: bytes, asked: FindNode | GetPeers | Get | SampleInfohashes
    ) -> Response:
        """The nodes closest to a target, of the families that are asked for (BEP 32)."""
        answers, want = self.answers, asked.want
        four = want.ipv4 if want is not None else not answers.ipv6
        six = want.ipv6 if want is not None else answers.ipv6
        return Response(
            self.query.transaction,
            answers.own_id,
            nodes=answers.nodes_of(False, target) if four else None,
            nodes6=answers.nodes_of(True, target) if six else None,
            our_address=self.source,
        )

    def _token(self) -> bytes:
        return self.answers.tokens.token(self.source.host, self.now)

    def _require_token(self, token: bytes) -> None:
        if not self.answers.tokens.is_good(token, self.source.host, self.now):
            raise _Refusal(PROTOCOL, b"bad token")

    def _require_newer(self, item: Item, cas: int | None) -> None:
        """Cheap checks first: a signature takes 0.1 ms."""
        if len(item.salt) > MAX_SALT:
            raise _Refusal(SALT_TOO_BIG, b"the salt is too long")
        known = self.answers.items.get(item.target, self.now)
        if known is not None:
            if cas is not None and cas != known.seq:
                raise _Refusal(CAS_MISMATCH, b"cas is not the number of what is here")
            if item.seq < known.seq or (item.seq == known.seq and item.value != known.value):
                raise _Refusal(SEQ_TOO_LOW, b"seq is not above that of what is here")
        if not item.is_signed:
            raise _Refusal(BAD_SIGNATURE, b"the signature is wrong")


_METHODS: Final[dict[type, Callable[..., Response]]] = {
    Ping: _Visit.ping,
    FindNode: _Visit.find_node,
    GetPeers: _Visit.get_peers,
    AnnouncePeer: _Visit.announce_peer,
    Get: _Visit.get,
    Put: _Visit.put,
    SampleInfohashes: _Visit.sample,
    Unknown: _Visit.unknown,
}


def _fitted(response: Response) -> bytes:
    """The datagram, with as many nodes as leave it short enough."""
    while len(datagram := encode_response(response)) > MAX_REPLY:
        four, six = response.nodes or (), response.nodes6 or ()
        assert four or six, "an answer without nodes is short"
        if len(six) >= len(four):
            response = evolve(response, nodes6=six[:-1])
        else:
            response = evolve(response, nodes=four[:-1])
    return datagram
