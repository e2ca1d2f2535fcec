"""Port mapping as time passes: renewals, routers that forget, other ports, the end."""

from itertools import pairwise
from random import Random
from struct import pack

from tests.discovery.portmapcase import ROUTER, TCP, UDP, Case
from tests.discovery.routers import Device, Gateway
from txtorrent.discovery import gateway
from txtorrent.discovery.portline import FIRST_RETRY, State
from txtorrent.discovery.portmap import FAREWELL, PortMapping


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

    def test_while_the_router_refuses_the_old_one(self) -> None:
        """That was about another port: the new one is asked for at once."""
        router = self.router("pcp", lifetime=600)
        mapping = self.begin(udp=0)
        self.clock.advance(290)
        answer, before = router.pcp, len(router.seen)

        def pcp(datagram: bytes) -> bytes:
            router.result = 2 if int.from_bytes(datagram[40:42], "big") == 6881 else 0
            return answer(datagram)

        router.pcp = pcp
        self.clock.run_until(lambda: len(router.seen) > before)
        mapping.change(7000, 0)
        self.clock.advance(5)
        self.assertEqual(mapping.status[TCP].port, 7000)
        self.assertIn(("TCP", 7000), router.mapped)

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

    def test_a_thread_that_hangs_at_the_end(self) -> None:
        self.ssdp()
        self.begin(device=Device())
        self.clock.advance(20)
        self.threads.stuck = True
        took = self.end()
        self.assertEqual((took, len(self.threads.waiting)), (FAREWELL, 2))


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
