"""The datagrams of UDP trackers, byte by byte."""

from struct import pack

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.test_announce import request
from txtorrent.address import Address
from txtorrent.wire import udptracker
from txtorrent.wire.announce import AnnounceResponse, Event, ScrapeResult

FOUR = b"\x01\x02\x03\x04\x1a\xe1"
SIX = bytes.fromhex("20010db8000000000000000000000001") + b"\x1a\xe1"
ID, CONNECTION = 0xA1B2C3D4, 0xFEDCBA9876543210


def announced(peers: bytes = b"", interval: int = 1800, leechers: int = 4, seeders: int = 3):
    mask = 0xFFFFFFFF
    return pack("!IIIII", 1, ID, interval & mask, leechers & mask, seeders & mask) + peers


class QuestionTests(SynchronousTestCase):
    def test_connect(self) -> None:
        self.assertEqual(
            udptracker.connect_request(ID).hex(),
            "00000417271019800000000000000000"[:24] + "a1b2c3d4",
        )

    def test_announce(self) -> None:
        told = request(
            downloaded=1, left=2, uploaded=3, key=0xDEADBEEF, numwant=-1, event=Event.STARTED
        )
        self.assertEqual(
            udptracker.announce_request(CONNECTION, ID, told).hex(),
            "fedcba9876543210 00000001 a1b2c3d4".replace(" ", "")
            + "68" * 20
            + "70" * 20
            + "0000000000000001 0000000000000002 0000000000000003".replace(" ", "")
            + "00000002 00000000 deadbeef ffffffff 1ae1".replace(" ", ""),
        )

    def test_events(self) -> None:
        for event, number in (
            (Event.NONE, 0),
            (Event.COMPLETED, 1),
            (Event.STARTED, 2),
            (Event.STOPPED, 3),
        ):
            datagram = udptracker.announce_request(0, 0, request(event=event))
            self.assertEqual(datagram[80:84], pack("!I", number))

    def test_counts_beyond_64_bits(self) -> None:
        told = request(downloaded=2**70, left=2**64, uploaded=2**64 - 1)
        datagram = udptracker.announce_request(0, 0, told)
        self.assertEqual(datagram[56:80], b"\xff" * 24)

    URL_DATA = (
        # BEP 41
        (b"", b""),
        (b"/dir?a=b&c=d", b"\x02\x0c/dir?a=b&c=d"),
        (b"x" * 255, b"\x02\xff" + b"x" * 255),
        (b"x" * 256, b"\x02\xff" + b"x" * 255 + b"\x02\x01x"),
        (b"x" * 1021, b""),
    )

    def test_url_data(self) -> None:
        for data, options in self.URL_DATA:
            datagram = udptracker.announce_request(0, 0, request(), data)
            self.assertEqual(datagram[98:], options)

    def test_scrape(self) -> None:
        datagram = udptracker.scrape_request(CONNECTION, ID, [b"a" * 20, b"b" * 20])
        self.assertEqual(datagram, pack("!QII", CONNECTION, 2, ID) + b"a" * 20 + b"b" * 20)

    def test_scrape_of_none_or_too_many(self) -> None:
        for count in (0, 75):
            self.assertRaises(
                ValueError, udptracker.scrape_request, CONNECTION, ID, [b"a" * 20] * count
            )


class AnswerTests(SynchronousTestCase):
    def test_header(self) -> None:
        self.assertEqual(udptracker.reply_header(announced()), (1, ID))

    def test_connect(self) -> None:
        datagram = pack("!IIQ", 0, ID, CONNECTION)
        self.assertEqual(udptracker.decode_connect(datagram), CONNECTION)
        self.assertEqual(udptracker.decode_connect(datagram + b"more"), CONNECTION)

    def test_announce(self) -> None:
        for peers, ipv6, found in (
            (FOUR, False, Address("1.2.3.4", 6881)),
            (SIX, True, Address("2001:db8::1", 6881)),
        ):
            response = udptracker.decode_announce(announced(peers), request(), ipv6=ipv6)
            self.assertEqual(
                response,
                AnnounceResponse(interval=1800, peers=(found,), seeders=3, leechers=4),
            )

    def test_limits(self) -> None:
        """D4, D5."""
        many = b"".join(b"\x01\x02\x03\x04" + pack("!H", port) for port in range(1, 5000))
        for said, taken in ((0, 60), (-1, 60), (2**31, 60), (2**31 - 1, 86400), (900, 900)):
            datagram = announced(many + b"\xff" * 6, said, -1, 2**31)
            response = udptracker.decode_announce(datagram, request(), ipv6=False)
            self.assertEqual(response.interval, taken)
            self.assertEqual((response.seeders, response.leechers), (0, 0))
            self.assertEqual(len(response.peers), 3000)

    def test_port_zero_and_broadcast(self) -> None:
        poison = b"\x01\x02\x03\x04\x00\x00" + b"\xff\xff\xff\xff\x00\x01"
        response = udptracker.decode_announce(announced(poison), request(), ipv6=False)
        self.assertEqual(response.peers, ())

    def test_part_of_an_address_at_the_end(self) -> None:
        for cut in range(1, 6):
            datagram = announced(FOUR + FOUR[:cut])
            response = udptracker.decode_announce(datagram, request(), ipv6=False)
            self.assertEqual(len(response.peers), 1)

    def test_scrape(self) -> None:
        hashes = [b"a" * 20, b"b" * 20]
        datagram = pack("!II6I", 2, ID, 1, 2, 3, 4, 5, 0xFFFFFFFF) + b"more"
        self.assertEqual(
            udptracker.decode_scrape(datagram, hashes),
            {hashes[0]: ScrapeResult(1, 3, 2), hashes[1]: ScrapeResult(4, 0, 5)},
        )

    def test_error(self) -> None:
        datagram = pack("!II", 3, ID)
        for reason, text in (
            (b"no\nway\0", "the tracker refused: no\\nway"),
            (b"", "the tracker refused: no reason given"),
            (b"bad 0123456789", "the tracker refused: bad ***"),
        ):
            error = udptracker.decode_error(datagram + reason, ("0123456789",))
            self.assertEqual(str(error), text)

    def test_cut_at_every_byte(self) -> None:
        """C6."""
        hashes = [b"a" * 20]
        for whole, decode in (
            (pack("!II", 1, ID), udptracker.reply_header),
            (pack("!IIQ", 0, ID, CONNECTION), udptracker.decode_connect),
            (announced(), lambda data: udptracker.decode_announce(data, request(), ipv6=False)),
            (pack("!II3I", 2, ID, 1, 2, 3), lambda d: udptracker.decode_scrape(d, hashes)),
        ):
            decode(whole)
            for cut in range(len(whole)):
                self.assertRaises(ValueError, decode, whole[:cut])

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.binary(max_size=120), st.booleans())
    def test_anything(self, datagram: bytes, ipv6: bool) -> None:
        try:
            response = udptracker.decode_announce(datagram, request(), ipv6=ipv6)
        except ValueError:
            self.assertLess(len(datagram), 20)
        else:
            self.assertTrue(60 <= response.interval <= 86400)
