"""The messages of the DHT: tables both ways, cuts at every byte, whatever bytes (THREATS C3)."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.bencode import encode
from txtorrent.wire.dhtitem import Item
from txtorrent.wire.krpc import (
    MAX_DATAGRAM,
    Error,
    Query,
    Response,
    decode_message,
    encode_error,
    encode_query,
    encode_response,
)
from txtorrent.wire.krpcfields import Malformed, Want
from txtorrent.wire.krpcnodes import NodeInfo
from txtorrent.wire.krpcqueries import (
    AnnouncePeer,
    FindNode,
    Get,
    GetPeers,
    Ping,
    Put,
    SampleInfohashes,
    Unknown,
)

ME, YOU, HASH = b"abcdefghij0123456789", b"0123456789abcdefghij", b"mnopqrstuvwxyz123456"
FOUR = NodeInfo(YOU, Address("1.2.3.4", 6881))
SIX = NodeInfo(YOU, Address("2001:db8::1", 6881))
SIGNED = Item(b"5:value", b"k" * 32, b"s" * 64, 7, b"salt")

QUERIES = (
    (Ping(), b"1:q4:ping"),
    (FindNode(HASH), b"6:target20:" + HASH),
    (FindNode(HASH, Want(True, True)), b"4:wantl2:n42:n6e"),
    (FindNode(HASH, Want(False, False)), b"4:wantle"),
    (GetPeers(HASH), b"9:info_hash20:" + HASH),
    (GetPeers(HASH, Want(False, True), True, True), b"6:noseedi1e6:scrapei1e4:wantl2:n6e"),
    (AnnouncePeer(HASH, b"tok", 6881), b"4:porti6881e5:token3:toke"),
    (AnnouncePeer(HASH, b"tok", 1, True, True), b"12:implied_porti1e"),
    (AnnouncePeer(HASH, b"tok", 1, seed=True), b"4:porti1e4:seedi1e5:token3:toke"),
    (Get(HASH), b"1:q3:get"),
    (Get(HASH, seq=0), b"3:seqi0e"),
    (Put(Item(b"d1:ai1ee"), b"tok"), b"5:token3:tok1:vd1:ai1ee"),
    (Put(SIGNED, b"tok", 6), b"3:casi6e"),
    (SampleInfohashes(HASH), b"1:q17:sample_infohashes"),
)
RESPONSES = (
    (Response(b"aa", ME), b"d1:rd2:id20:abcdefghij0123456789e1:t2:aa1:v4:TX\x00\x011:y1:re"),
    (Response(b"aa", ME, nodes=(FOUR,)), b"5:nodes26:" + YOU + b"\x01\x02\x03\x04\x1a\xe1"),
    (Response(b"aa", ME, nodes=()), b"5:nodes0:"),
    (Response(b"aa", ME, nodes6=(SIX, SIX)), b"6:nodes676:"),
    (Response(b"aa", ME, values=(FOUR.address, SIX.address)), b"6:valuesl6:"),
    (Response(b"aa", ME, token=b"tok"), b"5:token3:tok"),
    (Response(b"aa", ME, item=Item(b"i5e")), b"1:vi5ee"),
    (Response(b"aa", ME, item=Item(b"i5e", b"k" * 32, b"s" * 64, 3), seq=3), b"3:seqi3e"),
    (Response(b"aa", ME, seq=4), b"3:seqi4e"),
    (Response(b"aa", ME, samples=(HASH, YOU), num=9, interval=60), b"8:intervali60e3:numi9e"),
    (Response(b"aa", ME, seeds=b"1" * 256, peers=b"2" * 256), b"4:BFpe256:222"),
    (Response(b"aa", ME, our_address=FOUR.address), b"2:ip6:\x01\x02\x03\x04\x1a\xe1"),
    (Response(b"aa", ME, our_address=SIX.address), b"2:ip18:"),
)


def query(method: bytes, fields: bytes, more: bytes = b"") -> bytes:
    return b"d1:ad2:id20:%s%se%s1:q%d:%s1:t2:aa1:y1:qe" % (ME, fields, more, len(method), method)


def response(fields: bytes) -> bytes:
    return b"d1:rd2:id20:%s%se1:t2:aa1:y1:re" % (ME, fields)


def encoded() -> list[bytes]:
    """A datagram of each kind."""
    queries = [encode_query(Query(b"aa", ME, question)) for question, _ in QUERIES]
    return [
        *queries,
        *(encode_response(answer) for answer, _ in RESPONSES),
        encode_error(Error(b"aa", 203, b"no")),
    ]


class Tables(SynchronousTestCase):
    def test_queries(self):
        for question, part in QUERIES:
            for read_only in (False, True):
                asked = Query(b"aa", ME, question, read_only)
                datagram = encode_query(asked)
                self.assertIn(part, datagram)
                self.assertEqual(b"2:roi1e" in datagram, read_only)
                self.assertEqual(decode_message(datagram), asked)

    def test_responses(self):
        for answer, part in RESPONSES:
            datagram = encode_response(answer)
            self.assertIn(part, datagram)
            self.assertEqual(decode_message(datagram), answer)

    def test_errors(self):
        error = Error(b"aa", 201, b"A Generic Error Ocurred")
        self.assertIn(b"1:eli201e23:A Generic Error Ocurrede", encode_error(error))
        self.assertEqual(decode_message(encode_error(error)), error)

    def test_those_of_the_specification(self):
        """BEP 5, "DHT Queries": the examples, which have neither version nor address."""
        for datagram, expected in (
            (b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", Query(b"aa", ME, Ping())),
            (
                b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node"
                b"1:t2:aa1:y1:qe",
                Query(b"aa", ME, FindNode(HASH)),
            ),
            (
                b"d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee"
                b"1:t2:aa1:y1:re",
                Response(
                    b"aa",
                    ME,
                    token=b"aoeusnth",
                    values=(Address("97.120.106.101", 11893), Address("105.100.104.116", 28269)),
                ),
            ),
            (
                b"d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:"
                b"mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
                Query(b"aa", ME, AnnouncePeer(HASH, b"aoeusnth", 6881, implied_port=True)),
            ),
            (
                b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
                Error(b"aa", 201, b"A Generic Error Ocurred"),
            ),
        ):
            self.assertEqual(decode_message(datagram), expected)


class Lenient(SynchronousTestCase):
    """What is in use although no specification has it, or is not needed."""

    def test_queries(self):
        target = b"6:target20:" + HASH
        for datagram, question in (
            (query(b"ping", b"", b"2:ip4:abcd"), Ping()),
            (query(b"vote", target), FindNode(HASH)),
            (query(b"vote", b"9:info_hash20:" + HASH), FindNode(HASH)),
            (query(b"vote", b""), Unknown()),
            (
                query(b"find_node", target + b"4:wantl2:n42:n9i5ee"),
                FindNode(HASH, Want(True, False)),
            ),
            (query(b"get_peers", b"9:info_hash20:" + HASH + b"6:scrapei2e"), GetPeers(HASH)),
        ):
            self.assertEqual(decode_message(datagram).question, question, datagram)

    def test_a_port_is_not_needed_when_it_is_implied(self):
        fields = b"12:implied_porti1e9:info_hash20:" + HASH + b"5:token1:t"
        asked = decode_message(query(b"announce_peer", fields)).question
        self.assertEqual(asked, AnnouncePeer(HASH, b"t", 0, True))

    def test_values_that_are_no_addresses(self):
        answer = decode_message(response(b"6:valuesl3:abci5e6:\x01\x02\x03\x04\x00\x05lee"))
        self.assertEqual(answer.values, (Address("1.2.3.4", 5),))

    def test_an_address_of_ours_in_another_form(self):
        for ip in (b"4:abcd", b"i5e", b"le", b"0:"):
            datagram = b"d2:ip%s1:rd2:id20:%se1:t2:aa1:y1:re" % (ip, ME)
            self.assertEqual(decode_message(datagram), Response(b"aa", ME))

    def test_a_value_keeps_its_bytes(self):
        """The keys are in no order: the hash is of what was sent."""
        unsorted = b"d1:bi1e1:ai2ee"
        datagram = query(b"put", b"5:token1:t1:v" + unsorted)
        self.assertEqual(decode_message(datagram).question.item.value, unsorted)

    def test_limits(self):
        answer = decode_message(response(b"8:intervali99999999e3:numi5e7:samples0:"))
        self.assertEqual((answer.interval, answer.num, answer.samples), (21600, 5, ()))
        many = b"6:values" + encode([b"\x01\x02\x03\x04\x00\x05"] * 300)
        self.assertEqual(len(decode_message(response(many)).values), 200)


MALFORMED = (
    (b"", "not bencoded"),
    (b"hello", "not bencoded"),
    (b"de", "bad t"),
    (b"le", "not a dict"),
    (b"i5e", "not a dict"),
    (b"d1:ade1:ade1:t2:aa1:y1:qe", "not bencoded"),
    (b"d1:t2:aae", "no type"),
    (b"d1:t2:aa1:y1:xe", "no type"),
    (b"d1:ti5e1:y1:qe", "bad t"),
    (b"d1:t33:" + b"a" * 33 + b"1:y1:qe", "bad t"),
    (b"d1:q4:ping1:t2:aa1:y1:qe", "no arguments"),
    (b"d1:ale1:q4:ping1:t2:aa1:y1:qe", "no arguments"),
    (b"d1:ade1:q4:ping1:t2:aa1:y1:qe", "bad id"),
    (b"d1:ad2:id19:abcdefghij012345678e1:q4:ping1:t2:aa1:y1:qe", "bad id"),
    (b"d1:ad2:id20:abcdefghij0123456789e1:t2:aa1:y1:qe", "bad q"),
    (query(b"find_node", b""), "bad target"),
    (query(b"find_node", b"6:target19:" + HASH[:19]), "bad target"),
    (query(b"find_node", b"6:target20:" + HASH + b"4:want2:n4"), "bad want"),
    (query(b"get_peers", b"6:target20:" + HASH), "bad info_hash"),
    (query(b"vote", b"6:targeti5e"), "bad target"),
    (query(b"announce_peer", b"9:info_hash20:" + HASH + b"4:porti5e"), "bad token"),
    (query(b"announce_peer", b"9:info_hash20:" + HASH + b"5:token1:t"), "bad port"),
    (query(b"announce_peer", b"9:info_hash20:" + HASH + b"4:porti65536e5:token1:t"), "bad port"),
    (query(b"announce_peer", b"9:info_hash20:" + HASH + b"4:porti-1e5:token1:t"), "bad port"),
    (query(b"get", b"3:seqi-1e6:target20:" + HASH), "bad seq"),
    (query(b"put", b"5:token1:t"), "bad v"),
    (query(b"put", b"1:v1:x"), "bad token"),
    (query(b"put", b"1:k31:%s5:token1:t1:v1:x" % (b"k" * 31)), "bad k"),
    (query(b"put", b"1:k32:%s3:seqi1e5:token1:t1:v1:x" % (b"k" * 32)), "bad sig"),
    (response(b"5:nodes25:" + b"n" * 25), "bad nodes"),
    (response(b"5:nodesle"), "bad nodes"),
    (response(b"6:nodes626:" + b"n" * 26), "bad nodes6"),
    (response(b"6:values6:abcdef"), "bad values"),
    (response(b"7:samples21:" + b"n" * 21), "bad samples"),
    (response(b"4:BFsd255:" + b"n" * 255), "bad BFsd"),
    (response(b"5:token65:" + b"n" * 65), "bad token"),
    (b"d1:rle1:t2:aa1:y1:re", "no arguments"),
    (b"d1:ele1:t2:aa1:y1:ee", "bad error"),
    (b"d1:e3:two1:t2:aa1:y1:ee", "bad error"),
    (b"d1:t2:aa1:x%d:%s1:y1:qe" % (MAX_DATAGRAM, b"x" * MAX_DATAGRAM), "too long"),
    (b"d1:a" + b"l" * 50 + b"e" * 50 + b"1:t2:aa1:y1:qe", "not bencoded"),
)


class Hostile(SynchronousTestCase):
    def test_malformed(self):
        for datagram, reason in MALFORMED:
            error = self.assertRaises(Malformed, decode_message, datagram)
            self.assertEqual(error.reason, reason, datagram)

    def test_cut_at_every_byte(self):
        for datagram in encoded():
            for cut in range(len(datagram)):
                self.assertRaises(Malformed, decode_message, datagram[:cut])
            self.assertRaises(Malformed, decode_message, datagram + b"e")

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=200))
    def test_whatever_bytes(self, datagram):
        decoded_or_malformed(datagram)

    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(encoded()), st.data())
    def test_one_byte_changed(self, datagram, data):
        at = data.draw(st.integers(0, len(datagram) - 1))
        byte = data.draw(st.binary(min_size=1, max_size=1))
        decoded_or_malformed(datagram[:at] + byte + datagram[at + 1 :])

    VALUES = st.recursive(
        st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=40) | st.just(HASH),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.binary(max_size=8), inner),
        max_leaves=10,
    )
    NAMES = st.sampled_from(
        b"id target info_hash token port implied_port seed want noseed scrape k sig seq cas salt v "
        b"nodes nodes6 values samples num interval BFsd BFpe ip".split(b" ")
    )

    @settings(max_examples=100, deadline=None)
    @given(
        st.sampled_from([b"q", b"r", b"e"]),
        st.sampled_from([question.METHOD for question, _ in QUERIES]),
        st.dictionaries(NAMES, VALUES, max_size=8),
        VALUES,
    )
    def test_fields_of_any_kind(self, kind, method, fields, whatever):
        fields.setdefault(b"id", ME)
        message = {b"t": b"aa", b"y": kind, b"q": method, b"a": fields, b"r": fields}
        decoded_or_malformed(encode(message | {b"e": whatever}))


def decoded_or_malformed(datagram: bytes) -> None:
    """Anything but `Malformed` fails the test; and what was understood can be said again."""
    try:
        message = decode_message(datagram)
    except Malformed:
        return
    if isinstance(message, Query) and not isinstance(message.question, Unknown):
        encode_query(message)
    elif isinstance(message, Response):
        encode_response(message)
