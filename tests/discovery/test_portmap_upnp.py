"""Port mapping by UPnP: what miniupnpc says, and how long it may take."""

from tests.discovery.portmapcase import TCP, Case
from tests.discovery.routers import URL, Device
from txtorrent.discovery import upnp
from txtorrent.discovery.mapping import LIFETIME, NoAnswerError
from txtorrent.discovery.portline import FIRST_RETRY, State
from txtorrent.discovery.upnp import CALL_LIMIT, MISSING


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

    def test_a_thread_does_not_wait_for_ever(self) -> None:
        """For the one before it, which may hang."""
        self.patch(upnp, "BUSY_LIMIT", 0.01)
        control = upnp._Control(Device, URL, "192.168.1.1", self.ours)
        control._turn.acquire()
        self.assertRaises(NoAnswerError, control.open)
        control._turn.release()
        control.open()
