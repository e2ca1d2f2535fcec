"""Port mapping against scripted routers: which way is found, what is renewed and taken away."""

from itertools import pairwise
from random import Random
from struct import pack

from twisted.internet.protocol import DatagramProtocol
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.routers import OUTSIDE, URL, Device, Gateway, SsdpRouter, Threads
from tests.testing.network import Network
from txtorrent.discovery import gateway
from txtorrent.discovery.mapping import LIFETIME, Protocol
from txtorrent.discovery.portline import FIRST_RETRY, LAST_RETRY, State
from txtorrent.discovery.portmap import FAREWELL, PortMapping
from txtorrent.discovery.upnp import CALL_LIMIT, MISSING

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


class WayTests(Case):
    """Which way a router is spoken to."""

    def test_pcp(self) -> None:
        router, lines = self.router("pcp", "nat-pmp"), self.lines()
        mapping = self.begin()
        self.assertEqual(self.states(), (State.SEARCHING, State.SEARCHING))
        self.clock.advance(1)
        self.assertEqual(set(router.versions), {2})
        self.assertEqual(router.mapped, {("TCP", 6881): 6881, ("UDP", 6881): 6881})
        for protocol in Protocol:
            status = mapping.status[protocol]
            self.assertEqual((status.state, status.method), (State.MAPPED, "pcp"))
            self.assertEqual((status.external_host, status.external_port), (OUTSIDE, 6881))
            self.assertEqual((status.port, status.lifetime, status.error), (6881, LIFETIME, ""))
        self.assertEqual(set(self.seen), {OUTSIDE})
        self.assertEqual(lines[0], f"TCP port 6881 is mapped to port 6881 of {OUTSIDE}, by pcp")

    def test_nat_pmp_when_the_router_says_so(self) -> None:
        router = self.router("nat-pmp")
        mapping = self.begin()
        self.clock.advance(0.2)
        self.assertEqual(router.versions, [2, 0, 0, 0, 0])
        self.assertEqual(router.mapped, {("TCP", 6881): 6881, ("UDP", 6881): 6881})
        status = mapping.status[UDP]
        self.assertEqual((status.state, status.method), (State.MAPPED, "nat-pmp"))
        self.assertEqual((status.external_host, status.lifetime), (OUTSIDE, LIFETIME))
        self.assertEqual(self.seen, [OUTSIDE, OUTSIDE])

    def test_nat_pmp_when_pcp_is_not_answered(self) -> None:
        """An old router may drop what it does not know."""
        router = self.router("nat-pmp")
        router.pcp = lambda datagram: None
        self.begin()
        self.clock.advance(5)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))

    def test_upnp(self) -> None:
        device, router = Device(), self.ssdp()
        mapping = self.begin(device=device)
        self.clock.advance(20)
        self.assertEqual(
            device.mapped,
            {(6881, each.value): (self.ours, 6881, "txtorrent", "", LIFETIME) for each in Protocol},
        )
        self.assertEqual(device.calls[0], ("selectigd", URL))
        self.assertEqual(len(router.searches), 2)
        status = mapping.status[TCP]
        self.assertEqual((status.state, status.method), (State.MAPPED, "upnp"))
        self.assertEqual((status.external_host, status.external_port), (OUTSIDE, 6881))
        self.end()
        self.assertEqual(device.mapped, {})

    def test_ipv6(self) -> None:
        self.gateway = gateway.Gateway("fe80::1", "2001:db8::20")
        router = self.router("pcp", outside="2001:db8::20", interface="::")
        mapping = self.begin()
        self.clock.advance(1)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))
        self.assertEqual(mapping.status[TCP].external_host, "2001:db8::20")
        self.assertEqual(router.seen[0][1][8:24].hex(), "20010db8000000000000000000000020")

    def test_ipv6_knows_pcp_only(self) -> None:
        self.gateway = gateway.Gateway("2001:db8::1", "2001:db8::20")
        ssdp = self.ssdp()
        mapping = self.begin(device=Device())
        self.clock.advance(20)
        self.assertEqual(mapping.status[TCP].error, "the router at 2001:db8::1 does not answer")
        self.assertEqual(ssdp.searches, [])

    def test_another_external_port(self) -> None:
        self.router("pcp", outside="100.64.9.9").port_given = 40000
        mapping = self.begin(udp=0)
        self.clock.advance(1)
        status = mapping.status[TCP]
        self.assertEqual(status.external_port, 40000)
        self.assertIn("behind another one: its own address is 100.64.9.9", status.error)
        self.assertEqual(self.states(), (State.MAPPED, State.OFF))

    def test_a_router_that_is_not_connected(self) -> None:
        for speaks in ("pcp", "nat-pmp"):
            self.router(speaks, outside="0.0.0.0")
            mapping = self.begin()
            self.clock.advance(6)
            self.assertEqual(mapping.status[TCP].external_host, None)
            self.assertEqual((self.states()[0], self.seen), (State.MAPPED, []))
            self.tearDown()
            self.setUp()


class SilenceTests(Case):
    def test_a_silent_router(self) -> None:
        router, lines = self.router(), self.lines()
        mapping = self.begin()
        self.clock.advance(20)
        self.assertEqual(self.states(), (State.FAILED, State.FAILED))
        self.assertEqual(
            mapping.status[TCP].error,
            f"the router at 192.168.1.1 does not answer; {MISSING}",
        )
        gaps = [round(b - a, 3) for a, b in pairwise(router.times)]
        self.assertEqual(gaps, [0.25, 0.5, 1.0, 2.0, 0.25, 0.5, 1.0])
        self.assertEqual(router.versions, [2] * 4 + [0] * 4)
        self.assertEqual(len(lines), 2)

    def test_it_is_asked_again_ever_more_seldom(self) -> None:
        router, lines = self.router(), self.lines()
        self.begin()
        self.clock.advance(86400)
        searches = router.times[:1] + [b for a, b in pairwise(router.times) if b - a > 30]
        gaps = [b - a for a, b in pairwise(searches)]
        self.assertTrue(FIRST_RETRY < gaps[0] < FIRST_RETRY + 10)
        self.assertTrue(LAST_RETRY < gaps[-1] < LAST_RETRY + 10)
        self.assertTrue(25 < len(searches) < 35)
        self.assertEqual(len(lines), 2)

    def test_it_speaks_at_last(self) -> None:
        router = self.router("pcp")
        router.silent = True
        self.begin()
        self.clock.advance(50)
        router.silent = False
        self.clock.advance(FIRST_RETRY)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))

    def test_a_lost_datagram_costs_a_quarter_of_a_second(self) -> None:
        router = self.router("pcp")
        router.silent = True
        self.begin()
        self.clock.advance(0.1)
        router.silent = False
        self.clock.advance(0.3)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))

    def test_no_gateway(self) -> None:
        self.gateway = None
        mapping = self.begin()
        self.clock.advance(1)
        self.assertEqual(mapping.status[TCP].error, "this machine has no default gateway")
        self.gateway = ROUTER
        self.router("pcp")
        self.clock.advance(FIRST_RETRY)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))

    def test_an_interface_that_is_not_there(self) -> None:
        router = self.router("pcp")
        mapping = self.begin(interface="192.168.7.7")
        self.clock.advance(600)
        self.assertIn("no UDP socket can be opened at 192.168.7.7", mapping.status[TCP].error)
        self.assertEqual(router.seen, [])
        # The real socket that could not be bound goes with its last reference.
        for sim in [each for each in self.us.sockets.values() if not each.port]:
            sim.close()


class OnTheInternetTests(Case):
    ours = "198.51.100.20"

    def test_nothing_is_to_be_mapped(self) -> None:
        router = self.router("pcp")
        mapping = self.begin()
        self.clock.advance(100)
        self.assertEqual((self.states(), router.seen), ((State.OFF, State.OFF), []))
        self.assertIn("is an address on the Internet already", mapping.status[TCP].error)


class RefusalTests(Case):
    def test_it_does_not_allow_it(self) -> None:
        for speaks in ("pcp", "nat-pmp"):
            self.router(speaks).result = 2
            mapping = self.begin()
            self.clock.advance(20)
            self.assertEqual(self.states(), (State.FAILED, State.FAILED))
            self.assertIn("the router refuses: it does not allow it", mapping.status[UDP].error)
            self.tearDown()
            self.setUp()

    def test_it_says_when_to_ask_again(self) -> None:
        router = self.router("pcp")
        router.result, router.error_lifetime = 8, 1000
        self.begin()
        self.clock.advance(900)
        self.assertEqual(router.versions.count(2), 1)
        router.result = 0
        self.clock.advance(110)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))

    def test_it_is_not_believed_for_ever(self) -> None:
        router = self.router("pcp")
        router.result, router.error_lifetime = 8, 2**32 - 1
        self.begin()
        self.clock.advance(1)
        router.result = 0
        self.clock.advance(1850)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))

    def test_one_port_of_two(self) -> None:
        router = self.router("pcp")
        answer = router.pcp

        def pcp(datagram: bytes) -> bytes:
            router.result = 9 if datagram[36] == 17 else 0
            return answer(datagram)

        router.pcp = pcp
        mapping = self.begin()
        self.clock.advance(1)
        self.assertEqual(self.states(), (State.MAPPED, State.FAILED))
        self.assertIn("does not map this protocol", mapping.status[UDP].error)
        before = len(router.seen)
        self.clock.advance(FIRST_RETRY + 1)
        self.assertEqual(len(router.seen), before + 1)

    def test_a_router_that_is_none(self) -> None:
        """What it gives is of no use: port 0, no lifetime."""
        for lie in (
            lambda answer: [answer[:42] + b"\0\0" + answer[44:]],
            lambda answer: [answer[:4] + b"\0\0\0\0" + answer[8:]],
        ):
            self.router("pcp").lie = lie
            self.begin()
            self.clock.advance(20)
            self.assertEqual(self.states(), (State.FAILED, State.FAILED))
            self.tearDown()
            self.setUp()


class DisbeliefTests(Case):
    """D1, D5: only the gateway is talked to, and only it is believed."""

    def test_wrong_answers(self) -> None:
        for name, lie in (
            ("nonce", lambda answer: [answer[:24] + b"x" * 12 + answer[36:]]),
            ("protocol", lambda answer: [answer[:36] + b"\x01" + answer[37:]]),
            ("port", lambda answer: [answer[:40] + b"\0\x09" + answer[42:]]),
            ("request", lambda answer: [answer[:1] + b"\x01" + answer[2:]]),
            ("cut", lambda answer: [answer[:cut] for cut in range(len(answer))]),
        ):
            router = self.router("pcp")
            router.lie = lie
            self.begin()
            self.clock.advance(20)
            self.assertEqual(self.states(), (State.FAILED, State.FAILED), name)
            self.tearDown()
            self.setUp()

    def test_a_wrong_answer_does_not_keep_the_right_one_out(self) -> None:
        self.router("pcp").lie = lambda answer: [b"?", answer[:24] + bytes(36), answer]
        self.begin()
        self.clock.advance(0.2)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))

    def test_others_answer(self) -> None:
        """Another machine, and another port of the router."""
        router = self.router("pcp")
        strangers = self.strangers()

        def lie(answer: bytes) -> list[bytes]:
            for each in strangers:
                each.write(answer, router.seen[-1][2])
            return []

        router.lie = lie
        self.begin()
        self.clock.advance(20)
        self.assertEqual(self.states(), (State.FAILED, State.FAILED))

    def test_upnp_of_another_machine(self) -> None:
        device, other = Device(), self.network.host("192.168.1.66")
        self.ssdp("http://192.168.1.66:5000/desc.xml", other)
        self.ssdp("http://192.168.1.1:5000/desc.xml", self.network.host("192.168.1.67"))
        mapping = self.begin(device=device)
        self.clock.advance(30)
        self.assertEqual(device.calls, [])
        self.assertIn("does not speak UPnP", mapping.status[TCP].error)

    def test_upnp_that_leads_elsewhere(self) -> None:
        for url in (
            "http://192.168.1.66:80/desc.xml",
            "http://127.0.0.1/desc.xml",
            "http://2130706433/desc.xml",
            "http://router.example/desc.xml",
            "http://192.168.1.1@192.168.1.66/",
            "http://192.168.1.1:99999/",
            "https://192.168.1.1/desc.xml",
            "file:///etc/passwd",
            "http://[::1/",
        ):
            device = Device()
            self.ssdp(url)
            self.begin(device=device)
            self.clock.advance(30)
            self.assertEqual(device.calls, [], url)
            self.tearDown()
            self.setUp()

    def test_a_description_that_leads_elsewhere(self) -> None:
        device = Device(control="http://192.168.1.66:80/ctl")
        self.ssdp()
        mapping = self.begin(device=device)
        self.clock.advance(30)
        self.assertEqual(device.calls, [("selectigd", URL)])
        self.assertIn("which is not the router at 192.168.1.1", mapping.status[TCP].error)


class TimeTests(Case):
    def test_renewed_at_half_the_lifetime(self) -> None:
        for speaks, each_time in (("pcp", 1), ("nat-pmp", 2)):
            router = self.router(speaks, lifetime=600)
            self.begin(udp=0)
            self.clock.advance(290)
            before = len(router.seen)
            self.clock.advance(20)
            self.assertEqual(len(router.seen), before + each_time, speaks)
            self.clock.advance(3000)
            self.assertEqual(len(router.seen), before + 11 * each_time, speaks)
            self.tearDown()
            self.setUp()

    def test_the_same_nonce_and_external_port(self) -> None:
        router = self.router("pcp", lifetime=600)
        router.port_given = 40000
        self.begin(udp=0)
        self.clock.advance(1000)
        nonces = {datagram[24:36] for _, datagram, _ in router.seen}
        wishes = [int.from_bytes(datagram[42:44], "big") for _, datagram, _ in router.seen]
        self.assertEqual((len(nonces), wishes), (1, [6881, 40000, 40000, 40000]))

    def test_no_more_often_than_every_four_seconds(self) -> None:
        router = self.router("pcp", lifetime=1)
        self.begin(udp=0)
        self.clock.advance(41)
        self.assertEqual(len(router.seen), 11)

    def test_however_long_it_lives(self) -> None:
        router = self.router("pcp")
        router.lie = lambda answer: [answer[:4] + b"\xff" * 4 + answer[8:]]
        self.begin(udp=0)
        self.clock.advance(3700)
        self.assertEqual(len(router.seen), 2)

    def test_the_router_is_gone(self) -> None:
        """It is asked for two minutes, then all is searched for anew."""
        router = self.router("pcp", lifetime=600)
        mapping = self.begin()
        self.clock.advance(290)
        router.silent = True
        before = len(router.seen)
        self.clock.advance(100)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))
        self.clock.advance(60)
        self.assertEqual(self.states(), (State.FAILED, State.FAILED))
        self.assertEqual(mapping.status[TCP].external_host, None)
        gaps = [round(b - a, 2) for a, b in pairwise(router.times[before:])]
        self.assertEqual(gaps[:8], [0.25 * 2**number for number in range(8)])
        router.silent = False
        self.clock.advance(FIRST_RETRY)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))

    def test_another_router(self) -> None:
        self.router("pcp", lifetime=600)
        self.begin()
        self.clock.advance(1)
        new = self.network.host("192.168.1.254")
        other = Gateway(new, "nat-pmp")
        self.others.append(other.listening)
        self.gateway = gateway.Gateway("192.168.1.254")
        self.clock.advance(310)
        self.assertEqual(set(other.mapped), {("TCP", 6881), ("UDP", 6881)})


class ResetTests(Case):
    def test_noticed_when_it_is_asked(self) -> None:
        """The second port is mapped again when the answer about the first shows it."""
        for speaks in ("pcp", "nat-pmp"):
            router = self.router(speaks, lifetime=600)
            mapping = self.begin()
            self.clock.advance(200)
            router.restart()
            mapping.change(7000, 6881)
            self.clock.advance(6)
            self.assertEqual(set(router.mapped), {("TCP", 7000), ("UDP", 6881)}, speaks)
            self.tearDown()
            self.setUp()

    def announce(
        self, sender, datagram: bytes, target: str = "224.0.0.1", port: int = 5350
    ) -> None:
        sender.write(datagram, (target, port))
        self.clock.advance(6)

    def test_announced_by_the_router(self) -> None:
        for speaks, datagram in (
            ("pcp", pack("!BBBBII12x", 2, 128, 0, 0, 0, 3)),
            ("nat-pmp", pack("!BBHI4B", 0, 128, 0, 3, 203, 0, 113, 5)),
        ):
            router = self.router(speaks)
            self.begin()
            self.clock.advance(1000)
            router.restart()
            self.announce(router.transport, datagram)
            self.assertEqual(set(router.mapped), {("TCP", 6881), ("UDP", 6881)}, speaks)
            self.tearDown()
            self.setUp()

    def test_announced_to_us_alone(self) -> None:
        router = self.router("pcp")
        self.begin()
        self.clock.advance(1000)
        router.restart()
        datagram = pack("!BBBBII12x", 2, 128, 0, 0, 0, 3)
        self.announce(router.transport, datagram, *router.seen[-1][2])
        self.assertEqual(set(router.mapped), {("TCP", 6881), ("UDP", 6881)})

    def test_announced_by_others(self) -> None:
        router = self.router("pcp")
        strangers = self.strangers()
        self.begin()
        self.clock.advance(1000)
        before = len(router.seen)
        for each in strangers:
            self.announce(each, pack("!BBBBII12x", 2, 128, 0, 0, 0, 3))
            self.announce(each, pack("!BBBBII12x", 2, 128, 0, 0, 0, 3), *router.seen[-1][2])
        self.assertEqual(len(router.seen), before)

    def test_a_storm_of_announcements(self) -> None:
        router = self.router("pcp")
        self.begin()
        self.clock.advance(1000)
        before = len(router.seen)
        for number in range(1000):
            epoch = 3 if number % 2 else 50_000
            router.transport.write(pack("!BBBBII12x", 2, 128, 0, 0, 0, epoch), ("224.0.0.1", 5350))
            self.clock.advance(0.04)
        self.assertLessEqual(len(router.seen) - before, 2 * 11)


class ChangeTests(Case):
    def test_another_port(self) -> None:
        for speaks in ("pcp", "nat-pmp"):
            router = self.router(speaks)
            mapping = self.begin()
            self.clock.advance(1)
            mapping.change(7000, 7001)
            self.clock.advance(1)
            self.assertEqual(router.mapped, {("TCP", 7000): 7000, ("UDP", 7001): 7001})
            self.assertEqual(mapping.status[UDP].port, 7001)
            mapping.change(7000, 0)
            self.clock.advance(1)
            self.assertEqual(router.mapped, {("TCP", 7000): 7000})
            self.assertEqual(self.states(), (State.MAPPED, State.OFF))
            mapping.change(0, 0)
            self.clock.advance(1)
            self.assertEqual((router.mapped, self.states()), ({}, (State.OFF, State.OFF)))
            mapping.change(0, 7001)
            self.clock.advance(6)
            self.assertEqual(router.mapped, {("UDP", 7001): 7001})
            self.tearDown()
            self.setUp()

    def test_upnp(self) -> None:
        device = Device()
        self.ssdp()
        mapping = self.begin(device=device)
        self.clock.advance(20)
        mapping.change(7000, 7001)
        self.clock.advance(1)
        self.assertEqual(set(device.mapped), {(7000, "TCP"), (7001, "UDP")})

    def test_while_the_router_is_being_asked(self) -> None:
        router = self.router("pcp")
        mapping = self.begin()
        self.clock.advance(0.005)
        mapping.change(7000, 7000)
        self.clock.advance(1)
        self.assertEqual(router.mapped, {("TCP", 7000): 7000, ("UDP", 7000): 7000})

    def test_while_a_silent_router_is_being_asked(self) -> None:
        """What it did not answer was about another port: the new one is asked for at once."""
        router = self.router("pcp")
        router.silent = True
        mapping = self.begin(udp=0)
        self.clock.advance(1)
        mapping.change(7000, 0)
        router.silent = False
        self.clock.advance(20)
        self.assertEqual((router.mapped, self.states()[0]), ({("TCP", 7000): 7000}, State.MAPPED))

    def test_a_router_that_keeps_the_old_one(self) -> None:
        """The new port is mapped all the same."""
        router = self.router("nat-pmp")
        mapping = self.begin(udp=0)
        self.clock.advance(1)
        answer = router.natpmp

        def natpmp(datagram: bytes) -> bytes:
            router.result = 2 if datagram[-4:] == bytes(4) else 0
            return answer(datagram)

        router.natpmp = natpmp
        mapping.change(7000, 0)
        self.clock.advance(1)
        self.assertEqual(mapping.status[TCP].port, 7000)
        self.assertEqual(set(router.mapped), {("TCP", 6881), ("TCP", 7000)})

    def test_the_same_ports(self) -> None:
        router = self.router("pcp")
        mapping = self.begin()
        self.clock.advance(1)
        mapping.change(6881, 6881)
        self.clock.advance(1)
        self.assertEqual(len(router.seen), 2)

    def test_nothing_to_map(self) -> None:
        router = self.router("pcp")
        self.begin(0, 0)
        self.clock.advance(10_000)
        self.assertEqual((router.seen, self.states()), ([], (State.OFF, State.OFF)))


class EndTests(Case):
    def test_mappings_are_taken_away(self) -> None:
        for speaks in ("pcp", "nat-pmp"):
            router = self.router(speaks)
            self.begin()
            self.clock.advance(1)
            self.assertLess(self.end(), 0.1)
            self.assertEqual((router.mapped, len(router.seen) > 3), ({}, True))
            self.tearDown()
            self.setUp()

    def test_a_router_that_is_gone(self) -> None:
        router = self.router("pcp")
        self.begin()
        self.clock.advance(1)
        router.silent = True
        before = len(router.seen)
        self.assertLessEqual(self.end(), FAREWELL)
        self.assertGreaterEqual(len(router.seen), before + 2)

    def test_at_any_time(self) -> None:
        """Whatever is under way: nothing is left of it, on our side or on the router's."""
        for speaks in (("pcp",), ("nat-pmp",), ("none",)):
            for step in range(60):
                router = self.router(*speaks)
                device = Device()
                self.ssdp()
                self.begin(device=device)
                self.clock.advance(step * (0.004 if speaks[0] != "none" else 0.2))
                self.assertLessEqual(self.end(), FAREWELL + 0.1)
                self.clock.advance(1)
                self.assertEqual((router.mapped, device.mapped), ({}, {}), (speaks, step))
                self.tearDown()
                self.setUp()

    def test_while_a_thread_hangs(self) -> None:
        self.threads.stuck = True
        self.ssdp()
        self.begin(device=Device())
        self.clock.advance(10)
        self.assertEqual(len(self.threads.waiting), 1)
        self.assertLessEqual(self.end(), FAREWELL)


class UpnpTests(Case):
    def test_the_library_is_missing(self) -> None:
        mapping, lines = self.begin(), self.lines()
        self.ssdp()
        self.clock.advance(86400)
        self.assertIn(MISSING, mapping.status[TCP].error)
        self.assertEqual(len([line for line in lines if MISSING in line]), 2)

    def test_somebody_else_has_the_port(self) -> None:
        device = Device()
        device.taken = {6881}
        self.ssdp()
        mapping = self.begin(udp=0, device=device)
        self.clock.advance(20)
        external = mapping.status[TCP].external_port
        self.assertEqual(set(device.mapped), {(external, "TCP")})
        self.assertNotEqual(external, 6881)
        self.clock.advance(2000)
        self.assertEqual(set(device.mapped), {(external, "TCP")})
        self.end()
        self.assertEqual(device.mapped, {})

    def test_somebody_else_has_all_ports(self) -> None:
        device = Device()
        device.taken = set(range(65536))
        self.ssdp()
        mapping = self.begin(udp=0, device=device)
        self.clock.advance(20)
        self.assertIn("ConflictInMappingEntry", mapping.status[TCP].error)
        self.assertEqual(len([call for call in device.calls if call[0] == "add"]), 4)

    def test_for_good_only(self) -> None:
        device = Device()
        device.only_for_good = True
        self.ssdp()
        mapping = self.begin(udp=0, device=device)
        self.clock.advance(20)
        self.assertEqual([call[3] for call in device.calls[1:]], [LIFETIME, 0])
        self.assertEqual((self.states()[0], mapping.status[TCP].lifetime), (State.MAPPED, 0))
        self.clock.advance(3600)
        self.assertEqual(len(device.calls), 5)

    def test_refused(self) -> None:
        device = Device()
        device.error = "Action not authorized"
        self.ssdp()
        mapping = self.begin(udp=0, device=device)
        self.clock.advance(20)
        self.assertIn("the router refuses: Action not authorized", mapping.status[TCP].error)

    def test_no_external_address(self) -> None:
        for outside in ("", "0.0.0.0", "nonsense"):
            device = Device()
            device.outside = outside
            self.ssdp()
            mapping = self.begin(udp=0, device=device)
            self.clock.advance(20)
            self.assertEqual(mapping.status[TCP].external_host, None)
            self.assertEqual((self.states()[0], self.seen), (State.MAPPED, []))
            self.tearDown()
            self.setUp()

    def test_a_thread_that_hangs(self) -> None:
        self.threads.stuck = True
        self.ssdp()
        mapping = self.begin(device=Device())
        self.clock.advance(10 + CALL_LIMIT)
        self.assertIn("the router takes too long to answer", mapping.status[TCP].error)
        self.threads.stuck = False
        self.clock.advance(FIRST_RETRY + 10)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))


class FaultTests(Case):
    """A fault of ours ends one attempt, not port mapping."""

    def test_of_whoever_is_told(self) -> None:
        self.router("pcp")
        self.seen = None
        self.mapping = PortMapping(
            self.us, Random(7), self.threads.run, lambda: ROUTER, lambda host: 1 / 0, device=None
        )
        self.mapping.start(1, 2)
        self.clock.advance(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))

    def test_of_whoever_finds_the_router(self) -> None:
        self.router("pcp")
        self.find = lambda: 1 / 0
        self.begin()
        self.clock.advance(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        del self.find
        self.clock.advance(FIRST_RETRY + 1)
        self.assertEqual(self.states(), (State.MAPPED, State.MAPPED))
