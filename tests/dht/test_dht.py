"""The DHT as its user has it: start, stop, state, searches, items, privacy (THREATS C2, D8)."""

from hashlib import sha1

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.dhtnet import PORT, DhtNet, NetDht, many
from tests.testing.network import Network
from txtorrent.address import Address
from txtorrent.bencode import encode
from txtorrent.dht import dht as dht_module
from txtorrent.dht import state as state_module
from txtorrent.dht.dht import Dht, DhtBusy, DhtOptions
from txtorrent.dht.nodeid import fits
from txtorrent.dht.state import BadState, FamilyState, decode_state, encode_state
from txtorrent.wire.dhtitem import Item, mutable_target, public_key, sign
from txtorrent.wire.krpc import Query, Response, decode_message, encode_response
from txtorrent.wire.krpcnodes import NodeInfo
from txtorrent.wire.krpcqueries import AnnouncePeer, Put

HASH, OTHER = b"h" * 20, b"o" * 20
SEED = bytes(range(32))


def never() -> bool:
    return False


class DhtCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.net = DhtNet(seed=4)
        self.nodes = many(self.net, 12)
        self.us = self.nodes[0]
        self.net.clock.advance(30.0)

    def tearDown(self) -> None:
        for node in self.nodes:
            if node.address in self.net._ends:
                node.leave()
        self.assertEqual(self.net.clock.timers(), [])

    def result(self, deferred):
        return self.net.clock.result_of(deferred)


class Torrents(DhtCase):
    def test_each_finds_the_other(self) -> None:
        told: dict[NetDht, list[Address]] = {}
        for node in self.nodes[:2]:
            told[node] = []
            node.dht.join(HASH, told[node].extend, never)
            self.net.clock.advance(30.0)
        self.assertEqual(told[self.nodes[1]], [self.nodes[0].address])
        self.net.clock.advance(1000.0)
        self.assertEqual(set(told[self.nodes[0]]), {self.nodes[0].address, self.nodes[1].address})

    def test_the_port_that_is_announced(self) -> None:
        """The one that others see, if it is that of TCP as well: a router may have changed it."""
        asked = []
        self.net.watch = lambda data, source, target: asked.append(decode_message(data))
        other = NetDht(self.net, port=7777)
        other.start(self.us.address)
        self.nodes.append(other)
        self.net.clock.advance(30.0)
        for node, expected in ((self.us, (PORT, True)), (other, (7777, False))):
            node.dht.join(node.node.own_id, lambda peers: None, never)
            self.net.clock.advance(30.0)
            questions = [each.question for each in asked if isinstance(each, Query)]
            said = {
                (question.port, question.implied_port)
                for question in questions
                if getattr(question, "info_hash", None) == node.node.own_id
                and isinstance(question, AnnouncePeer)
            }
            self.assertEqual(said, {expected})
        found = self.result(self.nodes[3].dht.find_peers(other.node.own_id)).peers
        self.assertEqual(found, (Address(other.address.host, 7777),))

    def test_searching_announces_nothing(self) -> None:
        self.result(self.us.dht.find_peers(HASH))
        self.assertEqual(self.result(self.nodes[5].dht.find_peers(HASH)).peers, ())

    def test_scrape(self) -> None:
        for at, node in enumerate(self.nodes[1:9]):
            node.dht.join(HASH, lambda peers: None, lambda at=at: at < 3)
        self.net.clock.advance(30.0)
        result = self.result(self.us.dht.find_peers(HASH, scrape=True))
        self.assertEqual(len(result.peers), 8)
        self.assertAlmostEqual(result.seeds, 3, 1)
        self.assertAlmostEqual(result.leeches, 5, 1)
        self.assertIsNone(self.result(self.us.dht.find_peers(HASH)).seeds)

    def test_whoever_left_is_forgotten(self) -> None:
        member = self.us.dht.join(HASH, lambda peers: None, never)
        self.net.clock.advance(30.0)
        member.leave()
        self.net.clock.advance(2000.0)
        self.assertEqual(self.result(self.nodes[5].dht.find_peers(HASH)).peers, ())

    def test_leaving_and_stopping_at_any_moment(self) -> None:
        """Whatever is under way then, nothing is left of it, and nobody stumbles."""
        told = []
        for tenth in range(30):
            fresh = NetDht(self.net)
            fresh.start(self.us.address)
            self.net.clock.advance(10.0)
            one, _ = (fresh.dht.join(each, told.append, never) for each in (HASH, OTHER))
            put = fresh.dht.put_immutable(b"x")
            self.net.clock.advance(tenth / 20)
            one.leave()
            put.addErrback(lambda failure: failure.trap(CancelledError))
            put.cancel()
            self.net.clock.advance(0.01)
            fresh.leave()
            self.assertEqual((fresh.dht.lookups(), fresh.dht.status.announcing), ([], 0))
        self.net.clock.advance(30.0)

    def test_an_announce_that_is_cancelled(self) -> None:
        """At any moment: before it has begun, while it looks, while it announces."""
        ended, asked = [], []
        announce = self.us.dht.announce(HASH, False, asked.append, ended.append)
        self.net.clock.advance(10.0)
        self.assertEqual(ended, [True])
        self.net.watch = lambda data, source, target: asked.append(HASH in data)
        self.us.dht.announce(HASH, False, asked.append, ended.append).cancel()
        self.net.clock.advance(10.0)
        self.assertNotIn(True, asked)
        for twentieth in range(20):
            announce = self.us.dht.announce(OTHER, False, lambda peers: None, ended.append)
            self.net.clock.advance(twentieth / 20)
            if len(ended) > 1:
                break
            announce.cancel()
            self.net.clock.advance(10.0)
        self.assertTrue(10 < twentieth < 19, twentieth)
        self.assertEqual(ended, [True, True])

    def test_only_what_was_joined_is_named(self) -> None:
        """D8: no datagram of ours has another info-hash than those."""
        named = set()

        def watch(data, source, target) -> None:
            message = decode_message(data)
            if isinstance(message, Query):
                named.add(getattr(message.question, "info_hash", None))

        self.net.watch = watch
        self.us.dht.join(HASH, lambda peers: None, never)
        self.result(self.us.dht.find_peers(OTHER))
        self.net.clock.advance(2000.0)
        self.assertEqual(named, {None, HASH, OTHER})

    def test_samples(self) -> None:
        hashes = {sha1(b"%d" % at).digest() for at in range(10)}
        for each in hashes:
            self.nodes[3].dht.join(each, lambda peers: None, never)
        self.net.clock.advance(60.0)
        result = self.result(self.us.dht.sample(HASH))
        self.assertLessEqual(set(result.samples), hashes)
        self.assertGreaterEqual(len(result.samples), 8)
        self.assertGreaterEqual(result.num, 40)


class Searches(DhtCase):
    def test_cancel(self) -> None:
        for search in (
            self.us.dht.find_peers(HASH),
            self.us.dht.get(HASH),
            self.us.dht.sample(HASH),
            self.us.dht.put_immutable(b"x"),
        ):
            self.net.clock.advance(0.01)
            search.cancel()
            self.failureResultOf(search, CancelledError)
        self.assertEqual(self.us.dht.lookups(), [])
        self.net.clock.advance(30.0)

    def test_stop_ends_them(self) -> None:
        search = self.us.dht.find_peers(HASH)
        self.us.leave()
        self.failureResultOf(search, CancelledError)
        self.assertEqual(self.us.dht.lookups(), [])

    def test_too_many(self) -> None:
        self.patch(dht_module, "MOST_SEARCHES", 2)
        searches = [self.us.dht.find_peers(HASH) for _ in range(3)]
        self.failureResultOf(searches[2], DhtBusy)
        self.result(searches[0])
        self.result(self.us.dht.find_peers(HASH))

    def test_alone(self) -> None:
        lonely = NetDht(self.net)
        lonely.start()
        self.nodes.append(lonely)
        self.assertEqual(self.result(lonely.dht.find_peers(HASH)).asked, 0)
        self.assertIsNone(self.result(lonely.dht.get(HASH)))
        self.assertEqual(self.result(lonely.dht.put_immutable(b"x")).stored, 0)

    def test_what_is_shown(self) -> None:
        search = self.us.dht.find_peers(HASH)
        (row,) = self.us.dht.lookups()
        self.assertEqual((row.target, row.method, row.ipv6), (HASH, "get_peers", False))
        self.result(search)
        rows = self.us.dht.table()
        self.assertEqual(len(rows), 11)
        self.assertTrue(all(row.fits and 0 < row.rtt < 1 for row in rows))
        status = self.us.dht.status
        self.assertEqual((status.ipv6, status.joined, status.next_announce), (None, 0, None))
        self.assertEqual((status.ipv4.good, status.ipv4.host), (11, self.us.address.host))


class Items(DhtCase):
    def test_immutable(self) -> None:
        put = self.result(self.us.dht.put_immutable({b"a": [1, b"two"]}))
        self.assertEqual((put.stored, put.seq), (8, 0))
        item = self.result(self.nodes[5].dht.get(put.target))
        self.assertEqual(item.value, encode({b"a": [1, b"two"]}))
        self.assertIsNone(self.result(self.nodes[5].dht.get(OTHER)))

    def test_mutable(self) -> None:
        key = public_key(SEED)
        for at, node in enumerate((self.us, self.nodes[5], self.nodes[7])):
            put = self.result(node.dht.put_mutable(SEED, at, b"salt"))
            self.assertEqual(put.seq, at + 1)
            self.assertGreaterEqual(put.stored, 8)
        item = self.result(self.nodes[9].dht.get_mutable(key, b"salt"))
        self.assertEqual((item.value, item.seq, item.salt), (b"i2e", 3, b"salt"))
        self.assertIsNone(self.result(self.nodes[9].dht.get_mutable(key)))

    def test_cas(self) -> None:
        self.result(self.us.dht.put_mutable(SEED, b"first", seq=7))
        put = self.result(self.nodes[5].dht.put_mutable(SEED, b"second", seq=8, cas=6))
        self.assertEqual(put.stored, 0)
        put = self.result(self.nodes[5].dht.put_mutable(SEED, b"second", seq=8, cas=7))
        self.assertEqual(put.stored, 8)

    def test_cas_is_for_those_that_have_something(self) -> None:
        asked = []
        self.net.watch = lambda data, source, target: asked.append(decode_message(data))
        put = self.result(self.us.dht.put_mutable(SEED, b"first", seq=7, cas=6))
        puts = [each.question for each in asked if isinstance(each, Query)]
        self.assertEqual({each.cas for each in puts if isinstance(each, Put)}, {None})
        self.assertEqual(put.stored, 8)

    def test_forged_items(self) -> None:
        """A node close to the target has one with a higher number, another key or other bytes."""
        key = public_key(SEED)
        target = mutable_target(key, b"")
        good = sign(SEED, b"4:good", 5)
        self.result(self.us.dht.put_mutable(SEED, b"good", seq=5))
        address = Address("10.0.0.5", PORT)
        for forged in (
            Item(b"3:bad", key, good.signature, 6),
            Item(b"3:bad", key, good.signature, 5),
            sign(bytes(32), b"3:bad", 9),
            Item(b"3:bad"),
        ):

            def answer(data, source, forged=forged) -> None:
                message = decode_message(data)
                if isinstance(message, Query):
                    told = Response(message.transaction, target, item=forged, seq=forged.seq)
                    self.net.send(encode_response(told), address, source)

            self.net.attach(address, answer)
            fresh = NetDht(self.net)
            fresh.start(self.us.address)
            self.nodes.append(fresh)
            fresh.dht.add_node(address)
            self.net.clock.advance(20.0)
            self.assertIn(address, [row.address for row in fresh.dht.table()])
            item = self.result(fresh.dht.get_mutable(key))
            self.assertEqual((item.value, item.seq), (b"4:good", 5), forged)
            immutable = self.result(fresh.dht.get(target))
            self.assertEqual(immutable.value, b"4:good")
            self.net.detach(address)

    def test_what_cannot_be_put(self) -> None:
        self.assertRaises(ValueError, self.us.dht.put_immutable, b"x" * 1000)
        self.assertRaises(ValueError, self.us.dht.put_mutable, SEED, b"x", b"s" * 65)
        self.assertRaises(ValueError, self.us.dht.put_mutable, b"short", b"x")
        self.assertRaises(ValueError, self.us.dht.put_mutable, SEED, b"x", seq=-1)


class States(DhtCase):
    def test_back_without_anybodys_help(self) -> None:
        state = self.us.leave()
        self.net.clock.advance(60.0)
        again = NetDht(self.net, self.us.address.host)
        again.start(None, state)
        self.nodes[0] = again
        self.assertEqual(again.node.own_id, self.us.node.own_id)
        self.net.clock.advance(30.0)
        self.assertEqual(again.dht.status.ipv4.good, 11)

    def test_an_id_that_changes_on_the_way_in(self) -> None:
        """Votes on our address come with the first answers: we look for our new place at once."""
        fresh = NetDht(self.net)
        self.nodes.append(fresh)
        self.net.attach(fresh.address, fresh.dht.received)
        fresh.dht.start(None)
        fresh.dht.add_node(self.us.address)
        self.net.clock.advance(0.5)
        targets = []

        def watch(data, source, target) -> None:
            message = decode_message(data)
            if source == fresh.address and isinstance(message, Query):
                targets.append(getattr(message.question, "target", None))

        self.net.watch = watch
        fresh.dht.know_ourselves(fresh.address.host)
        self.net.clock.advance(4.0)
        self.assertIn(fresh.node.own_id, targets)

    def test_an_id_of_another_address(self) -> None:
        state = self.us.leave()
        again = NetDht(self.net)
        again.start(None, state)
        self.nodes[0] = again
        self.assertTrue(fits(again.node.own_id, again.address.host))

    def test_every_byte_changed(self) -> None:
        state = self.us.dht.state()
        for at in range(len(state)):
            for bit in (1, 0x80):
                damaged = bytearray(state)
                damaged[at] ^= bit
                self.assertRaises(BadState, decode_state, bytes(damaged))
            self.assertRaises(BadState, decode_state, state[:at])
        self.assertRaises(BadState, decode_state, state + b"x")

    def test_a_damaged_one_is_passed_over(self) -> None:
        for damaged in (b"", b"x" * 100, self.us.dht.state()[:-1]):
            node = NetDht(self.net)
            node.start(None, damaged)
            self.assertEqual(len(node.node.table), 0)
            node.leave()

    def test_round(self) -> None:
        four = FamilyState(b"4" * 20, "20.0.0.1", (NodeInfo(HASH, Address("20.0.0.2", 5)),))
        six = FamilyState(b"6" * 20, None, (NodeInfo(HASH, Address("2001:db8::2", 5)),))
        state = encode_state([(False, four), (True, six)])
        self.assertEqual(decode_state(state), {False: four, True: six})

    def test_sealed_nonsense(self) -> None:
        """A seal that is right does not make the contents so."""
        family = {b"id": HASH, b"host": b"", b"nodes": b""}
        for body in (
            b"x",
            b"le",
            b"d1:4e",
            *(encode({b"4": values}) for values in ([], {}, {b"id": b"x"})),
            *(encode({b"4": family | {name: b"x"}}) for name in family),
            *(encode({b"4": family | {name: 5}}) for name in family),
        ):
            data = state_module._MAGIC + state_module._seal(body) + body
            self.assertRaises(BadState, decode_state, data)


class Routers(DhtCase):
    def test_only_without_acquaintances(self) -> None:
        router = self.nodes[3].address
        fresh = NetDht(self.net, routers=((router.host, router.port),))
        fresh.start()
        self.nodes.append(fresh)
        asked = []
        self.net.clock.advance(60.0)
        self.assertGreaterEqual(fresh.dht.status.ipv4.good, 6)
        self.assertNotIn(router, [row.address for row in fresh.dht.table()])
        state = fresh.leave()
        again = NetDht(self.net, fresh.address.host, routers=(("20.99.99.7", 5),))
        self.net.attach(Address("20.99.99.7", 5), lambda data, source: asked.append(data))
        again.start(None, state)
        self.nodes[-1] = again
        self.net.clock.advance(60.0)
        self.assertEqual(asked, [])

    def test_a_network_of_two(self) -> None:
        """Each is the other's router: they are nodes like others, and one stores for the other."""
        net = DhtNet(seed=5)
        first, second = NetDht(net, "20.70.0.1"), NetDht(net, "20.71.0.1")
        for one, other in ((first, second), (second, first)):
            one.dht.add_router(other.address.host, other.address.port)
            one.start()
        net.clock.advance(60.0)
        self.assertEqual([row.address for row in first.dht.table()], [second.address])
        second.dht.join(b"i" * 20, lambda peers: None, lambda: True)
        net.clock.advance(30.0)
        result = net.clock.result_of(first.dht.find_peers(b"i" * 20))
        self.assertEqual([peer.host for peer in result.peers], [second.address.host])
        for each in (first, second):
            each.leave()

    def test_names_are_looked_up(self) -> None:
        """And looked up again, later and later, while nobody is there."""
        network = Network()
        host = network.host("10.0.0.1")
        sent = []
        dht = Dht(
            host,
            self.net.random,
            lambda data, address: sent.append(address),
            lambda: PORT,
            DhtOptions(routers=(("nowhere.example", 1), ("203.0.113.5", 7), ("::1", 8))),
            lambda ours, voter: None,
            udp_port=lambda: PORT,
        )
        for stranger in ("203.0.113.6", "10.0.0.9", "127.0.0.1"):
            dht.add_router(stranger, 9)
        dht.start(None)
        network.clock.advance(600.0)
        self.assertEqual(
            set(sent), {Address("203.0.113.5", 7), Address("203.0.113.6", 9), Address("::1", 8)}
        )
        self.assertLess(len(sent), 40)
        dht.stop()
        self.assertEqual(network.clock.timers(), [])

    def test_names_that_nobody_answers_for(self) -> None:
        """The others are asked all the same; and stopping meanwhile leaves nothing."""
        network = Network()
        host = network.host("10.0.0.1")
        sent = []

        class Silent:
            def resolveHostName(self, receiver, name, **rest) -> None:
                receiver.resolutionBegan(None)

        for seconds, expected in ((1.0, []), (30.0, [Address("203.0.113.5", 7)])):
            host.nameResolver = Silent()
            dht = Dht(
                host,
                self.net.random,
                lambda data, address: sent.append(address),
                lambda: PORT,
                DhtOptions(routers=(("slow.example", 1), ("203.0.113.5", 7)), ipv6=False),
                lambda ours, voter: None,
                udp_port=lambda: PORT,
            )
            dht.start(None)
            network.clock.advance(seconds)
            dht.stop()
            self.assertEqual(sent, expected)
            self.assertEqual(network.clock.timers(), [])


class BothFamilies(SynchronousTestCase):
    """BEP 32."""

    def test_one_network_tells_of_the_other(self) -> None:
        net = DhtNet(seed=5)
        hosts = [(f"20.0.{at}.7", f"2001:db8:{at}::7") for at in range(10)]
        duals = [Dual(net, *host) for host in hosts]
        for dual in duals:
            dual.dht.start(None)
            dual.dht.know_ourselves(dual.four.host)
            dual.dht.know_ourselves(dual.six.host)
        for dual in duals[1:-1]:
            dual.dht.add_node(duals[0].four)
            dual.dht.add_node(duals[0].six)
        net.clock.advance(30.0)
        duals[-1].dht.add_node(duals[0].four)
        net.clock.advance(90.0)
        status = duals[-1].dht.status
        self.assertGreaterEqual(status.ipv4.good, 8)
        self.assertGreaterEqual(status.ipv6.good, 8)
        duals[1].dht.join(HASH, lambda peers: None, never)
        net.clock.advance(30.0)
        result = net.clock.result_of(duals[-1].dht.find_peers(HASH))
        self.assertEqual(set(result.peers), {duals[1].four, duals[1].six})
        for dual in duals:
            dual.dht.stop()
        self.assertEqual(net.clock.timers(), [])


class Dual:
    """A node of ours with an address of each family."""

    def __init__(self, net: DhtNet, four: str, six: str) -> None:
        self.four, self.six = Address(four, PORT), Address(six, PORT)

        def send(data: bytes, target: Address) -> None:
            net.send(data, self.six if ":" in target.host else self.four, target)

        self.dht = Dht(
            net.clock,
            net.random,
            send,
            lambda: PORT,
            DhtOptions(routers=()),
            lambda ours, voter: None,
            udp_port=lambda: PORT,
        )
        net.attach(self.four, self.dht.received)
        net.attach(self.six, self.dht.received)
