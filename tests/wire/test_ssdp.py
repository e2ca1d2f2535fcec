"""The datagrams by which a UPnP router is found."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.wire import ssdp

URL = "http://192.168.1.1:5000/rootDesc.xml"
ROUTER = ssdp.TARGETS[0]


def answer(url: str = URL, target: str = ROUTER, status: str = "HTTP/1.1 200 OK") -> bytes:
    lines = (status, "CACHE-CONTROL: max-age=120", f"St:  {target} ", f"LOCATION: {url}", "", "")
    return "\r\n".join(lines).encode("latin-1")


class SsdpTests(SynchronousTestCase):
    def test_search(self) -> None:
        self.assertEqual(
            ssdp.search(ROUTER, 1),
            b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
            b'MAN: "ssdp:discover"\r\nMX: 1\r\n'
            b"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n",
        )

    def test_answers(self) -> None:
        for target in ssdp.TARGETS:
            self.assertEqual(ssdp.location(answer(target=target)), URL)
        self.assertEqual(ssdp.location(answer("http://[fe80::1]/")), "http://[fe80::1]/")

    def test_refused(self) -> None:
        for datagram in (
            answer(target="upnp:rootdevice"),
            answer(url=""),
            answer(url="http://x/" + "y" * 512),
            answer(url="http://x/\x07"),
            answer(url="http://x/\xff"),
            answer(status="HTTP/1.1 404 no"),
            answer(status="NOTIFY * HTTP/1.1"),
            answer() + bytes(2048),
        ):
            self.assertRaises(ValueError, ssdp.location, datagram)

    def test_cut_at_every_byte(self) -> None:
        for cut in range(len(answer())):
            self.assertRaises(ValueError, ssdp.location, answer()[:cut])

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.one_of(
            st.binary(max_size=200),
            st.text(max_size=50).map(
                lambda s: f"HTTP/1.1 200\r\nST:{ROUTER}\r\nLocation:{s}\r\n\r\n".encode()
            ),
        )
    )
    def test_anything(self, datagram: bytes) -> None:
        try:
            url = ssdp.location(datagram)
        except ValueError:
            return
        self.assertTrue(url.isascii() and url.isprintable())
