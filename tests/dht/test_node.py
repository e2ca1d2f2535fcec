"""One node at its wire: what it answers and what not, whom it believes (THREATS C1, C2, C3)."""

from ipaddress import IPv4Address
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.dhtnet import PORT, DhtNet, NetDht
from tests.wire.test_krpc import encoded
from txtorrent.address import Address
from txtorrent.bencode import encode
from txtorrent.dht.nodeid import fits, id_for
from txtorrent.dht.state import decode_state
from txtorrent.dht.table import FRESH
from txtorrent.wire.bloom import bloom_filter
from txtorrent.wire.dhtitem import Item, sign
from txtorrent.wire.krpc import (
    Error,
    Query,
    Response,
    decode_message,
    encode_query,
    encode_response,
)
from txtorrent.wire.krpcfields import Want
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
)

HASH = b"h" * 20
US, YOU = Address("20.1.1.7", PORT), Address("30.1.1.7", 4000)
YOUR_ID = id_for(YOU.host, Random(5))
SEED = bytes(32)


class NodeCase(SynchronousTestCase):
    """A node of ours, and a script that speaks from whatever address it likes."""

    options = {}

    def setUp(self) -> None:
        self.net = DhtNet(seed=3)
        self.us = NetDht(self.net, US.host, **self.options)
        self.us.start()
        self.heard: list[tuple[Address, bytes]] = []
        self.addCleanup(self.us.leave)

    def say(self, datagram: bytes, source: Address = YOU) -> list[bytes]:
        """Send a datagram; what comes back within two seconds, but for their questions."""
        self.net.attach(source, lambda data, _: self.heard.append((source, data)))
        self.heard.clear()
        self.net.send(datagram, source, US)
        self.net.clock.advance(2.0)
        self.net.detach(source)
        datagrams = [data for to, data in self.heard if to == source]
        return [data for data in datagrams if not isinstance(decode_message(data), Query)]

    def ask(self, question: Question, source: Address = YOU, **more) -> Response | Error:
        """Ask; the one answer."""
        datagram = encode_query(Query(b"tt", YOUR_ID, question, **more))
        (answer,) = self.say(datagram, source)
        message = decode_message(answer)
        self.assertEqual((message.transaction, message.our_address), (b"tt", source))
        return message

    def token(self, source: Address = YOU) -> bytes:
        return self.ask(GetPeers(HASH), source).token

    def status(self):
        return self.us.dht.status.ipv4


class Answers(NodeCase):
    def test_ping(self) -> None:
        self.assertEqual(self.ask(Ping()), Response(b"tt", self.us.node.own_id, our_address=YOU))

    def test_unknown(self) -> None:
        (answer,) = self.say(
            b"d1:ad2:id20:" + YOUR_ID + b"e1:q4:vote1:t2:tt1:y1:qe",
        )
        self.assertEqual(decode_message(answer).code, 204)

    def test_find_node_and_want(self) -> None:
        for want, four, six in (
            (None, True, False),
            (Want(True, True), True, True),
            (Want(False, True), False, True),
            (Want(False, False), False, False),
        ):
            answer = self.ask(FindNode(HASH, want))
            self.assertEqual(answer.nodes is not None, four)
            self.assertEqual(answer.nodes6 is not None, six)

    def test_announce_and_find(self) -> None:
        token = self.token()
        self.assertIsNone(self.ask(GetPeers(HASH)).values)
        self.ask(AnnouncePeer(HASH, token, 7777))
        self.assertEqual(self.ask(GetPeers(HASH)).values, (Address(YOU.host, 7777),))
        self.ask(AnnouncePeer(HASH, token, 7777, implied_port=True))
        self.assertEqual(self.ask(GetPeers(HASH)).values, (YOU,))

    def test_nobody_announces_others(self) -> None:
        other = Address("40.1.1.1", 4000)
        for token in (b"", b"x" * 8, self.token(other)):
            answer = self.ask(AnnouncePeer(HASH, token, 7777))
            self.assertEqual((answer.code, self.status().peers), (203, 0))

    def test_no_port(self) -> None:
        answer = self.ask(AnnouncePeer(HASH, self.token(), 0))
        self.assertEqual((answer.code, self.status().peers), (203, 0))

    def test_scrape(self) -> None:
        for at in range(6):
            source = Address(f"40.1.{at}.1", 4000)
            self.ask(AnnouncePeer(HASH, self.token(source), 1, seed=at < 2), source)
        answer = self.ask(GetPeers(HASH, scrape=True))
        self.assertEqual(answer.seeds, bloom_filter(["40.1.0.1", "40.1.1.1"]))
        self.assertEqual(answer.peers, bloom_filter(f"40.1.{at}.1" for at in range(2, 6)))
        self.assertEqual(len(self.ask(GetPeers(HASH, noseed=True)).values), 4)
        self.assertIsNone(self.ask(GetPeers(HASH)).seeds)
        self.assertIsNone(self.ask(GetPeers(b"x" * 20, scrape=True)).seeds)

    def test_samples(self) -> None:
        self.ask(AnnouncePeer(HASH, self.token(), 1))
        answer = self.ask(SampleInfohashes(b"x" * 20))
        self.assertEqual((answer.samples, answer.num), ((HASH,), 1))
        self.assertGreater(answer.interval, 0)

    def test_short_answers(self) -> None:
        """However much there is to tell."""
        node, now = self.us.node, self.net.clock.seconds()
        for at in range(1000):
            low = f"{at // 250}.{at % 250}.1"
            node.answers.peers.add(HASH, Address(f"50.{low}", 1), False, now)
            node.answers.peers.add(bytes([at % 256]) * 20, YOU, False, now)
            info = NodeInfo(self.net.random.randbytes(20), Address(f"60.{low}", 1))
            node.table.replied(info, 0.1, now)
        item = sign(SEED, b"995:" + bytes(995), 1)
        node.answers.items.put(item, YOU.host, b"x" * 20, now)
        both = Want(True, True)
        for question, most in (
            (GetPeers(HASH, both, scrape=True), 1024),
            (GetPeers(HASH, both), 1024),
            (SampleInfohashes(HASH, both), 1400),
            (Get(item.target, both), 1400),
        ):
            (answer,) = self.say(encode_query(Query(b"t" * 32, YOUR_ID, question)))
            self.assertLessEqual(len(answer), most, question)
            self.assertTrue(decode_message(answer).nodes)


class Items(NodeCase):
    def put(self, item: Item, cas: int | None = None, token: bytes | None = None):
        """The code of a refusal, or 0."""
        answer = self.ask(Put(item, self.token() if token is None else token, cas))
        return answer.code if isinstance(answer, Error) else 0

    def test_immutable(self) -> None:
        item = Item(b"5:hello")
        self.assertEqual(self.put(item), 0)
        answer = self.ask(Get(item.target))
        self.assertEqual((answer.item, answer.seq), (item, None))
        self.assertIsNotNone(answer.nodes)
        self.assertIsNotNone(answer.token)
        self.assertIsNone(self.ask(Get(HASH)).item)

    def test_mutable(self) -> None:
        first, second = sign(SEED, b"3:one", 1, b"s"), sign(SEED, b"3:two", 2, b"s")
        self.assertEqual(self.put(first), 0)
        self.assertEqual(self.put(second), 0)
        answer = self.ask(Get(first.target))
        self.assertEqual((answer.item.value, answer.seq), (b"3:two", 2))
        self.assertEqual(self.ask(Get(first.target, seq=1)).item.value, b"3:two")
        answer = self.ask(Get(first.target, seq=2))
        self.assertEqual((answer.item, answer.seq), (None, 2))

    def test_a_value_that_is_not_bencoded_as_it_should_be(self) -> None:
        unsorted = b"d1:bi1e1:ai2ee"
        fields = b"2:id20:%s5:token8:%s1:v%s" % (YOUR_ID, self.token(), unsorted)
        (answer,) = self.say(b"d1:ad" + fields + b"e1:q3:put1:t2:tt1:y1:qe")
        self.assertEqual(decode_message(answer).code, 203)
        self.assertEqual(self.status().items, 0)

    def test_refusals(self) -> None:
        good = sign(SEED, b"3:one", 5)
        self.assertEqual(self.put(good), 0)
        for code, item, cas in (
            (205, Item(b"997:" + bytes(997)), None),
            (207, sign(SEED, b"3:one", 5, bytes(65)), None),
            (206, Item(b"3:two", good.key, good.signature, 6), None),
            (302, sign(SEED, b"3:two", 4), None),
            (302, sign(SEED, b"3:two", 5), None),
            (0, good, None),
            (301, sign(SEED, b"3:two", 6), 4),
            (0, sign(SEED, b"3:two", 6), 5),
            (0, sign(SEED, b"3:new", 6, b"salt"), 99),
        ):
            self.assertEqual(self.put(item, cas), code, item)
        self.assertEqual(self.put(Item(b"2:no"), token=b"guess"), 203)
        self.assertIsNone(self.ask(Get(Item(b"2:no").target)).item)


class Hostile(NodeCase):
    def test_malformed_is_not_answered(self) -> None:
        """C1, C3."""
        for datagram in (
            b"",
            b"d",
            b"hello",
            b"d1:ad2:id20:" + YOUR_ID + b"e1:q9:find_node1:t2:tt1:y1:qe",
            b"d1:ad2:id19:" + YOUR_ID[:19] + b"e1:q4:ping1:t2:tt1:y1:qe",
            encode({b"t": b"tt", b"y": b"r", b"r": {}}),
            encode({b"t": b"tt", b"y": b"e", b"e": []}),
        ):
            self.assertEqual(self.say(datagram), [])
        dropped = self.status().dropped
        malformed = [count for reason, count in dropped.items() if "malformed" in reason]
        self.assertEqual(sum(malformed), 7)

    @settings(max_examples=150, deadline=None)
    @given(
        st.sampled_from(encoded()),
        st.integers(0, 300),
        st.binary(max_size=3),
        st.integers(0, 2**32 - 1),
    )
    def test_whatever_comes(self, datagram, at, bytes_, number) -> None:
        """C3: from anywhere, whole or damaged, nothing is raised."""
        source = Address(str(IPv4Address(number)), number % 65536)
        self.us.dht.received(datagram, source)
        self.us.dht.received(datagram[:at] + bytes_ + datagram[at + len(bytes_) :], source)
        self.us.dht.received(bytes_ + datagram, Address("2001:db8::1", 1))
        self.net.clock.advance(0.1)

    def test_the_sixth_in_a_second(self) -> None:
        """C1."""
        ping = encode_query(Query(b"tt", YOUR_ID, Ping()))
        self.net.attach(YOU, lambda data, _: self.heard.append((YOU, data)))
        for _ in range(6):
            self.us.dht.received(ping, YOU)
        self.net.clock.advance(1.0)
        answers = [data for _, data in self.heard if data.startswith(b"d2:ip")]
        self.assertEqual(len(answers), 5)
        self.assertEqual(self.status().dropped, {"dropped: too many": 1})

    def test_blocked_for_five_minutes(self) -> None:
        ping = encode_query(Query(b"tt", YOUR_ID, Ping()))
        for _ in range(50):
            self.us.dht.received(ping, YOU)
        self.assertEqual(self.status().blocked, 1)
        self.assertEqual(self.say(ping), [])
        self.net.clock.advance(290)
        self.assertEqual(self.say(ping), [])
        self.net.clock.advance(10)
        self.assertEqual(len(self.say(ping)), 1)

    def test_a_flood_from_everywhere(self) -> None:
        """Whoever forges addresses gets no more out of us than the rate."""
        question = encode_query(Query(b"tt", YOUR_ID, GetPeers(HASH, Want(True, True))))
        before, began = self.status().bytes_out, self.net.clock.seconds()
        for at in range(4000):
            self.us.dht.received(question, Address(f"{at % 200 + 1}.{at // 200}.1.1", 5))
            if at % 200 == 0:
                self.net.clock.advance(1.0)
        lasted = self.net.clock.seconds() - began
        self.assertLess(self.status().bytes_out - before, 8000 * (lasted + 5))

    def test_whoever_asks_is_not_believed_until_it_answers(self) -> None:
        """C2."""
        self.ask(Ping())
        self.assertEqual(len(self.us.node.table), 0)
        self.answer_from(YOU, YOUR_ID)
        self.us.dht.received(encode_query(Query(b"tt", YOUR_ID, Ping())), YOU)
        self.net.clock.advance(10.0)
        self.assertEqual([each.address for each in self.us.node.table], [YOU])

    def test_read_only_nodes_are_left_alone(self) -> None:
        """BEP 43."""
        self.answer_from(YOU, YOUR_ID)
        self.us.dht.received(encode_query(Query(b"tt", YOUR_ID, Ping(), read_only=True)), YOU)
        self.net.clock.advance(10.0)
        self.assertEqual(len(self.us.node.table), 0)
        self.assertEqual(self.status().replies_out, 1)

    def test_answers_that_nobody_asked_for(self) -> None:
        """From elsewhere, with another id, twice."""
        asked = []
        self.net.attach(YOU, lambda data, _: asked.append(decode_message(data)))
        self.us.dht.add_node(YOU)
        self.net.clock.advance(1.0)
        (query,) = asked
        answer = encode_response(Response(query.transaction, YOUR_ID))
        self.us.dht.received(answer, Address("40.1.1.1", YOU.port))
        self.us.dht.received(answer, Address(YOU.host, YOU.port + 1))
        self.us.dht.received(encode_response(Response(b"guess", YOUR_ID)), YOU)
        self.assertEqual(len(self.us.node.table), 0)
        self.us.dht.received(answer, YOU)
        self.us.dht.received(answer, YOU)
        self.assertEqual(len(self.us.node.table), 1)
        self.assertEqual(self.status().dropped["dropped: nobody asked"], 4)

    def test_who_names_many_nodes_does_not_have_us_ask_them(self) -> None:
        """A few at a time, nobody of another family, nobody who cannot be there."""
        sent = []
        self.net.watch = lambda data, source, target: sent.append(target)
        for at in range(100):
            self.us.dht.add_node(Address(f"40.1.{at}.1", 5))
        for host in ("0.0.0.0", "224.0.0.1", "2001:db8::1"):
            self.us.dht.add_node(Address(host, 5))
        self.net.clock.advance(4.0)
        self.assertEqual(len(sent), 10)

    def test_neighbours_of_ours_are_not_asked(self) -> None:
        """A node of the Internet names addresses in local networks."""
        inside = [Address(host, 80) for host in ("10.0.0.1", "127.0.0.1", "169.254.169.254")]
        nodes = tuple(NodeInfo(bytes([at]) * 20, each) for at, each in enumerate(inside))
        sent = []
        self.net.watch = lambda data, source, target: sent.append(target)
        self.answer_from(YOU, YOUR_ID, nodes=nodes, values=tuple(inside), token=b"t")
        self.us.dht.add_node(YOU)
        self.net.clock.advance(10.0)
        result = self.net.clock.result_of(self.us.dht.find_peers(HASH))
        self.assertEqual((result.peers, result.answered), ((), 1))
        self.assertEqual(set(sent) - {US}, {YOU})

    def answer_from(self, address: Address, node_id: bytes, **fields) -> None:
        """Have somebody answer whatever it is asked."""

        def receive(data: bytes, source: Address) -> None:
            message = decode_message(data)
            if isinstance(message, Query):
                answer = Response(message.transaction, node_id, our_address=source, **fields)
                self.net.send(encode_response(answer), address, source)

        self.net.attach(address, receive)


class ReadOnly(NodeCase):
    """BEP 43."""

    options = {"read_only": True}

    def test_asks_and_does_not_answer(self) -> None:
        asked = []
        self.net.attach(YOU, lambda data, _: asked.append(decode_message(data)))
        self.us.dht.received(encode_query(Query(b"tt", YOUR_ID, Ping())), YOU)
        self.us.dht.add_node(YOU)
        self.net.clock.advance(2.0)
        self.assertEqual([each.read_only for each in asked], [True])


class Ourselves(NodeCase):
    """BEP 42."""

    def test_an_id_that_fits(self) -> None:
        before = self.us.node.own_id
        self.assertTrue(fits(before, US.host))
        self.us.dht.know_ourselves(US.host)
        self.assertEqual(self.us.node.own_id, before)
        self.us.dht.know_ourselves("77.1.1.1")
        self.assertTrue(fits(self.us.node.own_id, "77.1.1.1"))
        self.assertEqual(self.status().host, "77.1.1.1")
        self.assertEqual(self.ask(Ping()).node_id, self.us.node.own_id)

    def test_the_table_stays(self) -> None:
        other = NetDht(self.net)
        other.start(US)
        self.net.clock.advance(20.0)
        self.us.dht.know_ourselves("77.1.1.1")
        self.assertEqual([each.address for each in self.us.node.table], [other.address])
        self.us.dht.know_ourselves("2001:db8::1")
        other.leave()

    def test_votes(self) -> None:
        """What nodes see us as is passed on; who decides is another matter."""
        other = NetDht(self.net)
        other.start(US)
        self.net.clock.advance(20.0)
        self.assertEqual(set(self.us.seen), {US.host})
        other.leave()


class Upkeep(NodeCase):
    def test_nodes_are_asked_after(self) -> None:
        """Those that are gone are bad after a while, and are not handed on."""
        others = [NetDht(self.net) for _ in range(6)]
        for other in others:
            other.start(US)
        self.net.clock.advance(60.0)
        self.assertEqual(self.status().good, 6)
        for other in others[:3]:
            other.leave()
        self.net.clock.advance(FRESH + 120.0)
        self.assertEqual(self.status().good, 3)
        self.assertEqual(len(self.ask(FindNode(HASH)).nodes), 3)
        for other in others[3:]:
            other.leave()

    def test_back_after_an_outage(self) -> None:
        """An hour in which nothing arrives; nobody is forgotten, and routers are not needed."""
        others = [NetDht(self.net) for _ in range(8)]
        for other in others:
            other.start(US)
        self.net.clock.advance(120.0)
        self.assertEqual(self.status().good, 8)
        self.net.detach(US)
        self.net.clock.advance(3600.0)
        self.assertEqual(self.status().good, 0)
        state = self.us.dht.state()
        self.assertEqual(len(decode_state(state)[False].nodes), 8)
        self.net.attach(US, self.us.dht.received)
        self.net.clock.advance(360.0)
        self.assertGreaterEqual(self.status().good, 6)
        self.net.clock.advance(FRESH)
        self.assertEqual(self.status().good, 8)
        for other in others:
            other.leave()

    def test_found_peers_come_in_batches(self) -> None:
        others = [NetDht(self.net) for _ in range(6)]
        for other in others:
            other.start(US)
        self.net.clock.advance(30.0)
        for other in others[:4]:
            other.dht.join(HASH, lambda peers: None, lambda: False)
        self.net.clock.advance(20.0)
        told = []
        self.us.dht.join(HASH, lambda peers: told.append(list(peers)), lambda: True)
        self.net.clock.advance(20.0)
        everybody = [peer for batch in told for peer in batch]
        self.assertEqual(len(everybody), len(set(everybody)))
        self.assertLessEqual({other.address for other in others[:4]}, set(everybody))
        self.assertLessEqual(len(told), 3)
        for other in others:
            other.leave()
