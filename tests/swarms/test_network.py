"""Connections that break, stall, or should not be: the swarm heals (THREATS F, B8)."""

from twisted.internet.protocol import Factory, Protocol

from tests.swarms.case import SwarmCase
from tests.testing.swarm import PORT
from txtorrent.address import Address
from txtorrent.peer.protocol import SILENCE_TIMEOUT
from txtorrent.swarm.peerbook import Source


class Faults(SwarmCase):
    def test_reset_storm(self):
        """F3: blocks go back to the pool, and the peers find each other again and again."""
        swarm = self.swarm(3_000_000)
        seeds = [swarm.add_seed(up=30_000) for _ in range(2)]
        leechers = [swarm.add_leecher(up=50_000) for _ in range(3)]
        for _ in range(8):
            swarm.run(7)
            for node in (*seeds, *leechers):
                swarm.network.reset(node.host)
        swarm.run_until_complete(limit=200)
        self.assertWhole(*leechers)
        swarm.run(5)
        for node in leechers:
            self.assertEqual(node.session._shared.buffers.lent, 0)
            dialling = len(node.parts.connections._dialling)
            used = node.session._shared.budget.used
            self.assertEqual(used, len(node.parts.connections) + dialling)
        self.assertLess(swarm.waste(), 0.03)

    def test_partition_heals(self):
        """F2: after 60 s without the network, blocks come again within 60 s."""
        swarm = self.swarm(1_000_000)
        seed = swarm.add_seed(up=50_000)
        leecher = swarm.add_leecher()
        swarm.run(5)
        swarm.network.cut(seed.host, leecher.host)
        swarm.run(60)
        had = leecher.downloaded
        swarm.network.heal(seed.host, leecher.host)
        swarm.run_until(lambda: leecher.downloaded > had, 60)
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)
        self.assertLess(swarm.waste(), 0.3)

    def test_long_partition_heals(self):
        """After ten minutes both have given the connection up, and dial again."""
        swarm = self.swarm(1_000_000)
        seed = swarm.add_seed(up=50_000)
        leecher = swarm.add_leecher()
        swarm.run(5)
        swarm.network.cut(seed.host, leecher.host)
        swarm.run(600)
        self.assertEqual((seed.linked, leecher.linked), ([], []))
        swarm.network.heal(seed.host, leecher.host)
        had = leecher.downloaded
        swarm.run_until(lambda: leecher.downloaded > had, 75)
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)

    def test_refused(self):
        """Peers that cannot be dialled dial us."""
        swarm = self.swarm(500_000)
        leecher = swarm.add_leecher()
        leecher.host.refuse = True
        seed = swarm.add_seed()  # is told of the leecher, but not the other way round
        swarm.run(60)
        self.assertEqual(leecher.linked, [])
        swarm.introduce(leecher, seed)
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)

    def test_silent_peer(self):
        """It is dropped after some two minutes."""
        swarm = self.swarm(500_000)
        leecher = swarm.add_leecher()
        seed = swarm.add_seed(up=1000)
        swarm.run(5)
        self.assertEqual(leecher.linked, [seed.host.name])
        seed.host.vanish()
        swarm.run(SILENCE_TIMEOUT - 5)
        self.assertEqual(leecher.linked, [seed.host.name])
        swarm.run(10)
        self.assertEqual(leecher.linked, [])

    def test_mute_at_the_door(self):
        swarm = self.swarm(500_000)
        leecher = swarm.add_leecher()
        swarm.run(1)
        stranger = swarm.network.host("30.0.0.1")
        lost = []

        class Mute(Protocol):
            def connectionLost(self, reason):
                lost.append(stranger.seconds())

        began = stranger.seconds()
        stranger.connectTCP(leecher.host.name, PORT, Dialler(Mute))
        swarm.run(20)
        self.assertTrue(10 <= lost[0] - began < 11, lost)


class Dialler(Factory):
    noisy = False

    def __init__(self, protocol):
        self.protocol = protocol

    def startedConnecting(self, connector):
        """Nothing to do."""

    def clientConnectionFailed(self, connector, reason):
        """Nothing to do."""

    def clientConnectionLost(self, connector, reason):
        """Nothing to do."""


class OneConnectionAPeer(SwarmCase):
    def test_ourselves(self):
        """Whoever tells us our own address: we dial it once, and never again."""
        swarm = self.swarm(500_000, tracker={"extra": [Address("20.1.0.1", PORT)]})
        leecher = swarm.add_leecher()
        dialled = count_dials(leecher.host)
        swarm.run(1)
        leecher.parts.connections.found([leecher.address], Source.TRACKER)
        swarm.run(600)
        self.assertLessEqual(len(dialled), 1)
        self.assertEqual(leecher.linked, [])

    def test_both_dial(self):
        """Of two connections made at one moment, the same is closed at both ends."""
        for seed in range(6):
            swarm = self.swarm(500_000, seed=seed, announce="")
            one, other = swarm.add_leecher(), swarm.add_leecher()
            swarm.run(1)
            swarm.introduce(one, other)
            swarm.introduce(other, one)
            dialled = count_dials(one.host), count_dials(other.host)
            swarm.run(5)
            self.assertEqual((one.linked, other.linked), ([other.host.name], [one.host.name]))
            swarm.run(1200)
            self.assertEqual((one.linked, other.linked), ([other.host.name], [one.host.name]))
            self.assertEqual(len(dialled[0]) + len(dialled[1]), 0, "redialled although connected")
            self.assertEqual(len(one.parts.connections) + len(other.parts.connections), 2)


def count_dials(host):
    """From now on, the addresses that a host dials."""
    dialled = []
    connect = host.connectTCP

    def counted(address, port, factory, **options):
        if port == PORT:
            dialled.append(address)
        return connect(address, port, factory, **options)

    host.connectTCP = counted
    return dialled
