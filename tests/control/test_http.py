"""HTTP: the order of the checks, the limits of requests, and answers that go out bit by bit."""

import os
from base64 import b64encode
from itertools import product

from twisted.internet.defer import Deferred

from tests.control.case import SESSION_ID, Connection, ControlCase, request
from txtorrent.control import http
from txtorrent.control.access import FIRST_DELAY, Credentials
from txtorrent.control.channel import BODY_TIME, HEAD_TIME, IDLE_TIME
from txtorrent.control.outlet import PATIENCE
from txtorrent.control.requests import MAX_BODY
from txtorrent.control.server import MAX_CONNECTIONS, ControlOptions

RPC = "/transmission/rpc"
GET_IDS = {"method": "torrent-get", "arguments": {"fields": ["id"]}}


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


class Checks(ControlCase):
    """Without a password."""

    def status(self, *args, unix=False, **headers):
        connection = self.connect(unix=unix)
        answer = connection.ask(*args, **headers)
        connection.close()
        return answer.status

    def test_matrix(self):
        """(right host, path, right session id, verb): the first check that fails says so."""
        statuses = {}
        for host, path, session_id, verb in product(
            (True, False), (RPC, "/x"), (True, False), ("POST", "GET", "PUT", "HEAD", "OPTIONS")
        ):
            expected = (
                421 if not host
                else 404 if path != RPC
                else 409 if not session_id
                else 405 if verb != "POST"
                else 200
            )  # fmt: skip
            found = self.status(
                verb,
                path,
                {"method": "session-stats"},
                Host="localhost" if host else "evil.example",
                X_Transmission_Session_Id=SESSION_ID if session_id else "wrong",
            )
            self.assertEqual(found, expected, (host, path, session_id, verb))
            statuses[found] = True
        self.assertEqual(sorted(statuses), [200, 404, 405, 409, 421])

    def test_paths(self):
        for path, expected in [
            (RPC, 200),
            (RPC + "/", 200),
            (RPC + "?x=1", 200),
            (RPC + "//", 404),
            (RPC + "/x", 404),
            ("/", 404),
            ("/transmission", 404),
            ("/transmission/web/", 404),
            ("/transmission/../transmission/rpc", 404),
            ("/TRANSMISSION/RPC", 404),
        ]:
            self.assertEqual(self.status("POST", path, GET_IDS), expected, path)

    def test_the_session_id_is_had_by_asking(self):
        for verb in ("GET", "POST", "HEAD"):
            answer = self.connect().ask(verb, X_Transmission_Session_Id="")
            self.assertEqual(answer.status, 409)
            self.assertEqual(answer.headers["x-transmission-session-id"], SESSION_ID)
            self.assertEqual(answer.headers["x-transmission-rpc-version"], "6.0.1")
            self.assertNotIn("access-control-allow-origin", answer.headers)

    def test_a_host_is_needed_once(self):
        self.assertEqual(self.status("POST", RPC, GET_IDS, Host=""), 421)
        raw = request(body=GET_IDS).replace(b"Host:", b"Host: localhost\r\nHost:", 1)
        connection = self.connect()
        connection.send(raw)
        connection.turn()
        self.assertEqual(connection.answer().status, 421)

    def test_a_unix_socket_has_no_host(self):
        for host in ("", "evil.example", "%2Frun%2Fx.sock"):
            self.assertEqual(self.status("POST", RPC, GET_IDS, Host=host, unix=True), 200)
        wrong = self.status("POST", RPC, GET_IDS, unix=True, X_Transmission_Session_Id="")
        self.assertEqual(wrong, 409)

    def test_other_users_do_not_come_by_it(self):
        for uid, expected in ((0, False), (os.geteuid(), False), (12345, True)):
            connection = self.connect(unix=True, uid=uid)
            self.assertEqual(connection.is_aborted, expected, uid)
            connection.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_page_from_elsewhere_gets_an_answer(self):
        """A form or a script can send a POST, but neither the header nor read the answer."""
        answer = self.connect().ask(
            body=GET_IDS,
            Origin="http://evil.example",
            X_Transmission_Session_Id="",
            Content_Type="text/plain",
        )
        self.assertEqual(answer.status, 409)
        preflight = self.connect().ask(
            "OPTIONS", Origin="http://evil.example", X_Transmission_Session_Id=""
        )
        self.assertEqual(preflight.status, 409)
        for each in (answer, preflight):
            self.assertFalse([name for name in each.headers if name.startswith("access-control")])

    def test_browsers_are_told_to_show_nothing(self):
        for answer in (self.connect().ask(body=GET_IDS), self.connect().ask("GET", "/x")):
            self.assertIn("default-src 'none'", answer.headers["content-security-policy"])
            self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
            self.assertEqual(answer.headers["cache-control"], "no-store")

    def test_other_sites_have_no_events(self):
        self.assertEqual(self.status("GET", "/events", Sec_Fetch_Site="cross-site"), 403)
        self.assertEqual(self.status("POST", "/events"), 405)
        self.assertEqual(self.status("GET", "/events", Host="evil.example"), 421)


class Passwords(ControlCase):
    options = ControlOptions(credentials=Credentials("me", "secret"), hosts=("Seedbox.lan",))

    def ask(self, text, host="192.0.2.1", **headers):
        connection = self.connect(host=host)
        authorization = text and basic(text)
        return connection.ask(body=GET_IDS, Authorization=authorization, **headers)

    def test_right(self):
        self.assertEqual(self.ask("me:secret").status, 200)
        self.assertEqual(self.ask("me:secret", Host="seedbox.lan:9091").status, 200)

    def test_wrong_comes_before_all_else(self):
        for number, text in enumerate(("me:wrong", "you:secret", "", "me:secret:")):
            answer = self.ask(
                text, f"192.0.2.{number}", Host="evil.example", X_Transmission_Session_Id=""
            )
            self.assertEqual(answer.status, 401)
            self.assertEqual(answer.headers["www-authenticate"], 'Basic realm="txtorrent"')
            self.assertNotIn("x-transmission-session-id", answer.headers)

    def test_then_the_host(self):
        self.assertEqual(self.ask("me:secret", Host="evil.example").status, 421)

    def test_not_on_a_unix_socket(self):
        self.assertEqual(self.connect(unix=True).ask(body=GET_IDS).status, 200)

    def test_a_second_guess_waits(self):
        self.assertEqual(self.ask("me:wrong").status, 401)
        for text, expected in (("me:wrong", 401), ("me:secret", 200)):
            connection = self.connect(host="192.0.2.1")
            connection.send(request(body=GET_IDS, Authorization=basic(text)))
            connection.turn()
            self.assertEqual(connection.transport.value(), b"", text)
            self.clock.advance(FIRST_DELAY * 2)
            connection.turn()
            self.assertEqual(connection.answer().status, expected)

    def test_nobody_else_waits(self):
        self.ask("me:wrong")
        self.assertEqual(self.ask("me:secret", "192.0.2.2").status, 200)

    def test_none_at_all_is_no_guess(self):
        for _ in range(5):
            self.assertEqual(self.ask("").status, 401)
        self.assertEqual(self.ask("me:secret").status, 200)

    def test_who_hangs_up_while_waiting(self):
        self.ask("me:wrong")
        connection = self.connect(host="192.0.2.1")
        connection.send(request(body=GET_IDS, Authorization=basic("me:secret")))
        self.assertGreater(self.control.desk.body_bytes, 0)
        connection.close()
        self.assertFalse([c for c in self.clock.getDelayedCalls() if c.getTime() < IDLE_TIME])
        self.assertEqual(self.control.desk.body_bytes, 0)
        self.assertEqual(connection.transport.value(), b"")

    def test_many_at_once_are_turned_away(self):
        for _ in range(5):
            self.ask("me:wrong", "192.0.2.1")
            self.clock.advance(20)
        connections = [self.connect(host="192.0.2.1") for _ in range(10)]
        for connection in connections:
            connection.send(request(body=GET_IDS, Authorization=basic("me:wrong")))
        connection.turn()
        self.assertEqual(connections[-1].answer().status, 429)
        self.assertEqual(connections[0].transport.value()[:0], b"")

    def test_nothing_of_strangers_is_kept(self):
        connection = self.connect(host="192.0.2.1")
        head = request(body=b"", Authorization=basic("me:wrong"))
        connection.send(head.replace(b"Content-Length: 0", b"Content-Length: 1000000"))
        connection.send(b"x" * 500_000)
        self.assertEqual(self.control.desk.body_bytes, 0)


class Times(ControlCase):
    def open_with(self, data):
        connection = self.connect()
        connection.send(data)
        return connection

    def test_nothing_is_sent(self):
        connection = self.connect()
        self.clock.advance(HEAD_TIME - 0.1)
        self.assertFalse(connection.is_aborted)
        self.clock.advance(0.1)
        self.assertTrue(connection.is_aborted)

    def test_a_head_that_drips(self):
        connection = self.open_with(b"POST /transmission/rpc HTTP/1.1\r\n")
        for _ in range(int(HEAD_TIME)):
            connection.send(b"X-Slow: 1\r\n")
            self.clock.advance(1)
        self.assertTrue(connection.is_aborted)

    def test_a_body_that_drips(self):
        connection = self.open_with(request(body=b"x" * 100)[:-100])
        for _ in range(int(BODY_TIME)):
            self.assertFalse(connection.is_aborted)
            connection.send(b"x")
            self.clock.advance(1)
        self.assertTrue(connection.is_aborted)

    def test_an_answer_may_take_long(self):
        self.session.update_blocklist = Deferred
        connection = self.open_with(request(body={"method": "blocklist-update"}))
        self.clock.advance(600)
        self.assertFalse(connection.is_aborted)
        connection.close()

    def test_the_next_request_has_its_own_time(self):
        connection = self.connect()
        for _ in range(3):
            self.assertEqual(connection.ask(body=GET_IDS).status, 200)
            self.clock.advance(IDLE_TIME - 1)
            self.assertFalse(connection.is_aborted)
        connection.send(b"P")
        self.clock.advance(HEAD_TIME)
        self.assertTrue(connection.is_aborted)

    def test_idle_connections_end(self):
        connection = self.connect()
        connection.ask(body=GET_IDS)
        self.clock.advance(IDLE_TIME + 1)
        self.assertTrue(connection.transport.disconnecting)

    def test_no_timer_is_left(self):
        connection = self.connect()
        connection.ask(body=GET_IDS)
        connection.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Sizes(ControlCase):
    def test_a_body_that_is_announced_too_large(self):
        connection = self.connect()
        raw = request().replace(b"Content-Length: 0", b"Content-Length: %d" % (MAX_BODY + 1))
        connection.send(raw)
        self.assertEqual(connection.answer().status, 413)
        self.assertTrue(connection.transport.disconnecting)

    def test_a_body_that_becomes_too_large(self):
        connection = self.connect()
        raw = request().replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        connection.send(raw)
        self.patch(http, "MAX_BODY", 1000)
        for _ in range(12):
            connection.send(b"64\r\n" + b"x" * 100 + b"\r\n")
        self.assertEqual(connection.answer().status, 413)
        self.assertEqual(connection.transport.value(), b"")
        self.assertLessEqual(self.control.desk.body_bytes, 1000)

    def test_bodies_together(self):
        self.patch(http, "MAX_BODIES", 1000)
        first, second = self.connect(), self.connect()
        for connection in (first, second):
            connection.send(request(body=b"x" * 2000)[:-2000] + b"x" * 600)
        self.assertEqual(first.transport.value(), b"")
        self.assertEqual(second.answer().status, 503)
        first.close()
        second.close()
        self.assertEqual(self.control.desk.body_bytes, 0)

    def test_nothing_is_kept_without_the_session_id(self):
        connection = self.connect()
        head = request(body=b"x" * 1000, X_Transmission_Session_Id="")[:-1000]
        connection.send(head + b"x" * 900)
        self.assertEqual(self.control.desk.body_bytes, 0)
        connection.send(b"x" * 100)
        connection.turn()
        self.assertEqual(connection.answer().status, 409)

    def test_what_was_kept_is_given_back(self):
        connection = self.connect()
        for body in (GET_IDS, b"{", {"jsonrpc": "2.0", "method": "x"}):
            connection.ask(body=body)
        self.assertEqual(self.control.desk.body_bytes, 0)

    def test_heads(self):
        connection = self.connect()
        connection.send(b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n")
        self.assertTrue(connection.transport.disconnecting)

    def test_smuggling(self):
        """A body whose end is in doubt ends the connection."""
        for extra in (
            b"Content-Length: 5\r\nContent-Length: 6\r\n",
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            b"Transfer-Encoding: xchunked\r\n",
            b"Content-Length: +5\r\n",
            b"Content-Length: 5, 5\r\n",
        ):
            connection = self.connect()
            connection.send(request().replace(b"Content-Length: 0\r\n", extra) + b"{}{}{}")
            self.assertEqual(connection.answer().status, 400, extra)
            self.assertTrue(connection.transport.disconnecting)

    def test_a_head_that_is_none(self):
        """Its end is no error of ours."""
        connection = self.connect()
        connection.send(b"POST /transmission/rpc HTTP/1.1\r\nnonsense\r\n\r\n")
        self.assertEqual(connection.answer().status, 400)
        connection.close()
        self.assertEqual(self.control.desk.body_bytes, 0)

    def test_connections(self):
        connections = [self.connect() for _ in range(MAX_CONNECTIONS)]
        self.assertIsNone(Connection(self.control, self.clock).channel)
        connections[0].close()
        self.assertIsNotNone(Connection(self.control, self.clock).channel)

    def test_pipelined(self):
        connection = self.connect()
        connection.send(request(body=GET_IDS) * 3)
        connection.turn(10)
        self.assertEqual([connection.answer().status for _ in range(3)], [200, 200, 200])

    def test_a_form_is_no_form(self):
        """Clients send JSON and call it what their library calls it."""
        answer = self.connect().ask(body=GET_IDS, Content_Type="application/x-www-form-urlencoded")
        self.assertEqual(answer.status, 200)


class Long(ControlCase):
    """An answer of more than one chunk."""

    def setUp(self):
        super().setUp()
        for number in range(500):
            self.session.make(f"torrent {number} " + "x" * 400)
        self.body = {"method": "torrent-get", "arguments": {"fields": ["id", "name"]}}

    def test_comes_in_chunks(self):
        connection = self.connect()
        connection.send(request(body=self.body))
        self.assertLess(len(connection.transport.value()), 3 * http.CHUNK)
        connection.turn(20)
        answer = connection.answer()
        self.assertTrue(answer.is_chunked)
        self.assertEqual(len(answer.json["arguments"]["torrents"]), 503)

    def test_waits_for_its_reader(self):
        connection = self.connect()
        connection.send(request(body=self.body))
        connection.channel.pauseProducing()
        connection.turn(20)
        written = len(connection.transport.value())
        self.assertLess(written, 3 * http.CHUNK)
        connection.channel.resumeProducing()
        connection.turn(20)
        self.assertGreater(len(connection.transport.value()), 3 * http.CHUNK)
        self.assertEqual(len(connection.answer().json["arguments"]["torrents"]), 503)
        self.assertEqual(connection.ask(body=GET_IDS).status, 200)

    def test_but_not_for_ever(self):
        connection = self.connect()
        connection.send(request(body=self.body))
        connection.channel.pauseProducing()
        self.clock.advance(PATIENCE)
        self.assertTrue(connection.is_aborted)

    def test_nobody_there(self):
        connection = self.connect()
        connection.send(request(body=self.body))
        connection.close()
        connection.turn(20)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_defect_in_the_middle_breaks_it_off(self):
        torrents = list(self.session.torrents.values())
        torrents[-1].name = float("nan")
        connection = self.connect()
        connection.send(request(body=self.body))
        connection.turn(20)
        self.assertTrue(connection.is_aborted)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_others_have_their_turn(self):
        """A piece is made, time passes, and the rest waits for another turn."""
        turns = []
        seconds = self.clock.seconds
        self.clock.seconds = lambda: (turns.append(1), seconds() + 0.01 * len(turns))[1]
        connection = self.connect()
        connection.send(request(body={"method": "torrent-get", "arguments": {"fields": ["id"]}}))
        self.assertEqual(connection.transport.value(), b"")
        connection.turn(100)
        self.assertEqual(len(connection.answer().json["arguments"]["torrents"]), 503)
