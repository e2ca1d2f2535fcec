"""Bodies taken apart: tables of good ones, bad ones, and ones beyond the limits."""

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.control import requests
from txtorrent.control.dialect import LEGACY, MODERN
from txtorrent.control.requests import BadRequest, Request, parse
from txtorrent.errors import Code, RequestError

GOOD = [
    (
        b'{"jsonrpc":"2.0","method":"session_get","id":7}',
        Request(MODERN, "session_get", {}, 7),
    ),
    (
        b'{"jsonrpc":"2.0","method":"x","params":{"hashString":1},"id":"a"}',
        Request(MODERN, "x", {"hashString": 1}, "a"),
    ),
    (b'{"jsonrpc":"2.0","method":"x","id":null}', Request(MODERN, "x", {}, None)),
    (b'{"jsonrpc":"2.0","method":"x"}', Request(MODERN, "x", {}, None, True)),
    (
        b'{"method":"torrent-get","arguments":{"delete-local-data":true,"seedIdleMode":1},"tag":5}',
        Request(LEGACY, "torrent_get", {"delete_local_data": True, "seed_idle_mode": 1}, 5),
    ),
    (b'{"method":"session-stats"}', Request(LEGACY, "session_stats", {})),
    (
        b'{"method":"session-stats","arguments":null,"tag":"x"}',
        Request(LEGACY, "session_stats", {}),
    ),
    (b'{"method":"session-stats","arguments":[]}', Request(LEGACY, "session_stats", {})),
    (
        b'{"method":"x","arguments":{"peer-port":null,"ids":null}}',
        Request(LEGACY, "x", {"ids": None}),
    ),
    (b"{}", Request(LEGACY, "", {})),
]
BAD = [
    (b'{"jsonrpc":"2.0","id":3}', Code.INVALID_REQUEST, 3),
    (b'{"jsonrpc":"2.0","method":5,"id":3}', Code.INVALID_REQUEST, 3),
    (b'{"jsonrpc":"1.0","method":"x","id":3}', Code.INVALID_REQUEST, 3),
    (b'{"jsonrpc":"2.0","method":"x","id":[]}', Code.INVALID_REQUEST, None),
    (b'{"jsonrpc":"2.0","method":"x","id":true}', Code.INVALID_REQUEST, None),
    (b'{"jsonrpc":"2.0","method":"x","params":[1],"id":3}', Code.INVALID_PARAMS, 3),
    (b"5", Code.INVALID_REQUEST, None),
    (b'"x"', Code.INVALID_REQUEST, None),
    (b"null", Code.INVALID_REQUEST, None),
]
REFUSED = [
    (b"", Code.PARSE_ERROR),
    (b"{", Code.PARSE_ERROR),
    (b"\xff", Code.PARSE_ERROR),
    (b'{"a":NaN}', Code.PARSE_ERROR),
    (b'{"a":-Infinity}', Code.PARSE_ERROR),
    (b'{"a":1e999}', Code.PARSE_ERROR),
    (b'{"a":' + b"9" * 5000 + b"}", Code.PARSE_ERROR),
    (b'{"a":"\\ud800"}', Code.PARSE_ERROR),
    (b"[]", Code.INVALID_REQUEST),
    (b"[" * 33 + b"1" + b"]" * 33, Code.INVALID_REQUEST),
    (b"[" * 100_000, Code.PARSE_ERROR),
    (b"[" * 100_000 + b"]" * 100_000, Code.PARSE_ERROR),
    (b"[" + b"{}," * 100 + b"{}]", Code.INVALID_REQUEST),
    (b"[" + b"1," * (requests.MAX_VALUES + 1) + b"1]", Code.INVALID_REQUEST),
    (b" " * (requests.MAX_BODY + 1), Code.INVALID_REQUEST),
]


class Parse(SynchronousTestCase):
    def test_good(self):
        for body, expected in GOOD:
            self.assertEqual(parse(body).requests, [expected], body)

    def test_bad(self):
        for body, code, request_id in BAD:
            (found,) = parse(body).requests
            self.assertIsInstance(found, BadRequest, body)
            self.assertEqual((found.error.code, found.id), (code, request_id), body)

    def test_refused(self):
        for body, code in REFUSED:
            with self.assertRaises(RequestError) as caught:
                parse(body)
            self.assertEqual(caught.exception.code, code, body[:50])

    def test_a_batch(self):
        body = parse(b'[{"jsonrpc":"2.0","method":"a","id":1},5]')
        self.assertTrue(body.is_batch)
        self.assertEqual(body.requests[0], Request(MODERN, "a", {}, 1))
        self.assertIsInstance(body.requests[1], BadRequest)

    def test_as_deep_as_allowed(self):
        value = requests.load(b"[" * 32 + b"1" + b"]" * 32)
        self.assertIsInstance(value, list)

    def test_whole_surrogate_pairs_are_text(self):
        self.assertEqual(requests.load(b'"\\ud83d\\ude00"'), "\U0001f600")

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=200))
    def test_any_bytes(self, body):
        with contextlib.suppress(RequestError):
            parse(body)

    @settings(max_examples=150, deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["jsonrpc", "method", "params", "id", "tag", "arguments"]),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=20,
        )
    )
    def test_any_json(self, value):
        with contextlib.suppress(RequestError):
            parse(json.dumps(value).encode())
