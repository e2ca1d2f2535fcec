"""Port mapping against scripted routers: how they are spoken to, and what is believed."""

from itertools import pairwise

from tests.discovery.portmapcase import ROUTER, TCP, UDP, Case
from tests.discovery.routers import OUTSIDE, URL, Device
from txtorrent.discovery import gateway
from txtorrent.discovery.mapping import LIFETIME, Protocol
from txtorrent.discovery.portline import FIRST_RETRY, LAST_RETRY, State
from txtorrent.discovery.upnp import MISSING


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

    def test_wrong_answers_of_nat_pmp(self) -> None:
        for name, lie in (
            ("port", lambda answer: [answer[:8] + b"\0\x09" + answer[10:]]),
            ("opcode", lambda answer: [answer[:1] + b"\x81" + answer[2:]]),
            ("request", lambda answer: [answer[:1] + b"\x02" + answer[2:]]),
            ("cut", lambda answer: [answer[:cut] for cut in range(len(answer))]),
        ):
            self.router("nat-pmp").lie = lie
            self.begin(udp=0)
            self.clock.advance(20)
            self.assertEqual(self.states()[0], State.FAILED, name)
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
