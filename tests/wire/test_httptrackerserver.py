"""Announce and scrape as the tracker sees them, against what clients send and read."""

from urllib.parse import quote

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.test_announce import request
from tests.wire.test_udptrackerserver import REQUESTS
from txtorrent.address import Address, pack
from txtorrent.bencode import decode, encode
from txtorrent.wire import httptracker as client
from txtorrent.wire import httptrackerserver as server
from txtorrent.wire.announce import (
    AnnounceRequest,
    AnnounceResponse,
    Event,
    ScrapeResult,
    TrackerError,
    TrackerUrl,
)
from txtorrent.wire.received import MalformedRequest, ReceivedAnnounce, Selection

URL = TrackerUrl.parse("http://tracker/announce")
HOST4, HOST6 = bytes((9, 8, 7, 6)), bytes.fromhex("20010db8000000000000000000000009")
A4, B4 = Address("1.2.3.4", 6881), Address("5.6.7.8", 1)
A6, B6 = Address("2001:db8::1", 65535), Address("2001:db8::2", 80)
IDS = [bytes([letter]) * 20 for letter in b"abcd"]
CHOSEN = Selection(
    3, 4, 5, pack(A4) + pack(B4), pack(A6) + pack(B6), IDS[0] + IDS[1], IDS[2] + IDS[3]
)
GIVEN = {"info_hash": "h" * 20, "peer_id": "p" * 20, "port": "6881"}


def query(**changes: str | None) -> bytes:
    """The least that an announce has, with these changes; None: without it."""
    fields = {name: value for name, value in (GIVEN | changes).items() if value is not None}
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode()


def query_of(url: TrackerUrl, told: AnnounceRequest) -> bytes:
    return client.announce_target(url, told).partition("?")[2].encode()


def read(**changes: str | None) -> ReceivedAnnounce:
    return server.read_announce(query(**changes), HOST4).announce


class AnnounceRequestTests(SynchronousTestCase):
    def test_fields(self) -> None:
        told = request(
            info_hash=bytes(range(236, 256)),
            peer_id=b"-TX0001- &=+#%?/\x00\xff~z",
            uploaded=10**15,
            downloaded=2,
            left=3,
            key=0xBEEF,
            numwant=7,
            event=Event.COMPLETED,
            hosts=("9.8.7.6", "2001:db8::1"),
        )
        asked = server.read_announce(query_of(URL, told), HOST6)
        self.assertEqual(
            asked.announce,
            ReceivedAnnounce(
                told.info_hash,
                told.peer_id,
                HOST6,
                6881,
                10**15,
                2,
                3,
                Event.COMPLETED,
                bytes.fromhex("0000beef"),
                7,
            ),
        )
        self.assertEqual((asked.is_compact, asked.with_ids), (True, False))
        self.assertEqual(dict(asked.claimed), {"ipv4": "9.8.7.6", "ipv6": "2001:db8::1"})

    def test_least(self) -> None:
        """Who does not say how much is left is no seed."""
        asked = server.read_announce(query(), HOST4)
        self.assertEqual(
            asked.announce,
            ReceivedAnnounce(b"h" * 20, b"p" * 20, HOST4, 6881, 0, 0, 1, Event.NONE, b"", None),
        )
        self.assertEqual((asked.is_compact, dict(asked.claimed)), (True, {}))

    def test_a_query_of_the_url(self) -> None:
        url = TrackerUrl.parse("http://tracker/announce?key=&x&&y=1")
        self.assertEqual(
            server.read_announce(query_of(url, request(left=9)), HOST4).announce.left, 9
        )

    FIELDS = (
        ("left", "0", 0),
        ("left", "", 1),
        ("left", "18446744073709551615", 2**63 - 1),
        ("left", "99999999999999999999", 2**63 - 1),
        ("uploaded", "", 0),
        ("uploaded", "007", 7),
        ("downloaded", "-0", 0),
        ("numwant", "", None),
        ("numwant", "-1", None),
        ("numwant", "0", 0),
        ("numwant", "1000", 1000),
        ("port", "1", 1),
        ("port", "65535", 65535),
        ("event", "", Event.NONE),
        ("event", "none", Event.NONE),
        ("event", "started", Event.STARTED),
        ("event", "stopped", Event.STOPPED),
        ("event", "completed", Event.COMPLETED),
        ("event", "paused", Event.NONE),  # BEP 21
        ("info_hash", "%00+%2B" + "z" * 17, b"\0++" + b"z" * 17),
        ("info_hash", "%e2%E2" + "z" * 18, b"\xe2\xe2" + b"z" * 18),
        ("peer_id", "100%25" + "z" * 16, b"100%" + b"z" * 16),
        ("peer_id", "%zz" + "z" * 17, b"%zz" + b"z" * 17),
    )

    def test_values(self) -> None:
        for name, value, found in self.FIELDS:
            self.assertEqual(getattr(read(**{name: value}), name), found, (name, value))

    def test_bytes_that_nobody_escaped(self) -> None:
        raw = bytes(number for number in range(128, 148))
        asked = query().replace(b"h" * 20, raw)
        self.assertEqual(server.read_announce(asked, HOST4).announce.info_hash, raw)

    FORMS = (
        ({}, True, False),
        ({"compact": "1"}, True, False),
        ({"compact": "1", "no_peer_id": "0"}, True, False),
        ({"compact": "0"}, False, True),
        ({"compact": "0", "no_peer_id": "1"}, False, False),
        ({"compact": "0", "no_peer_id": "0"}, False, True),
    )

    def test_forms_of_the_answer(self) -> None:
        for changes, is_compact, with_ids in self.FORMS:
            asked = server.read_announce(query(**changes), HOST4)
            self.assertEqual((asked.is_compact, asked.with_ids), (is_compact, with_ids), changes)

    def test_key(self) -> None:
        """UDP clients send a number: the same key over both makes them the same peer."""
        for text, key in (
            ("DEADBEEF", "deadbeef"),
            ("deadbeef", "deadbeef"),
            ("0000BEEF", "0000beef"),
            ("beef", "0000beef"),
            ("00000000", ""),
            ("", ""),
        ):
            self.assertEqual(read(key=text).key.hex(), key, text)
        others = {read(key=text).key for text in ("123456789", "a-b", "zzz", "0_1", "%2B1", "%FF")}
        self.assertEqual({len(key) for key in others}, {4})
        self.assertEqual(len(others), 6)

    def test_tracker_id_stands_for_a_key(self) -> None:
        """As the client was given it by an answer."""
        key = bytes.fromhex("0badcafe")
        answer = server.Answer(1800, 300, CHOSEN, HOST4, key.hex().encode())
        told = client.decode_announce(server.announce_answer(answer, True, False), request())
        assert told.tracker_id is not None
        self.assertEqual(read(trackerid=told.tracker_id.decode()).key, key)
        self.assertEqual(read(trackerid="0badcafe", key="1").key.hex(), "00000001")
        self.assertEqual(read(trackerid="0badcafe", key="00000000").key.hex(), "0badcafe")

    MALFORMED = (
        ("info_hash", None, "info_hash is missing"),
        ("info_hash", "", "info_hash has 0 bytes, not 20"),
        ("info_hash", "h" * 19, "info_hash has 19 bytes, not 20"),
        ("info_hash", "h" * 40, "info_hash has 40 bytes, not 20"),
        ("peer_id", None, "peer_id is missing"),
        ("peer_id", "p" * 21, "peer_id has 21 bytes, not 20"),
        ("port", None, "port is missing"),
        ("port", "", "port is no number: ''"),
        ("port", "0", "port is 0: there are 1 to 65535"),
        ("port", "-1", "port is -1: there are 1 to 65535"),
        ("port", "65536", "port is 65536: there are 1 to 65535"),
        ("port", "1e3", "port is no number: '1e3'"),
        ("port", "%31_0", "port is no number: '1_0'"),
        ("port", "+1", "port is no number: '+1'"),
        ("port", "9" * 21, "port is no number: '" + "9" * 21 + "'"),
        ("left", "-1", "left is below 0: -1"),
        ("left", "--1", "left is no number: '--1'"),
        ("left", "%B2", "left is no number: '\\xb2'"),
        ("uploaded", "many", "uploaded is no number: 'many'"),
        ("downloaded", "x" * 1000, "downloaded is no number: '" + "x" * 40 + "'"),
        ("numwant", "all", "numwant is no number: 'all'"),
        (
            *("event", "begun"),
            "event is none of started, stopped, completed: 'begun'",
        ),
        ("event", "%0D%0A%E2", "event is none of started, stopped, completed: '\\r\\n\\xe2'"),
    )

    def test_malformed(self) -> None:
        for name, value, text in self.MALFORMED:
            error = self.assertRaises(
                MalformedRequest, server.read_announce, query(**{name: value}), HOST4
            )
            self.assertEqual(str(error), text)

    def test_too_many(self) -> None:
        self.assertEqual(len(server.parameters(b"a=1&" * 199 + b"a=1")), 200)
        asked = query() + b"&x=" * 198
        error = self.assertRaises(MalformedRequest, server.read_announce, asked, HOST4)
        self.assertIn("more than 200 parameters", str(error))

    def test_cut_at_every_byte(self) -> None:
        """Understood, or refused in the name of what is missing or cut."""
        asked = query_of(URL, request(key=0xBEEF, event=Event.COMPLETED, numwant=50))
        known = [part.partition(b"=")[0].decode() for part in asked.split(b"&")]
        for cut in range(len(asked)):
            try:
                server.read_announce(asked[:cut], HOST4)
            except MalformedRequest as error:
                self.assertIn(str(error).split()[0], known)

    WORDS = (
        *(b"&", b"=", b"%", b"%0", b"%00", b"-", b"0", b"9" * 30, b"\xff", b"\0", b" ", b"+"),
        *(name.encode() + b"=" for name in (*GIVEN, "event", "left", "key", "numwant", "ip")),
        *(b"h" * 20, b"x", b"started"),
    )

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.lists(st.sampled_from(WORDS) | st.binary(max_size=4)).map(b"".join), st.booleans())
    def test_anything(self, asked: bytes, is_behind: bool) -> None:
        asked = query() + b"&" + asked if is_behind else asked
        for understood in (lambda: server.read_announce(asked, HOST4), self.scrape(asked)):
            try:
                understood()
            except MalformedRequest as error:
                server.failure(str(error), None)

    def scrape(self, asked: bytes):
        return lambda: server.read_scrape(asked)

    @settings(derandomize=True, deadline=None)
    @given(REQUESTS)
    def test_what_is_said_is_understood(self, told: AnnounceRequest) -> None:
        most = server.MAX_COUNT
        asked = query_of(URL, told)
        self.assertEqual(
            server.read_announce(asked, HOST4).announce,
            ReceivedAnnounce(
                told.info_hash,
                told.peer_id,
                HOST4,
                told.port,
                min(told.uploaded, most),
                min(told.downloaded, most),
                min(told.left, most),
                told.event,
                told.key.to_bytes(4, "big") if told.key else b"",
                told.numwant if told.numwant >= 0 else None,
            ),
        )


class AnnounceAnswerTests(SynchronousTestCase):
    def answer(
        self, is_compact: bool = True, with_ids: bool = False, **changes
    ) -> tuple[dict, AnnounceResponse]:
        """The answer's dictionary, and what a client reads in it."""
        told = {
            "interval": 1800,
            "min_interval": 300,
            "selection": CHOSEN,
            "asked_from": HOST4,
        }
        body = server.announce_answer(server.Answer(**(told | changes)), is_compact, with_ids)
        self.assertEqual(encode(decode(body)), body)
        return decode(body), client.decode_announce(body, request())

    def test_compact(self) -> None:
        answer, response = self.answer()
        self.assertEqual(
            answer,
            {
                b"complete": 3,
                b"incomplete": 4,
                b"downloaded": 5,
                b"external ip": HOST4,
                b"interval": 1800,
                b"min interval": 300,
                b"peers": CHOSEN.peers4,
                b"peers6": CHOSEN.peers6,
            },
        )
        self.assertEqual(
            response,
            AnnounceResponse(
                interval=1800,
                min_interval=300,
                peers=(A4, B4, A6, B6),
                seeders=3,
                leechers=4,
                external_ip="9.8.7.6",
            ),
        )

    def test_everything_else(self) -> None:
        _, response = self.answer(asked_from=HOST6, tracker_id=b"0badcafe")
        self.assertEqual(response.external_ip, "2001:db8::9")
        self.assertEqual(response.tracker_id, b"0badcafe")

    def test_nobody(self) -> None:
        """Old clients miss the list when it is not there; the other one they do not know."""
        answer, response = self.answer(selection=Selection(0, 0, 0))
        self.assertEqual((answer[b"peers"], b"peers6" in answer), (b"", False))
        self.assertEqual(response.peers, ())
        answer, _ = self.answer(is_compact=False, selection=Selection(0, 0, 0))
        self.assertEqual(answer[b"peers"], [])

    def test_list(self) -> None:
        answer, response = self.answer(is_compact=False, with_ids=True)
        self.assertEqual(
            answer[b"peers"],
            [
                {b"ip": peer.host.encode(), b"port": peer.port, b"peer id": peer_id}
                for peer, peer_id in zip((A4, B4, A6, B6), IDS, strict=True)
            ],
        )
        self.assertNotIn(b"peers6", answer)
        self.assertEqual(response.peers, (A4, B4, A6, B6))

    def test_list_without_ids(self) -> None:
        """Also those of the peers that have none."""
        nameless = evolve(CHOSEN, ids4=bytes(20) + IDS[1], ids6=b"")
        for with_ids, selection, found in (
            (False, CHOSEN, [None] * 4),
            (True, nameless, [None, IDS[1], None, None]),
        ):
            answer, _ = self.answer(False, with_ids, selection=selection)
            self.assertEqual([peer.get(b"peer id") for peer in answer[b"peers"]], found)

    @settings(derandomize=True, deadline=None, max_examples=50)
    @given(
        st.lists(st.binary(min_size=6, max_size=6)),
        st.lists(st.binary(min_size=18, max_size=18)),
        st.integers(0, 2**40),
        st.booleans(),
        st.binary(max_size=10),
    )
    def test_anything_is_canonical(
        self, four: list[bytes], six: list[bytes], count: int, is_compact: bool, tracker_id: bytes
    ) -> None:
        chosen = Selection(count, count, count, b"".join(four), b"".join(six))
        self.answer(is_compact, selection=chosen, tracker_id=tracker_id)


class ScrapeTests(SynchronousTestCase):
    HASHES = (b"\0" * 20, b"&=%+ /?#~z" * 2, b"\xff" * 20)

    def test_request(self) -> None:
        target = client.scrape_target(URL, self.HASHES)
        self.assertEqual(server.read_scrape(target.partition("?")[2].encode()), list(self.HASHES))

    def test_as_many_as_may_be(self) -> None:
        hashes = [bytes((number,)) * 20 for number in range(200)]
        target = client.scrape_target(URL, hashes)
        self.assertEqual(server.read_scrape(target.partition("?")[2].encode()), hashes)

    def test_malformed(self) -> None:
        good = "info_hash=" + quote(bytes(20))
        for asked, text in (
            ("", "info_hash is missing: name the torrents to scrape"),
            ("x=1", "info_hash is missing: name the torrents to scrape"),
            (good + "&info_hash=", "info_hash has 0 bytes, not 20"),
            (good + "1", "info_hash has 21 bytes, not 20"),
            ("&".join([good] * 201), "there are more than 200 parameters"),
        ):
            error = self.assertRaises(MalformedRequest, server.read_scrape, asked.encode())
            self.assertEqual(str(error), text)

    def test_answer(self) -> None:
        """What is not known is left out."""
        results = {
            self.HASHES[2]: ScrapeResult(1, 2, 3),
            self.HASHES[0]: ScrapeResult(0, 0, 0),
        }
        body = server.scrape_answer(results, 300)
        self.assertEqual(encode(decode(body)), body)
        self.assertEqual(client.decode_scrape(body, self.HASHES), results)
        self.assertEqual(decode(body)[b"flags"], {b"min_request_interval": 300})

    def test_answer_of_none(self) -> None:
        self.assertEqual(client.decode_scrape(server.scrape_answer({}, 300), self.HASHES), {})


class FailureTests(SynchronousTestCase):
    """BEP 31: in minutes."""

    def refusal(self, text: str, retry_in: float | None) -> TrackerError:
        body = server.failure(text, retry_in)
        self.assertEqual(encode(decode(body)), body)
        return self.assertRaises(TrackerError, client.decode_announce, body, request())

    def test_failure(self) -> None:
        for said, heard in (
            (None, None),
            (0, float("inf")),
            (1, 60.0),
            (60, 60.0),
            (600, 600.0),
            (1800.0, 1800.0),
        ):
            error = self.refusal("this torrent is not tracked here", said)
            self.assertEqual(str(error), "the tracker refused: this torrent is not tracked here")
            self.assertEqual(error.retry_in, heard)
