"""Announces and scrapes over HTTP, as text and bytes."""

import math
from random import Random
from urllib.parse import unquote_to_bytes

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.test_announce import request
from txtorrent.address import Address
from txtorrent.bencode import encode
from txtorrent.wire.announce import AnnounceResponse, Event, ScrapeResult, TrackerError, TrackerUrl
from txtorrent.wire.httptracker import (
    MALFORMED_PEERS,
    announce_target,
    decode_announce,
    decode_scrape,
    scrape_target,
)

FOUR = b"\x01\x02\x03\x04\x1a\xe1"
SIX = bytes.fromhex("20010db8000000000000000000000001") + b"\x1a\xe1"
A4, A6 = Address("1.2.3.4", 6881), Address("2001:db8::1", 6881)

KEYS = (
    *(b"interval", b"min interval", b"peers", b"peers6", b"complete", b"external ip"),
    *(b"tracker id", b"warning message", b"failure reason", b"retry in"),
)


def decoded(answer, **keywords) -> AnnounceResponse:
    return decode_announce(encode(answer), request(), **keywords)


class TargetTests(SynchronousTestCase):
    def test_fields(self) -> None:
        told = request(
            info_hash=bytes(range(236, 256)),
            peer_id=b"-TX0001- &=+#%?/\x00\xff~z",
            uploaded=10**15,
            downloaded=2,
            left=3,
            corrupt=4,
            key=0xBEEF,
            numwant=7,
            event=Event.COMPLETED,
            tracker_id=b"\x00&id",
            hosts=("9.8.7.6", "2001:db8::1"),
        )
        target = announce_target(TrackerUrl.parse("http://t/announce"), told)
        path, _, query = target.partition("?")
        fields = [part.split("=") for part in query.split("&")]
        self.assertEqual(path, "/announce")
        self.assertEqual(
            {name: unquote_to_bytes(value) for name, value in fields},
            {
                "info_hash": told.info_hash,
                "peer_id": told.peer_id,
                "port": b"6881",
                "uploaded": b"1000000000000000",
                "downloaded": b"2",
                "left": b"3",
                "corrupt": b"4",
                "key": b"0000BEEF",
                "numwant": b"7",
                "compact": b"1",
                "no_peer_id": b"1",
                "event": b"completed",
                "ipv4": b"9.8.7.6",
                "ipv6": b"2001:db8::1",
                "trackerid": b"\x00&id",
            },
        )

    def test_events(self) -> None:
        url = TrackerUrl.parse("http://t/announce")
        for event, text in (
            (Event.STARTED, "&event=started"),
            (Event.STOPPED, "&event=stopped"),
            (Event.COMPLETED, "&event=completed"),
            (Event.NONE, "&no_peer_id=1"),
        ):
            self.assertTrue(announce_target(url, request(event=event)).endswith(text))

    def test_own_query_comes_first_as_it_is(self) -> None:
        for url, start in (
            ("http://t/announce?passkey=a%2Fb+c&&x;y", "/announce?passkey=a%2Fb+c&&x;y&info_hash="),
            ("http://t", "/?info_hash="),
            ("http://t?k=v", "/?k=v&info_hash="),
        ):
            target = announce_target(TrackerUrl.parse(url), request())
            self.assertTrue(target.startswith(start), target)

    SCRAPES = (
        # The table of the convention that BEP 48 wrote down.
        ("http://t/announce", "/scrape"),
        ("http://t/x/announce", "/x/scrape"),
        ("http://t/announce.php", "/scrape.php"),
        ("http://t/a", None),
        ("http://t/announce?x2%0644", "/scrape?x2%0644"),
        ("http://t/announce?x=2/4", "/scrape?x=2/4"),
        ("http://t/x%064announce", None),
        ("http://t/announce/key", None),
        ("http://t", None),
    )

    def test_scrape(self) -> None:
        hashes = [b"\x00" * 20, b"~" * 20]
        for url, start in self.SCRAPES:
            parsed = TrackerUrl.parse(url)
            if start is None:
                self.assertRaises(TrackerError, scrape_target, parsed, hashes)
                continue
            asked = f"info_hash={'%00' * 20}&info_hash={'~' * 20}"
            sign = "&" if "?" in start else "?"
            self.assertEqual(scrape_target(parsed, hashes), start + sign + asked)


class AnnounceTests(SynchronousTestCase):
    def test_everything(self) -> None:
        response = decoded(
            {
                b"interval": 900,
                b"min interval": 120,
                b"complete": 5,
                b"incomplete": 6,
                b"peers": FOUR,
                b"peers6": SIX,
                b"tracker id": b"id",
                b"warning message": b"slow\ndown",
                b"external ip": b"\x09\x08\x07\x06",
            }
        )
        self.assertEqual(
            response,
            AnnounceResponse(
                interval=900,
                min_interval=120,
                peers=(A4, A6),
                seeders=5,
                leechers=6,
                warning="slow\\ndown",
                tracker_id=b"id",
                external_ip="9.8.7.6",
            ),
        )

    def test_nothing(self) -> None:
        self.assertEqual(decoded({}), AnnounceResponse())

    PEERS = (
        ({b"peers": b""}, ()),
        ({b"peers6": SIX}, (A6,)),
        ({b"peers": []}, ()),
        ({b"peers": [{b"ip": b"1.2.3.4", b"port": 6881}]}, (A4,)),
        ({b"peers": [{b"ip": b"2001:DB8::1", b"port": 6881, b"peer id": b"x" * 20}]}, (A6,)),
        ({b"peers": [{b"ip": b"::ffff:1.2.3.4", b"port": 6881}]}, (A4,)),
        ({b"peers": [{b"ip": b"name.example", b"port": 6881}]}, ()),
        ({b"peers": [{b"ip": b"\xff", b"port": 6881}]}, ()),
        ({b"peers": [{b"ip": b"1.2.3.4", b"port": 65536}]}, ()),
        ({b"peers": [{b"ip": b"1.2.3.4", b"port": -1}]}, ()),
        ({b"peers": [{b"ip": b"1.2.3.4", b"port": 6881, b"peer id": b"p" * 20}]}, ()),
        ({b"peers": FOUR + b"\x09\x09\x09\x09\x1a\xe1", b"external ip": b"\x09" * 4}, (A4,)),
        ({b"peers": FOUR + b"\xff\xff\xff\xff\x00\x01" + b"\x05\x05\x05\x05\x00\x00"}, (A4,)),
    )

    def test_peers(self) -> None:
        for answer, peers in self.PEERS:
            response = decoded(answer)
            self.assertEqual((response.peers, response.warning), (peers, None), answer)

    MALFORMED = (
        {b"peers": FOUR[:5]},
        {b"peers": FOUR + b"\x01"},
        {b"peers": FOUR, b"peers6": SIX[:17]},
        {b"peers": FOUR, b"peers6": SIX + b"\x01"},
        {b"peers": 5},
        {b"peers": {}},
        {b"peers": FOUR, b"peers6": []},
        {b"peers": [b"1.2.3.4:6881"]},
        {b"peers": [{b"ip": 1, b"port": 6881}]},
        {b"peers": [{b"ip": b"1.2.3.4", b"port": b"6881"}]},
    )

    def test_malformed_lists_are_rejected(self) -> None:
        """D4."""
        for answer in self.MALFORMED:
            response = decoded(answer | {b"interval": 900})
            self.assertEqual((response.peers, response.interval), ((), 900), answer)
            self.assertEqual(response.warning, MALFORMED_PEERS)

    def test_at_most_3000(self) -> None:
        """D5."""
        packed = b"".join(b"\x01\x02\x03\x04" + port.to_bytes(2, "big") for port in range(1, 9000))
        self.assertEqual(len(decoded({b"peers": packed}).peers), 3000)

    INTERVALS = (
        # interval, min interval -> both
        (900, None, (900, None)),
        (0, None, (60, None)),
        (-1, -1, (60, 60)),
        (2**31, None, (86400, None)),
        (900, 1800, (1800, 1800)),
        (900, 2**40, (86400, 86400)),
        (b"900", b"60", (1800, None)),
    )

    def test_intervals(self) -> None:
        for interval, least, taken in self.INTERVALS:
            answer = {b"interval": interval}
            if least is not None:
                answer[b"min interval"] = least
            response = decoded(answer)
            self.assertEqual((response.interval, response.min_interval), taken)

    ODDITIES = (
        ({b"complete": -1, b"incomplete": b"x"}, AnnounceResponse()),
        ({b"complete": 2**40}, AnnounceResponse(seeders=2**31 - 1)),
        ({b"tracker id": b""}, AnnounceResponse()),
        ({b"tracker id": b"x" * 513}, AnnounceResponse()),
        ({b"external ip": b"123"}, AnnounceResponse()),
        ({b"external ip": b"\x00" * 10 + b"\xff\xff\x01\x02\x03\x04"}, AnnounceResponse()),
        ({b"warning message": 5}, AnnounceResponse()),
    )

    def test_oddities(self) -> None:
        for answer, expected in self.ODDITIES:
            found = decoded(answer)
            if len(answer.get(b"external ip", b"")) == 16:
                self.assertEqual(found.external_ip, "1.2.3.4")
            else:
                self.assertEqual(found, expected)

    def test_bytes_behind_the_answer(self) -> None:
        self.assertEqual(decode_announce(b"d8:intervali900ee\r\n", request()).interval, 900)


class FailureTests(SynchronousTestCase):
    RETRIES = (
        # BEP 31
        (b"5", 300.0),
        (5, 300.0),
        (b"never", math.inf),
        (10**9, 86400.0),
        (b"0", None),
        (0, None),
        (-5, None),
        (b"soon", None),
        (b"9" * 5000, None),
        ("\u0665".encode(), None),
        ([], None),
    )

    def test_reason(self) -> None:
        error = self.assertRaises(TrackerError, decoded, {b"failure reason": b"go\x1baway"})
        self.assertEqual(str(error), "the tracker refused: go\\x1baway")
        self.assertIsNone(error.retry_in)

    def test_long_reason(self) -> None:
        """D4."""
        error = self.assertRaises(TrackerError, decoded, {b"failure reason": b"x" * 100_000})
        self.assertEqual(len(str(error)), 200)

    def test_no_reason(self) -> None:
        for reason in (b"", 5, []):
            error = self.assertRaises(TrackerError, decoded, {b"failure reason": reason})
            self.assertIn("no reason", str(error))

    def test_retry_in(self) -> None:
        for said, taken in self.RETRIES:
            answer = {b"failure reason": b"busy", b"retry in": said}
            error = self.assertRaises(TrackerError, decoded, answer)
            self.assertEqual(error.retry_in, taken, said)

    def test_reason_has_no_secrets(self) -> None:
        answer = {b"failure reason": b"unknown passkey 0123456789"}
        error = self.assertRaises(TrackerError, decoded, answer, secrets=("0123456789",))
        self.assertEqual(str(error), "the tracker refused: unknown passkey ***")

    UNUSABLE = (
        (b"", 200, "empty"),
        (b"<html>", 200, "web page (HTML)"),
        (b" \n<!DOCTYPE html><html>", 200, "web page (HTML)"),
        (b"hello", 200, "not bencoded"),
        (b"le", 200, "not bencoded"),
        (b"i5e", 200, "not bencoded"),
        (b"d8:intervali900e", 200, "not bencoded"),
        (b"d" + b"1:al" * 50, 200, "not bencoded"),
        (b"l" * 100_000, 200, "not bencoded"),
        (b"d1:al" + b"i1e" * 20_000 + b"ee", 200, "not bencoded"),
        (b"d8:intervali900ee", 404, "HTTP status 404"),
        (b"<html>", 503, "HTTP status 503"),
        (b"d14:failure reason2:noe", 403, "refused: no"),
    )

    def test_unusable(self) -> None:
        for body, status, text in self.UNUSABLE:
            error = self.assertRaises(TrackerError, decode_announce, body, request(), status=status)
            self.assertIn(text, str(error))

    def test_cut_at_every_byte(self) -> None:
        whole = encode({b"interval": 900, b"peers": FOUR, b"peers6": SIX})
        for cut in range(len(whole)):
            self.assertRaises(TrackerError, decode_announce, whole[:cut], request())

    def test_mutations(self) -> None:
        """D4: whatever a tracker sends, it is an answer inside the limits or a TrackerError."""
        random = Random(4)
        whole = encode(
            {b"interval": 900, b"min interval": 9, b"peers": [{b"ip": b"1.2.3.4", b"port": 6881}]}
        )
        for _ in range(3000):
            body = bytearray(whole)
            for _ in range(random.randint(1, 4)):
                body[random.randrange(len(body))] = random.choice(b"idel:0123456789-x\x00\xff")
            try:
                response = decode_announce(bytes(body), request())
            except TrackerError:
                continue
            self.assertTrue(60 <= response.interval <= 86400)
            self.assertTrue(all(peer.port for peer in response.peers))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.dictionaries(
            st.sampled_from(KEYS),
            st.recursive(
                st.one_of(st.binary(max_size=40), st.integers(-(2**63), 2**63 - 1)),
                lambda inner: st.one_of(
                    st.lists(inner, max_size=3),
                    st.dictionaries(st.sampled_from([b"ip", b"port"]), inner, max_size=2),
                ),
                max_leaves=6,
            ),
        )
    )
    def test_any_types(self, answer) -> None:
        try:
            response = decoded(answer)
        except TrackerError as error:
            self.assertIn(b"failure reason", answer)
            self.assertLessEqual(len(str(error)), 200)
        else:
            self.assertTrue(60 <= response.interval <= 86400)


class ScrapeTests(SynchronousTestCase):
    HASHES = (b"a" * 20, b"b" * 20)

    def scraped(self, answer, **keywords):
        return decode_scrape(encode(answer), self.HASHES, **keywords)

    def test_files(self) -> None:
        entry = {b"complete": 1, b"incomplete": 2, b"downloaded": 3}
        files = {b"a" * 20: entry, b"c" * 20: entry}
        self.assertEqual(self.scraped({b"files": files}), {b"a" * 20: ScrapeResult(1, 2, 3)})

    def test_odd_entries(self) -> None:
        files = {b"a" * 20: {b"complete": -1, b"incomplete": b""}, b"b" * 20: 5}
        self.assertEqual(self.scraped({b"files": files}), {b"a" * 20: ScrapeResult(0, 0, 0)})

    def test_failures(self) -> None:
        for answer, text in (
            ({b"failure reason": b"no"}, "refused: no"),
            ({}, "no files"),
            ({b"files": []}, "no files"),
        ):
            error = self.assertRaises(TrackerError, self.scraped, answer)
            self.assertIn(text, str(error))
        self.assertRaises(TrackerError, self.scraped, {b"files": {}}, status=500)
