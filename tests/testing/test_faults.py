"""What can be wrong with the simulated network: slow lines, cuts, resets, the death of a host."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory

from tests.testing.pair import Notes, Pair, Server
from tests.testing.stream import SOCKET_BUFFER


class Speed(Pair):
    def transfer(self, up=None, down=None, size=1_000_000, latency=0.005):
        sender = self.network.host("10.0.2.1", up=up, latency=latency)
        receiver = self.network.host("10.0.2.2", down=down, latency=latency)
        server = Server()
        receiver.listenTCP(1, server)
        endpoint = TCP4ClientEndpoint(sender, "10.0.2.2", 1)
        client = self.clock.result_of(endpoint.connect(Factory.forProtocol(Notes)))
        start = self.clock.seconds()
        client.transport.write(bytes(size))
        self.clock.run_until(lambda: server.built and len(server.built[0].received) == size)
        return self.clock.seconds() - start

    def test_up(self):
        self.assertEqual(round(self.transfer(up=100_000)), 10)

    def test_down(self):
        self.assertEqual(round(self.transfer(down=100_000)), 10)

    def test_far_away(self):
        """A window's worth a round trip, of 2 s."""
        self.assertEqual(round(self.transfer(latency=0.5, size=8 * SOCKET_BUFFER)), 15)

    def test_far_away_and_slow(self):
        """What is read piece by piece, before any news of it arrives, stalls nobody."""
        seconds = self.transfer(down=1_000_000, latency=0.5, size=8 * SOCKET_BUFFER)
        self.assertTrue(15 <= seconds <= 20, seconds)

    def test_shared_fairly(self):
        sender = self.network.host("10.0.2.1", up=100_000)
        clients = []
        for _ in range(4):
            endpoint = TCP4ClientEndpoint(sender, "10.0.0.1", 6881)
            clients.append(self.clock.result_of(endpoint.connect(Factory.forProtocol(Notes))))
        self.clock.advance(1)
        for client in clients[:3]:
            client.transport.write(bytes(1_000_000))
        self.clock.advance(10)
        shares = [len(served.received) for served in self.server.built[:3]]
        self.assertLess(max(shares) - min(shares), 20_000)
        clients[3].transport.write(b"x")
        self.assertLess(self.clock.run_until(lambda: self.server.built[3].received), 0.2)

    def test_shared_fairly_by_those_who_send(self):
        self.a.down_line.rate = 100_000
        pairs = [self.connect() for _ in range(3)]
        for client, _ in pairs[:2]:
            client.transport.write(bytes(1_000_000))
        self.clock.advance(10)
        shares = [len(served.received) for _, served in pairs[:2]]
        self.assertLess(max(shares) - min(shares), 20_000)
        self.assertEqual(round(sum(shares) / 100_000), 10)
        pairs[2][0].transport.write(b"x")
        self.assertLess(self.clock.run_until(lambda: pairs[2][1].received), 0.2)


class Faults(Pair):
    def test_cut_and_healed(self):
        client, served = self.connect()
        self.network.cut(self.a, self.b)
        client.transport.write(b"one ")
        self.clock.advance(10)
        client.transport.write(b"two")
        self.clock.advance(10)
        self.assertEqual((served.chunks, served.lost, client.lost), ([], [], []))
        self.network.heal(self.a, self.b)
        self.clock.advance(1)
        self.assertEqual(served.received, b"one two")

    def test_cut_for_good(self):
        client, served = self.connect()
        self.network.cut(self.a, self.b)
        client.transport.write(b"x")
        self.clock.advance(1000)
        self.assertEqual((client.lost, served.lost), ([ConnectionLost], []))
        self.network.heal(self.a, self.b)
        self.clock.advance(1)
        self.assertEqual(served.chunks, [])

    def test_connecting_across_a_cut(self):
        self.network.cut(self.b, self.a)
        attempt = self.dial()
        self.clock.advance(5)
        self.network.heal(self.a, self.b)
        self.clock.result_of(attempt)

    def test_vanish_and_appear(self):
        client, served = self.connect()
        self.a.vanish()
        client.transport.write(b"x")
        self.clock.advance(60)
        self.assertEqual((served.chunks, client.lost), ([], []))
        self.a.appear()
        self.clock.advance(1)
        self.assertEqual(served.chunks, [b"x"])

    def test_leftovers(self):
        self.assertEqual(self.network.leftovers(), ["<listening port of 10.0.0.1: port 6881>"])
        client, _ = self.connect()
        self.b.callLater(5, self.connect)
        self.assertEqual(len(self.network.leftovers()), 4)
        self.b.getDelayedCalls()[0].cancel()
        client.transport.loseConnection()
        self.port.stopListening()
        self.clock.advance(1)
        self.assertEqual(self.network.leftovers(), [])

    def test_killed(self):
        client, served = self.connect()
        self.a.callLater(5, served.dataReceived, b"never")
        served.transport.write(b"last words")
        self.a.kill()
        self.clock.advance(60)
        self.assertEqual((served.chunks, served.lost), ([], []))
        self.assertEqual(client.lost, [ConnectionDone])
        self.assertEqual(self.network.leftovers(), [])
        self.port = self.a.listenTCP(6881, self.server)
        self.connect()

    def test_killed_while_it_looks_up_a_name(self):
        self.network.names["seed.example"] = ["10.0.0.1"]
        endpoint = HostnameEndpoint(self.b, "seed.example", 6881)
        endpoint.connect(Factory.forProtocol(Notes))
        self.b.kill()
        self.clock.advance(60)
        self.assertEqual(self.server.built, [])

    def test_restarted_with_unread_data(self):
        client, served = self.connect()
        served.transport.pauseProducing()
        client.transport.write(b"unread")
        self.clock.advance(1)
        self.a.kill()
        self.clock.advance(1)
        self.assertEqual(client.lost, [ConnectionLost])

    def test_a_cut_swallows_the_end_too(self):
        client, served = self.connect()
        self.network.cut(self.a, self.b)
        client.transport.write(b"bye")
        client.transport.loseConnection()
        self.clock.advance(60)
        self.assertEqual((client.lost, served.lost), ([ConnectionDone], []))
        self.network.heal(self.a, self.b)
        self.clock.advance(1)
        self.assertEqual((served.received, served.lost), (b"bye", [ConnectionDone]))

    def test_cut_while_connecting(self):
        attempt = self.dial()
        self.clock.advance(0.015)
        self.network.cut(self.a, self.b)
        self.clock.advance(10)
        self.network.heal(self.a, self.b)
        client = self.clock.result_of(attempt)
        client.transport.write(b"x")
        self.clock.advance(1)
        self.assertEqual([built.received for built in self.server.built], [b"x"])

    def test_latency_may_change(self):
        client, served = self.connect()
        self.a.latency = 2.0
        client.transport.write(b"first ")
        self.clock.advance(0.1)
        self.a.latency = 0.001
        client.transport.write(b"second")
        self.clock.advance(1)
        self.assertEqual(served.chunks, [])
        self.clock.advance(1)
        self.assertEqual(served.received, b"first second")

    def test_a_reset_does_not_overtake(self):
        client, served = self.connect()
        self.a.latency = 2.0
        client.transport.write(b"first")
        self.clock.advance(0.1)
        self.a.latency = 0.001
        client.transport.abortConnection()
        self.clock.advance(1)
        self.assertEqual(served.lost, [])
        self.clock.advance(1)
        self.assertEqual((served.received, served.lost), (b"first", [ConnectionLost]))

    def test_an_abort_takes_back_what_waits_for_the_line(self):
        self.b.up_line.rate = 10_000
        client, served = self.connect()
        client.transport.write(bytes(100_000))
        self.clock.advance(2)
        client.transport.abortConnection()
        self.clock.advance(60)
        self.assertLess(len(served.received), 25_000)
        self.assertEqual(served.lost, [ConnectionLost])

    def test_an_abort_frees_the_line(self):
        self.b.up_line.rate = 10_000
        (first, _), (second, served) = self.connect(), self.connect()
        first.transport.write(bytes(100_000))
        self.clock.advance(2)
        first.transport.abortConnection()
        second.transport.write(bytes(10_000))
        self.clock.advance(1.2)
        self.assertEqual(len(served.received), 10_000)

    def test_a_backlog_that_is_full(self):
        self.port.stopReading()
        attempts = [self.dial(timeout=30) for _ in range(50)]
        self.clock.advance(1)
        attempts.append(self.dial(timeout=30))
        self.clock.advance(10)
        self.assertEqual([each for each in attempts if not each.called], attempts[50:])
        self.port.startReading()
        self.clock.advance(10)
        self.assertEqual(len(self.server.built), 51)
