"""Port mapping on real sockets and threads, with the real miniupnpc, against a router on this
machine's loopback."""

from random import SystemRandom
from unittest import skipIf

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase

from tests.discovery.igd import Igd
from tests.discovery.routers import OUTSIDE, Gateway
from tests.testing.loopback import next_host
from txtorrent.discovery import gateway, upnp
from txtorrent.discovery.mapping import LIFETIME, Protocol
from txtorrent.discovery.portline import State
from txtorrent.discovery.portmap import PortMapping


class Case(TestCase):
    timeout = 30.0

    def setUp(self) -> None:
        # One for each test: what is sent to a group is heard by all of this machine.
        self.address = next_host()

    def begin(self, **options) -> PortMapping:
        pool = ThreadPool(0, 2)
        pool.start()
        self.addCleanup(pool.stop)
        made = PortMapping(
            reactor,
            SystemRandom(),
            lambda call, *args: deferToThreadPool(reactor, pool, call, *args),
            lambda: gateway.Gateway(self.address, self.address),
            lambda host: None,
            **options,
        )
        self.addCleanup(made.stop)
        made.start(6881, 6882)
        return made

    async def settled(self, mapping: PortMapping):
        """The status when nothing is being searched any more."""
        while any(each.state is State.SEARCHING for each in mapping.status.values()):
            await deferLater(reactor, 0.02)
        return mapping.status


@skipIf(upnp.LIBRARY is None, upnp.MISSING)
class UpnpTests(Case):
    async def test_mapped_and_taken_away(self) -> None:
        """PCP and NAT-PMP are refused by the kernel at once."""
        igd = Igd(reactor, self.address)
        self.addCleanup(igd.stop)
        mapping = self.begin()
        status = (await self.settled(mapping))[Protocol.TCP]
        self.assertEqual((status.state, status.method, status.error), (State.MAPPED, "upnp", ""))
        self.assertEqual((status.external_host, status.external_port), (OUTSIDE, 6881))
        lease = str(LIFETIME)
        self.assertEqual(
            igd.mapped,
            {
                ("6881", "TCP"): (self.address, "6881", lease),
                ("6882", "UDP"): (self.address, "6882", lease),
            },
        )
        await mapping.stop()
        self.assertEqual(igd.mapped, {})

    async def test_a_router_that_maps_for_good_only(self) -> None:
        """The library says it in the words that we look for."""
        igd = Igd(reactor, self.address)
        igd.only_for_good = True
        self.addCleanup(igd.stop)
        status = await self.settled(self.begin())
        self.assertEqual(
            [(each.state, each.lifetime) for each in status.values()], [(State.MAPPED, 0)] * 2
        )

    async def test_a_description_that_leads_elsewhere(self) -> None:
        igd = Igd(reactor, self.address, "http://127.0.0.66:80/control")
        self.addCleanup(igd.stop)
        status = await self.settled(self.begin())
        self.assertIn("which is not the router", status[Protocol.TCP].error)
        self.assertEqual(igd.mapped, {})


class RefusedTests(Case):
    async def test_nobody_is_there(self) -> None:
        """The kernel says so."""
        mapping = self.begin(device=None)
        status = (await self.settled(mapping))[Protocol.TCP]
        self.assertEqual(status.state, State.FAILED)
        silent = f"the router at {self.address} does not answer"
        self.assertEqual(status.error, f"{silent}; {upnp.MISSING}")


class PcpTests(Case):
    async def test_mapped_and_taken_away(self) -> None:
        router = Gateway(reactor, "pcp", "nat-pmp", interface=self.address)
        self.addCleanup(router.listening.stopListening)
        mapping = self.begin()
        status = (await self.settled(mapping))[Protocol.UDP]
        self.assertEqual((status.state, status.method), (State.MAPPED, "pcp"))
        self.assertEqual(set(router.mapped), {("TCP", 6881), ("UDP", 6882)})
        await mapping.stop()
        self.assertEqual(router.mapped, {})
