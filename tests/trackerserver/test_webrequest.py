"""HTTP as trackers are asked, byte by byte."""

from gzip import decompress
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.trackerserver.webrequest import (
    END,
    MIN_GZIP,
    MOST_EMPTY,
    BadRequest,
    WebRequest,
    WebResponse,
    cut_head,
    read_request,
    write_response,
)

HEAD = (
    b"GET /announce?info_hash=%00&x=1?2 HTTP/1.1\r\n"
    b"Host: tracker:6969\r\n"
    b"User-Agent:  a client \r\n"
    b"X-Forwarded-For: 1.2.3.4\r\n"
    b"x-forwarded-for: 5.6.7.8"
)


def request(**changes) -> WebRequest:
    return WebRequest(b"/", b"", {}, keeps=True, is_head=False)._replace(**changes)


class RequestTests(SynchronousTestCase):
    def test_request(self) -> None:
        self.assertEqual(
            read_request(HEAD),
            WebRequest(
                b"/announce",
                b"info_hash=%00&x=1?2",
                {
                    b"host": b"tracker:6969",
                    b"user-agent": b"a client",
                    b"x-forwarded-for": b"1.2.3.4, 5.6.7.8",
                },
                keeps=True,
                is_head=False,
            ),
        )

    KEPT = (
        (b"HTTP/1.1", b"", True),
        (b"HTTP/1.1", b"\r\nConnection: close", False),
        (b"HTTP/1.1", b"\r\nconnection: TE, Close", False),
        (b"HTTP/1.1", b"\r\nConnection: keep-alive", True),
        (b"HTTP/1.0", b"", False),
        (b"HTTP/1.0", b"\r\nConnection: Keep-Alive", True),
        (b"HTTP/1.0", b"\r\nConnection: close", False),
    )

    def test_connections_that_are_kept(self) -> None:
        for version, headers, keeps in self.KEPT:
            self.assertIs(read_request(b"GET / " + version + headers).keeps, keeps, headers)

    WHOLE = (
        (b"http://tracker:6969/announce?x=/y", b"/announce", b"x=/y"),
        (b"HTTPS://[::1]/a/b/?x", b"/a/b/", b"x"),
        (b"http://tracker", b"/", b""),
        (b"http://tracker/", b"/", b""),
        (b"http://tracker?x=http://y/z", b"/", b"x=http://y/z"),
        (b"/http://tracker/announce", b"/http://tracker/announce", b""),
    )

    def test_target_that_is_a_whole_url(self) -> None:
        for target, path, query in self.WHOLE:
            request = read_request(b"GET %b HTTP/1.1" % target)
            self.assertEqual((request.path, request.query), (path, query), target)

    def test_head(self) -> None:
        self.assertTrue(read_request(b"HEAD / HTTP/1.1").is_head)
        self.assertFalse(read_request(b"GET / HTTP/1.1").is_head)

    def test_empty_body_is_none(self) -> None:
        read_request(b"GET / HTTP/1.1\r\nContent-Length: 0")

    REFUSED = (
        (b"", 400),
        (b"GET /", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b"GET announce HTTP/1.1", 400),
        (b"GET http:///announce HTTP/1.1", 400),
        (b"GET http://?x HTTP/1.1", 400),
        (b"GET http:/announce HTTP/1.1", 400),
        (b"GET udp://tracker/announce HTTP/1.1", 400),
        (b"GET * HTTP/1.1", 400),
        (b"GET / HTTP/1.1\nHost: x", 400),
        (b"GET / HTTP/1.1\nHost:x", 505),
        (b"GET / HTTP/2.0", 505),
        (b"GET / http/1.1", 505),
        (b"POST / HTTP/1.1", 405),
        (b"get / HTTP/1.1", 405),
        (b"GET / HTTP/1.1\r\nnonsense", 400),
        (b"GET / HTTP/1.1\r\n: value", 400),
        (b"GET / HTTP/1.1\r\nName : value", 400),
        (b"GET / HTTP/1.1\r\nName: value\r\n folded", 400),
        (b"GET / HTTP/1.1\r\nName: value\r\n folded: too", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 5", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding:", 400),
    )

    def test_refused(self) -> None:
        for head, status in self.REFUSED:
            error = self.assertRaises(BadRequest, read_request, head)
            self.assertEqual(error.status, status, head)
            write_response(WebResponse(str(error).encode(), error.status), None)

    def test_cut_at_every_byte(self) -> None:
        """What is cut is refused, or a request of its own: never an error of ours."""
        for cut in range(len(HEAD)):
            try:
                read_request(HEAD[:cut])
            except BadRequest as error:
                self.assertIn(error.status, (400, 405, 505))

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(
        st.one_of(
            st.binary(max_size=100),
            st.lists(
                st.sampled_from(
                    (
                        *(b"GET", b"HEAD", b" ", b"/", b"?", b"HTTP/1.1", b"HTTP/1.0"),
                        *(b"http:", b"https://", b"host"),
                        *(b"\r\n", b"\n", b":", b"Connection", b"Content-Length", b"0", b"close"),
                        *(b"\x00", b"\xff"),
                    )
                )
            ).map(b"".join),
        )
    )
    def test_anything(self, head: bytes) -> None:
        try:
            write_response(WebResponse(b"x"), read_request(head))
        except BadRequest as error:
            write_response(WebResponse(b"", error.status), None)


class HeadTests(SynchronousTestCase):
    CUT = (
        (b"", (b"", b"", b"")),
        (b"GET", (b"GET", b"", b"")),
        (b"GET\r\n\r\nmore", (b"GET", END, b"more")),
        (b"\r\nGET\r\n\r\nmore", (b"GET", END, b"more")),
        (b"\r\n\r\nGET\r\n\r\n\r\nGET", (b"GET", END, b"\r\nGET")),
        (b"\r\n\r\n", (b"", b"", b"")),
        (b"\r\n\r", (b"\r", b"", b"")),
        (b"\r\n" * MOST_EMPTY + b"GET\r\n\r\n", (b"GET", END, b"")),
        (b"\r\n" * (MOST_EMPTY + 2) + b"GET", (b"", END, b"GET")),
    )

    def test_cut(self) -> None:
        for received, parts in self.CUT:
            self.assertEqual(cut_head(received), parts, received)


class ResponseTests(SynchronousTestCase):
    def test_response(self) -> None:
        self.assertEqual(
            write_response(WebResponse(b"d1:ae"), request()),
            b"HTTP/1.1 200 OK\r\n"
            b"Content-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: 5\r\n"
            b"Connection: keep-alive\r\n\r\n"
            b"d1:ae",
        )

    def test_status_and_type(self) -> None:
        sent = write_response(WebResponse(b"", 404, b"text/html"), request(keeps=False))
        self.assertEqual(
            sent,
            b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n"
            b"Content-Length: 0\r\nConnection: close\r\n\r\n",
        )

    def test_what_is_allowed(self) -> None:
        sent = write_response(WebResponse(b"no", 405), request())
        self.assertIn(b"\r\nAllow: GET\r\n", sent)

    def test_request_that_could_not_be_read(self) -> None:
        self.assertIn(b"Connection: close\r\n", write_response(WebResponse(b"", 400), None))

    GZIP = (
        (b"gzip", True),
        (b"deflate, GZIP", True),
        (b"gzip;q=0.5,deflate", True),
        (b"deflate;q=0,gzip;q=1", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0", False),
        (b"gzip;q=0.0", False),
        (b"gzip ;\tQ=0.000", False),
        (b"gzip;q=0.", False),
        (b"gzip;q=0.001", True),
        (b"gzip;q=0.0, gzip", True),
        (b"deflate", False),
        (b"xgzip", False),
        (b"", False),
    )

    def test_gzip(self) -> None:
        body = b"the same again. " * 100
        for accepted, is_packed in self.GZIP:
            asked = request(headers={b"accept-encoding": accepted})
            head, _, sent = write_response(WebResponse(body), asked).partition(b"\r\n\r\n")
            self.assertIs(b"\r\nContent-Encoding: gzip" in head, is_packed, accepted)
            self.assertEqual(decompress(sent) if is_packed else sent, body)
            self.assertIn(b"\r\nContent-Length: %d\r\n" % len(sent), head)

    def test_gzip_only_where_it_saves(self) -> None:
        asked = request(headers={b"accept-encoding": b"gzip"})
        for body in (b"a" * (MIN_GZIP - 1), Random(1).randbytes(MIN_GZIP)):
            sent = write_response(WebResponse(body), asked)
            self.assertTrue(sent.endswith(b"\r\n\r\n" + body))
        self.assertIn(b"gzip", write_response(WebResponse(b"a" * MIN_GZIP), asked))

    def test_head_has_the_length_and_no_body(self) -> None:
        for headers in ({}, {b"accept-encoding": b"gzip"}):
            asked = request(headers=headers)
            whole = write_response(WebResponse(b"x" * 5000), asked)
            head = write_response(WebResponse(b"x" * 5000), asked._replace(is_head=True))
            self.assertEqual(head, whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
