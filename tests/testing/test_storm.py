"""Whatever happens to connections, bytes stay in order and every end is told once, by any seed."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

from random import Random

from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.network import Network

# What may be sent: the receiver knows each byte by its place.
PATTERN = bytes(range(251)) * 8000
SEEDS = 12
STEPS = 300


class Careful(Protocol):
    """Checks every byte it receives, and that it is told of its end once, and nothing after."""

    def __init__(self, ends):
        self.sent = self.received = self.lost = 0
        ends.append(self)

    def connectionMade(self):
        assert not self.lost

    def send(self, size):
        start = self.sent % 251
        self.transport.write(PATTERN[start : start + size])
        self.sent += size

    def dataReceived(self, data):
        start = self.received % 251
        assert not self.lost, "data after the end"
        assert 0 < len(data) <= self.transport.bufferSize
        assert data == PATTERN[start : start + len(data)], "bytes out of order"
        self.received += len(data)

    def connectionLost(self, reason):
        self.lost += 1


class Storm:
    """Four hosts, and one thing after another that happens to them."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.network = Network(seed)
        self.ends = []
        self.hosts = [
            self.network.host(f"10.0.0.{i}", up=rate, down=rate, latency=i / 50)
            for i, rate in enumerate([None, 50_000, 2_000_000, None], 1)
        ]
        ends = self.ends

        class Ends(Factory):
            def buildProtocol(self, addr):
                return Careful(ends)

        class Dials(ClientFactory):
            def buildProtocol(self, addr):
                return Careful(ends)

        self.dials = Dials()
        self.ports = [host.listenTCP(1, Ends()) for host in self.hosts]

    def run(self):
        verbs = [self.dial] * 3 + [self.send] * 8 + [self.pause, self.resume] * 2
        verbs += [self.cut, self.heal, self.lose, self.abort, self.reset, self.resize]
        for _ in range(STEPS):
            self.random.choice(verbs)()
            self.network.clock.advance(self.random.choice([0, 0, 0.001, 0.05, 1]))

    def finish(self):
        """Everything heals, everybody reads, closes, and is gone.

        Two ends that close with full buffers read no more and wait for each other for good, as
        Twisted's do on a real network: those are aborted."""
        for host in self.hosts:
            for other in self.hosts:
                self.network.heal(host, other)
        for port in self.ports:
            port.stopListening()
        self.network.clock.advance(40)
        for verb in ("resumeProducing", "loseConnection", "abortConnection"):
            for end in self.alive():
                getattr(end.transport, verb)()
            self.network.clock.advance(1000)

    def alive(self):
        return [end for end in self.ends if not end.lost]

    def some(self, verb):
        alive = self.alive()
        if alive:
            verb(self.random.choice(alive))

    def two(self):
        return self.random.choice(self.hosts), self.random.choice(self.hosts)

    def dial(self):
        host, other = self.two()
        host.connectTCP(other.name, self.random.choice([1, 1, 1, 2]), self.dials)

    def send(self):
        self.some(lambda end: end.send(self.random.choice([1, 17, 16384, 300_000, 1_500_000])))

    def pause(self):
        self.some(lambda end: end.transport.pauseProducing())

    def resume(self):
        self.some(lambda end: end.transport.resumeProducing())

    def lose(self):
        self.some(lambda end: end.transport.loseConnection())

    def abort(self):
        self.some(lambda end: end.transport.abortConnection())

    def resize(self):
        size = self.random.choice([100, 16384, 65536, 262_144])
        self.some(lambda end: setattr(end.transport, "bufferSize", size))

    def cut(self):
        self.network.cut(*self.two())

    def heal(self):
        self.network.heal(*self.two())

    def reset(self):
        if self.random.random() < 0.2:
            self.network.reset(self.random.choice(self.hosts))

    def outcome(self):
        return [(end.sent, end.received, end.lost) for end in self.ends]


class AnySeed(SynchronousTestCase):
    def test_in_order_and_told_once(self):
        moved = 0
        for seed in range(SEEDS):
            storm = Storm(seed)
            storm.run()
            storm.finish()
            self.assertEqual({end.lost for end in storm.ends}, {1}, seed)
            self.assertEqual(storm.network.leftovers(), [], seed)
            self.assertEqual((storm.network.streams, self.flushLoggedErrors()), ({}, []), seed)
            moved += sum(end.received for end in storm.ends)
        self.assertGreater(moved, 100_000_000)

    def test_the_same_again(self):
        def outcome():
            storm = Storm(3)
            storm.run()
            storm.finish()
            return storm.outcome()

        self.assertEqual(outcome(), outcome())
