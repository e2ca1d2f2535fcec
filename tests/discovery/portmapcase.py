"""What every test of port mapping has: a machine of ours, a router, and those who are neither."""

from random import Random

from twisted.internet.protocol import DatagramProtocol
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.routers import URL, Gateway, SsdpRouter, Threads
from tests.testing.network import Network
from txtorrent.discovery import gateway
from txtorrent.discovery.mapping import Protocol
from txtorrent.discovery.portline import State
from txtorrent.discovery.portmap import PortMapping

TCP, UDP = Protocol.TCP, Protocol.UDP
ROUTER = gateway.Gateway("192.168.1.1")


class Case(SynchronousTestCase):
    ours = "192.168.1.20"

    def setUp(self) -> None:
        self.network = Network(1)
        self.clock = self.network.clock
        self.us = self.network.host(self.ours, "2001:db8::20")
        self.box = self.network.host("192.168.1.1", "fe80::1", "2001:db8::1")
        self.seen: list[str] = []
        self.threads = Threads()
        self.others: list = []
        self.gateway: gateway.Gateway | None = ROUTER
        self.mapping: PortMapping | None = None

    def tearDown(self) -> None:
        self.end()
        for each in self.others:
            each.stopListening()
        self.clock.advance(1)
        self.assertEqual(self.network.leftovers(), [])

    def end(self) -> float:
        """Stop; the seconds it took."""
        before = self.clock.seconds()
        if self.mapping is not None:
            self.clock.result_of(self.mapping.stop())
            self.mapping = None
        return self.clock.seconds() - before

    def router(self, *speaks: str, **habits) -> Gateway:
        made = Gateway(self.box, *speaks, **habits)
        self.others.append(made.listening)
        return made

    def find(self) -> gateway.Gateway | None:
        return self.gateway

    def strangers(self) -> list:
        """Ports that are not the router's: another machine's, and another of the router's own."""
        other = self.network.host("192.168.1.66")
        made = [
            other.listenUDP(5351, DatagramProtocol()),
            self.box.listenUDP(0, DatagramProtocol()),
        ]
        self.others += made
        return made

    def ssdp(self, url: str = URL, host=None) -> SsdpRouter:
        host = host or self.box
        made = SsdpRouter(host, url, host.addresses[0])
        self.others.append(made)
        return made

    def begin(self, tcp: int = 6881, udp: int = 6881, device=None, **options) -> PortMapping:
        self.mapping = PortMapping(
            self.us,
            Random(7),
            self.threads.run,
            lambda: self.find(),
            self.seen.append,
            device=None if device is None else lambda: device,
            **options,
        )
        self.mapping.start(tcp, udp)
        return self.mapping

    def states(self) -> tuple[State, State]:
        assert self.mapping is not None
        status = self.mapping.status
        return status[TCP].state, status[UDP].state

    def lines(self) -> list[str]:
        """What is logged from now on."""
        lines: list[str] = []

        def observe(event) -> None:
            ours = event.get("log_namespace", "").startswith("txtorrent.discovery")
            if ours and event["log_level"].name != "debug":
                lines.append(event["log_format"].format(**event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        return lines
