"""Which router leads to the Internet, from what Linux writes into procfs."""

import sys
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.discovery.gateway import Gateway, default_gateway4, default_gateway6
from txtorrent.discovery.interfaces import LONGEST, interface_index

HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"


def route(device: str, target: str, gateway: str, flags: int, metric: int, mask: str) -> str:
    return f"{device}\t{target}\t{gateway}\t{flags:04X}\t0\t0\t{metric}\t{mask}\t0\t0\t0   \n"


HOME = (
    route("eth0", "00000000", "0101A8C0", 3, 100, "00000000")
    + route("wlan0", "00000000", "FE02A8C0", 3, 600, "00000000")
    + route("eth0", "0001A8C0", "00000000", 1, 100, "00FFFFFF")
    + route("wlan0", "0002A8C0", "00000000", 1, 600, "00FFFFFF")
)
VPN = (
    HOME
    + route("tun0", "00000000", "0100080A", 3, 0, "00000080")
    + route("tun0", "00000080", "0100080A", 3, 0, "00000080")
    + route("tun0", "0000080A", "00000000", 1, 0, "00FFFFFF")
)
ZERO, NONE6 = "0" * 32, "00"


def route6(target: str, bits: str, gateway: str, metric: int, flags: int, device: str) -> str:
    words = (target, bits, ZERO, "00", gateway, f"{metric:08x}", "00000001", "00000000")
    return " ".join([*words, f"{flags:08x}", f"{device:>8}\n"])


ROUTER6 = "fe800000000000000000000000000001"
HOME6 = (
    route6("20010db8000000000000000000000000", "40", ZERO, 256, 1, "eth0")
    + route6(ZERO, "00", ROUTER6, 1024, 3, "eth0")
    + route6(ZERO, "00", "fe8000000000000000000000000000ff", 2048, 3, "wlan0")
    + route6(ZERO, "00", ZERO, 0xFFFFFFFF, 0x200200, "lo")
)


def address6(text: str, index: int, scope: int, flags: int, device: str) -> str:
    return f"{text} {index:02x} 40 {scope:02x} {flags:02x} {device:>8}\n"


OURS6 = (
    address6("00000000000000000000000000000001", 1, 0x10, 0x80, "lo")
    + address6("20010db800000000aaaaaaaaaaaaaaaa", 2, 0, 0x01, "eth0")
    + address6("20010db800000000bbbbbbbbbbbbbbbb", 2, 0, 0x20, "eth0")
    + address6("fd000000000000000000000000000007", 2, 0, 0x80, "eth0")
    + address6("20010db8000000000000000000000007", 2, 0, 0x80, "eth0")
    + address6("fe800000000000000000000000000007", 2, 0x20, 0x80, "eth0")
    + address6("20010db8000100000000000000000007", 10, 0, 0x80, "wlan0")
)


class Case(SynchronousTestCase):
    def file(self, text: str) -> str:
        path = self.mktemp()
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path


@skipIf(sys.byteorder != "little", "the kernel writes addresses as numbers of the machine")
class Gateway4Tests(Case):
    def test_tables(self) -> None:
        for table, interface, gateway in (
            (HOME, None, Gateway("192.168.1.1")),
            (HOME, "192.168.1.20", Gateway("192.168.1.1", "192.168.1.20")),
            (HOME, "192.168.2.20", Gateway("192.168.2.254", "192.168.2.20")),
            (HOME, "10.9.9.9", None),
            (VPN, None, Gateway("10.8.0.1")),
            (VPN, "10.8.0.6", Gateway("10.8.0.1", "10.8.0.6")),
            (VPN, "192.168.1.20", Gateway("192.168.1.1", "192.168.1.20")),
            (
                # The two halves of the Internet are more to the point, whatever they cost.
                HOME + route("tun0", "00000000", "0100080A", 3, 900, "00000080"),
                None,
                Gateway("10.8.0.1"),
            ),
            (route("eth0", "00000000", "0101A8C0", 2, 0, "00000000"), None, None),
            (route("ppp0", "00000000", "00000000", 1, 0, "00000000"), None, None),
            (route("eth0", "00000A0A", "0101A8C0", 3, 0, "0000FFFF"), None, None),
            ("", None, None),
            ("\x00 what\n\n1 2 3 4 5 6 7 8\n", None, None),
        ):
            path = self.file(HEADER + table)
            self.assertEqual(default_gateway4(interface, path), gateway)

    def test_cut_at_every_byte(self) -> None:
        for cut in range(len(HEADER + VPN)):
            default_gateway4(None, self.file((HEADER + VPN)[:cut]))

    def test_no_file(self) -> None:
        self.assertIsNone(default_gateway4(None, self.mktemp()))

    def test_a_router_of_the_internet_has_a_long_table(self) -> None:
        more = route("eth1", "00000A0A", "00000000", 1, 0, "0000FFFF") * 50_000
        self.assertGreater(len(more), LONGEST)
        self.assertEqual(
            default_gateway4(None, self.file(HEADER + HOME + more)).host, "192.168.1.1"
        )


class Gateway6Tests(Case):
    def test_tables(self) -> None:
        addresses = self.file(OURS6)
        eth0 = Gateway("fe80::1%eth0", "2001:db8::7")
        for table, interface, gateway in (
            (HOME6, None, eth0),
            (HOME6, "2001:db8::7", eth0),
            (HOME6, "2001:db8:1::7", Gateway("fe80::ff%wlan0", "2001:db8:1::7")),
            (HOME6, "2001:db8::99", None),
            (route6(ZERO, "00", ROUTER6, 1, 2, "eth0"), None, None),
            (route6(ZERO, "00", ROUTER6, 1, 0x203, "eth0"), None, None),
            (route6(ZERO, "00", ROUTER6, 1, 3, "eth9"), None, None),
            (
                route6(ZERO, "00", "20010db8000000000000000000000001", 1, 3, "eth0"),
                None,
                Gateway("2001:db8::1", "2001:db8::7"),
            ),
            ("", None, None),
        ):
            path = self.file(table)
            self.assertEqual(default_gateway6(interface, path, addresses), gateway)

    def test_cut_at_every_byte(self) -> None:
        routes, addresses = self.file(HOME6), self.file(OURS6)
        for cut in range(0, len(HOME6), 7):
            default_gateway6(None, self.file(HOME6[:cut]), addresses)
        for cut in range(0, len(OURS6), 7):
            default_gateway6(None, routes, self.file(OURS6[:cut]))


class InterfaceTests(Case):
    def test_number_of_an_interface(self) -> None:
        path = self.file(OURS6)
        for host, index in (
            ("::1", 1),
            ("2001:db8::7", 2),
            ("fe80::7%eth0", 2),
            ("2001:DB8:1::7", 10),
        ):
            self.assertEqual(interface_index(host, path), index)
        error = self.assertRaises(OSError, interface_index, "2001:db8::99", path)
        self.assertEqual(error.strerror, "No such device")
        self.assertRaises(OSError, interface_index, "::1", self.mktemp())
