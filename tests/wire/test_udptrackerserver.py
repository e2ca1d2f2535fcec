"""The datagrams of UDP trackers as the tracker sees them, against what clients send and read."""

from struct import pack

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.test_announce import request
from txtorrent.address import Address
from txtorrent.address import pack as compact
from txtorrent.wire import udptracker as client
from txtorrent.wire import udptrackerserver as server
from txtorrent.wire.announce import AnnounceRequest, AnnounceResponse, Event, ScrapeResult
from txtorrent.wire.received import MalformedRequest, ReceivedAnnounce, Selection

HOST4, HOST6 = bytes((9, 8, 7, 6)), bytes.fromhex("20010db8000000000000000000000009")
CONNECTION, ID = 0xFEDCBA9876543210, 0xA1B2C3D4
TRANSACTION = ID.to_bytes(4, "big")
PEERS4 = [Address(f"1.2.3.{last}", 6000 + last) for last in range(1, 251)]
PEERS6 = [Address(f"2001:db8::{last:x}", 6000 + last) for last in range(1, 251)]
ANNOUNCE = client.announce_request(CONNECTION, ID, request(left=5))


def changed(datagram: bytes, at: int, new: bytes) -> bytes:
    return datagram[:at] + new + datagram[at + len(new) :]


class ConnectTests(SynchronousTestCase):
    def test_connect(self) -> None:
        asked = client.connect_request(ID)
        self.assertTrue(server.is_connect(asked))
        self.assertTrue(server.is_connect(asked + b"more"))
        answer = server.connect_answer(asked[server.TRANSACTION], CONNECTION.to_bytes(8, "big"))
        self.assertEqual(client.reply_header(answer), (client.Action.CONNECT, ID))
        self.assertEqual(client.decode_connect(answer), CONNECTION)

    def test_answer_is_no_longer_than_the_question(self) -> None:
        """C1."""
        answer = server.connect_answer(TRANSACTION, bytes(8))
        self.assertEqual(len(answer), len(client.connect_request(ID)))

    def test_no_connect(self) -> None:
        asked = client.connect_request(ID)
        for cut in range(len(asked)):
            self.assertFalse(server.is_connect(asked[:cut]))
        for at in range(12):
            self.assertFalse(server.is_connect(changed(asked, at, b"\x55")))


class AnnounceRequestTests(SynchronousTestCase):
    def test_fields(self) -> None:
        told = request(
            uploaded=2**64 - 1,
            downloaded=10**12,
            left=7,
            key=0xDEADBEEF,
            numwant=30,
            port=65535,
            event=Event.STARTED,
        )
        datagram = client.announce_request(CONNECTION, ID, told)
        self.assertEqual(datagram[server.CONNECTION], CONNECTION.to_bytes(8, "big"))
        self.assertEqual(datagram[server.ACTION], server.ANNOUNCE)
        self.assertEqual(datagram[server.TRANSACTION], TRANSACTION)
        for host in (HOST4, HOST6):
            self.assertEqual(
                server.read_announce(datagram, host),
                ReceivedAnnounce(
                    b"h" * 20,
                    b"p" * 20,
                    host,
                    65535,
                    2**64 - 1,
                    10**12,
                    7,
                    Event.STARTED,
                    bytes.fromhex("deadbeef"),
                    30,
                ),
            )

    def test_events(self) -> None:
        for event in Event:
            datagram = client.announce_request(0, 0, request(event=event))
            self.assertIs(server.read_announce(datagram, HOST4).event, event)
        paused = changed(ANNOUNCE, 80, pack("!I", 4))
        self.assertIs(server.read_announce(paused, HOST4).event, Event.NONE)

    def test_numwant(self) -> None:
        """Never more than there is room for: the rest would always be the same ones."""
        for host, said, read in (
            (HOST4, -1, None),
            (HOST4, -(2**31), None),
            (HOST4, 0, 0),
            (HOST4, 80, 80),
            (HOST4, 200, 200),
            (HOST4, 2**31 - 1, 200),
            (HOST6, -1, None),
            (HOST6, 75, 75),
            (HOST6, 200, 75),
        ):
            datagram = client.announce_request(0, 0, request(numwant=said))
            self.assertEqual(server.read_announce(datagram, host).numwant, read)

    def test_no_key(self) -> None:
        datagram = client.announce_request(0, 0, request(key=0))
        self.assertEqual(server.read_announce(datagram, HOST4).key, b"")

    def test_keys_of_aria2_are_none(self) -> None:
        """They change from one announce to the next."""
        datagram = client.announce_request(0, 0, request(key=7, peer_id=b"A2-1-36-0-" + b"x" * 10))
        self.assertEqual(server.read_announce(datagram, HOST4).key, b"")
        datagram = client.announce_request(0, 0, request(key=7, peer_id=b"-TX0001-" + b"A2-" * 4))
        self.assertEqual(server.read_announce(datagram, HOST4).key, b"\0\0\0\x07")

    def test_address_in_it_is_passed_over(self) -> None:
        self.assertEqual(
            server.read_announce(changed(ANNOUNCE, 84, b"\x01" * 4), HOST4).host, HOST4
        )

    MALFORMED = (
        (changed(ANNOUNCE, 96, b"\0\0"), "port is 0"),
        (changed(ANNOUNCE, 80, pack("!I", 5)), "event is 5"),
        (changed(ANNOUNCE, 80, b"\xff" * 4), "event is 4294967295"),
    )

    def test_malformed(self) -> None:
        for datagram, text in self.MALFORMED:
            error = self.assertRaises(MalformedRequest, server.read_announce, datagram, HOST4)
            self.assertIn(text, str(error))

    def test_cut_at_every_byte(self) -> None:
        server.read_announce(ANNOUNCE, HOST4)
        for cut in range(len(ANNOUNCE)):
            error = self.assertRaises(MalformedRequest, server.read_announce, ANNOUNCE[:cut], HOST4)
            self.assertIn("98 bytes", str(error))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.binary(max_size=200), st.binary(min_size=2, max_size=2), st.booleans())
    def test_anything(self, data: bytes, port: bytes, is_long: bool) -> None:
        datagram = data.ljust(98, b"\1") if is_long else data
        datagram = changed(datagram, 96, port) if is_long else datagram
        try:
            read = server.read_announce(datagram, HOST6)
        except MalformedRequest:
            return
        self.assertTrue(0 < read.port < 65536)
        self.assertTrue(read.numwant is None or 0 <= read.numwant <= 75)
        self.assertIn(len(read.key), (0, 4))


class UrlDataTests(SynchronousTestCase):
    """BEP 41."""

    def test_what_clients_send(self) -> None:
        for target in (b"", b"/announce", b"/" + b"k" * 254, b"/?" + b"x" * 1018):
            datagram = client.announce_request(CONNECTION, ID, request(), target)
            self.assertEqual(server.url_data(datagram), target)

    OPTIONS = (
        (b"", b""),
        (b"\x02\x01a\x02\x02bc", b"abc"),
        (b"\x01\x01\x02\x01a\x01\x02\x01b", b"ab"),  # with nothing in between, twice
        (b"\x02\x01a\x00\x02\x01b", b"a"),  # what follows the end
        (b"\x07\x03???\x02\x01a", b"a"),  # an option that nobody knows
        (b"\x02\x00\x02\x01a", b"a"),
        (b"\x02\x01a\x02", b"a"),
        (b"\x02\x01a\x02\x05bcd", b"a"),
        (b"\x02", b""),
        (b"\xff", b""),
    )

    def test_options(self) -> None:
        for options, found in self.OPTIONS:
            self.assertEqual(server.url_data(ANNOUNCE + options), found, options)

    def test_cut_at_every_byte(self) -> None:
        target = b"/key/announce" * 30
        datagram = client.announce_request(CONNECTION, ID, request(), target)
        for cut in range(len(datagram)):
            self.assertTrue(target.startswith(server.url_data(datagram[:cut])))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.binary(max_size=60))
    def test_anything(self, options: bytes) -> None:
        self.assertLessEqual(len(server.url_data(ANNOUNCE + options)), len(options))


class AnnounceAnswerTests(SynchronousTestCase):
    def answer(self, selection: Selection, is_ipv6: bool) -> AnnounceResponse:
        datagram = server.announce_answer(TRANSACTION, 1800, selection, is_ipv6)
        self.assertEqual(client.reply_header(datagram), (client.Action.ANNOUNCE, ID))
        self.assertLessEqual(len(datagram), 1372)
        return client.decode_announce(datagram, request(), ipv6=is_ipv6)

    def test_peers_of_the_family_it_came_by(self) -> None:
        chosen = Selection(3, 4, 5, compact(PEERS4[0]), compact(PEERS6[0]))
        for is_ipv6, peer in ((False, PEERS4[0]), (True, PEERS6[0])):
            self.assertEqual(
                self.answer(chosen, is_ipv6),
                AnnounceResponse(interval=1800, peers=(peer,), seeders=3, leechers=4),
            )

    def test_as_many_as_there_is_room_for(self) -> None:
        chosen = Selection(0, 0, 0, b"".join(map(compact, PEERS4)), b"".join(map(compact, PEERS6)))
        self.assertEqual(self.answer(chosen, False).peers, tuple(PEERS4[:200]))
        self.assertEqual(self.answer(chosen, True).peers, tuple(PEERS6[:75]))

    def test_nobody(self) -> None:
        self.assertEqual(self.answer(Selection(1, 0, 0), False).peers, ())


class ScrapeTests(SynchronousTestCase):
    HASHES = [bytes((number,)) * 20 for number in range(80)]

    def test_request(self) -> None:
        for count in (1, 2, 74):
            datagram = client.scrape_request(CONNECTION, ID, self.HASHES[:count])
            self.assertEqual(datagram[server.ACTION], server.SCRAPE)
            self.assertEqual(server.read_scrape(datagram), self.HASHES[:count])

    def test_none_or_too_many(self) -> None:
        head = client.scrape_request(CONNECTION, ID, self.HASHES[:1])[:16]
        for count in (0, 75, 80):
            datagram = head + b"".join(self.HASHES[:count])
            error = self.assertRaises(MalformedRequest, server.read_scrape, datagram)
            self.assertIn("1 to 74 info-hashes", str(error))

    def test_cut_at_every_byte(self) -> None:
        """BEP 15: fields may come to be added at the end."""
        datagram = client.scrape_request(CONNECTION, ID, self.HASHES[:3])
        for cut in range(len(datagram)):
            whole = max(0, cut - 16) // 20
            if whole:
                self.assertEqual(server.read_scrape(datagram[:cut]), self.HASHES[:whole])
            else:
                self.assertRaises(MalformedRequest, server.read_scrape, datagram[:cut])

    def test_answer(self) -> None:
        """Zeros for those that are not known: there is no other way to say so."""
        known = ScrapeResult(seeders=1, leechers=2, completed=3)
        datagram = server.scrape_answer(TRANSACTION, [known, None, known])
        self.assertEqual(client.reply_header(datagram), (client.Action.SCRAPE, ID))
        self.assertEqual(
            client.decode_scrape(datagram, self.HASHES[:3]),
            dict(zip(self.HASHES, (known, ScrapeResult(0, 0, 0), known), strict=False)),
        )

    def test_counts_beyond_31_bits(self) -> None:
        datagram = server.scrape_answer(TRANSACTION, [ScrapeResult(2**40, 2**31, 2**32)])
        most = 2**31 - 1
        self.assertEqual(
            client.decode_scrape(datagram, self.HASHES[:1]),
            {self.HASHES[0]: ScrapeResult(most, most, most)},
        )

    @settings(derandomize=True, deadline=None)
    @given(st.binary(max_size=200))
    def test_anything(self, datagram: bytes) -> None:
        try:
            found = server.read_scrape(datagram)
        except MalformedRequest:
            self.assertLess(len(datagram), 36)
        else:
            self.assertEqual({len(each) for each in found}, {20})


class ErrorTests(SynchronousTestCase):
    def test_error(self) -> None:
        datagram = server.error_answer(TRANSACTION, "no such passkey")
        self.assertEqual(client.reply_header(datagram), (client.Action.ERROR, ID))
        self.assertEqual(str(client.decode_error(datagram)), "the tracker refused: no such passkey")


COUNTS = st.integers(0, 2**64 - 1)
REQUESTS = st.builds(
    AnnounceRequest,
    info_hash=st.binary(min_size=20, max_size=20),
    peer_id=st.binary(min_size=20, max_size=20).filter(lambda peer: not peer.startswith(b"A2-")),
    port=st.integers(1, 65535),
    uploaded=COUNTS,
    downloaded=COUNTS,
    left=COUNTS,
    corrupt=COUNTS,
    event=st.sampled_from(Event),
    key=st.integers(0, 2**32 - 1),
    numwant=st.integers(-1, 200),
)


class BothWaysTests(SynchronousTestCase):
    @settings(derandomize=True, deadline=None)
    @given(REQUESTS, st.binary(max_size=1020))
    def test_what_is_said_is_understood(self, told: AnnounceRequest, target: bytes) -> None:
        datagram = client.announce_request(CONNECTION, ID, told, target)
        self.assertEqual(
            server.read_announce(datagram, HOST4),
            ReceivedAnnounce(
                told.info_hash,
                told.peer_id,
                HOST4,
                told.port,
                told.uploaded,
                told.downloaded,
                told.left,
                told.event,
                told.key.to_bytes(4, "big") if told.key else b"",
                told.numwant if told.numwant >= 0 else None,
            ),
        )
        self.assertEqual(server.url_data(datagram), target)
