"""Connections of HTTP on a simulated network: what clients see who ask well, badly, or too much."""

from gc import collect

from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionAborted
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.network import Network
from txtorrent.trackerserver.web import PATIENCE, WebFactory
from txtorrent.trackerserver.webrequest import MAX_HEAD, WebRequest, WebResponse

TRACKER, CLIENT = "198.51.100.1", "203.0.113.7"
PORT = 6969
GET = b"GET /%b HTTP/1.1\r\n\r\n"
ANSWERED_WITHIN = 1.0
"""Seconds of virtual time in which the simulated network carries a question and its answer."""


class Client(Protocol):
    """Notes what it is answered, and whether the connection has ended."""

    def __init__(self) -> None:
        self.received = b""
        self.is_lost = False

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason) -> None:
        self.is_lost = True

    @property
    def bodies(self) -> list[bytes]:
        """Those of the answers that are here whole."""
        found, rest = [], self.received
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            size = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
            found.append(rest[:size])
            rest = rest[size:]
        return found


class WebCase(SynchronousTestCase):
    """A server that answers with the path, at once, unless a test says otherwise."""

    most = 100

    def setUp(self) -> None:
        self.network = Network()
        self.clock = self.network.clock
        self.server = self.network.host(TRACKER)
        self.host = self.network.host(CLIENT)
        self.asked: list[WebRequest] = []
        self.waiting: list[Deferred[WebResponse]] = []
        self.answers = lambda request: WebResponse(request.path)
        self.factory = WebFactory(self.server, self.respond, self.most)
        self.factory.start()
        self.port = self.server.listenTCP(PORT, self.factory)

    def tearDown(self) -> None:
        self.port.stopListening()
        self.factory.stop()
        self.clock.advance(ANSWERED_WITHIN)
        self.assertEqual(self.server.getDelayedCalls(), [])

    def respond(self, request: WebRequest, host: str):
        self.assertEqual(host, CLIENT)
        self.asked.append(request)
        return self.answers(request)

    def later(self, request: WebRequest) -> Deferred[WebResponse]:
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def connect(self) -> Client:
        made: list[Client] = []

        class Clients(Factory):
            noisy = False

            def buildProtocol(self, addr) -> Client:
                made.append(Client())
                return made[0]

            def startedConnecting(self, connector) -> None: ...
            def clientConnectionFailed(self, connector, reason) -> None: ...
            def clientConnectionLost(self, connector, reason) -> None: ...

        self.host.connectTCP(TRACKER, PORT, Clients())
        self.clock.run_until(lambda: made and made[0].transport is not None)
        return made[0]

    def ask(self, client: Client, data: bytes) -> None:
        client.transport.write(data)
        self.clock.advance(ANSWERED_WITHIN)


class AnswerTests(WebCase):
    def test_one_after_the_other(self) -> None:
        client = self.connect()
        self.ask(client, GET % b"one")
        self.ask(client, GET % b"two")
        self.assertEqual(client.bodies, [b"/one", b"/two"])
        self.assertFalse(client.is_lost)

    def test_in_one_go(self) -> None:
        client = self.connect()
        self.ask(client, b"".join(GET % b"%d" % number for number in range(50)))
        self.assertEqual(client.bodies, [b"/%d" % number for number in range(50)])

    def test_byte_by_byte(self) -> None:
        client = self.connect()
        for byte in GET % b"slow" + GET % b"next":
            client.transport.write(bytes((byte,)))
            self.clock.advance(0.1)
        self.assertEqual(client.bodies, [b"/slow", b"/next"])

    def test_last_one(self) -> None:
        """What comes after "close" is not answered, not even when it is here already."""
        for last in (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
            client = self.connect()
            self.ask(client, last + GET % b"more")
            self.assertEqual(client.bodies, [b"/"])
            self.assertTrue(client.is_lost)

    def test_empty_lines_before_a_request(self) -> None:
        """As those have who send one more behind a request."""
        client = self.connect()
        for byte in b"\r\n\r\n" + GET % b"one" + b"\r\n" + GET % b"two":
            client.transport.write(bytes((byte,)))
            self.clock.advance(0.1)
        self.assertEqual(client.bodies, [b"/one", b"/two"])
        self.ask(client, b"\r\n" * MAX_HEAD)
        self.assertTrue(client.is_lost)
        self.assertEqual(len(self.asked), 2)

    def test_answer_that_comes_later(self) -> None:
        self.answers = self.later
        client = self.connect()
        self.ask(client, GET % b"1" + GET % b"2")
        self.assertEqual((len(self.asked), client.bodies), (1, []))
        self.waiting[0].callback(WebResponse(b"first"))
        self.assertEqual(len(self.asked), 2)
        self.waiting[1].callback(WebResponse(b"second"))
        self.clock.advance(ANSWERED_WITHIN)
        self.assertEqual(client.bodies, [b"first", b"second"])

    def test_last_answer_comes_later(self) -> None:
        self.answers = self.later
        client = self.connect()
        self.ask(client, b"GET / HTTP/1.0\r\n\r\n" + GET % b"more")
        self.waiting[0].callback(WebResponse(b"first"))
        self.clock.advance(ANSWERED_WITHIN)
        self.assertEqual((client.bodies, len(self.asked)), ([b"first"], 1))
        self.assertTrue(client.is_lost)

    def test_answers_that_are_there_at_once_as_deferreds(self) -> None:
        """However many: none of them is a call within the one before."""
        self.answers = lambda request: succeed(WebResponse(b""))
        client = self.connect()
        self.ask(client, GET % b"" * 2000)
        self.assertEqual(len(client.bodies), 2000)

    def test_head(self) -> None:
        client = self.connect()
        self.ask(client, b"HEAD /long HTTP/1.1\r\n\r\n")
        self.assertIn(b"Content-Length: 5\r\n", client.received)
        self.assertTrue(client.received.endswith(b"\r\n\r\n"))


class RefusalTests(WebCase):
    def test_no_request(self) -> None:
        for data, status in (
            (b"nonsense\r\n\r\n", b"400"),
            (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
            (b"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"400"),
            (b"GET /" + b"x" * MAX_HEAD, b"431"),
            (GET % (b"x" * MAX_HEAD), b"431"),
        ):
            client = self.connect()
            self.ask(client, data + GET % b"more")
            self.assertTrue(client.received.startswith(b"HTTP/1.1 " + status), data[:50])
            self.assertEqual(len(client.bodies), 1)
            self.assertTrue(client.is_lost)
        self.assertEqual(self.asked, [])

    def test_the_longest(self) -> None:
        client = self.connect()
        frame = len(GET % b"") - 4
        self.ask(client, GET % (b"x" * (MAX_HEAD - frame)))
        self.assertEqual(len(self.asked), 1)

    def test_an_error_of_ours(self) -> None:
        """That connection ends, with nothing more done of what it asked; others live on."""
        others = self.connect()

        def fail(request: WebRequest) -> WebResponse:
            if request.path == b"/bad":
                raise ZeroDivisionError
            return WebResponse(request.path)

        self.answers = fail
        client = self.connect()
        self.ask(client, GET % b"good" + GET % b"bad" + GET % b"more")
        self.assertTrue(client.is_lost)
        self.assertEqual([request.path for request in self.asked], [b"/good", b"/bad"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.ask(others, GET % b"still")
        self.assertEqual(others.bodies, [b"/still"])

    def test_an_error_of_ours_that_comes_later(self) -> None:
        self.answers = self.later
        client = self.connect()
        self.ask(client, GET % b"1" + GET % b"2")
        self.waiting[0].errback(ZeroDivisionError())
        self.clock.advance(ANSWERED_WITHIN)
        self.assertTrue(client.is_lost)
        self.assertEqual(len(self.asked), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class TimeTests(WebCase):
    def test_nothing_asked(self) -> None:
        client = self.connect()
        self.clock.advance(PATIENCE - 1)
        self.assertFalse(client.is_lost)
        self.clock.advance(2.5)
        self.assertTrue(client.is_lost)

    def test_asked_drop_by_drop(self) -> None:
        client = self.connect()
        for _ in range(5):
            client.transport.write(b"G")
            self.clock.advance(PATIENCE / 4)
        self.assertTrue(client.is_lost)

    def test_idle_after_an_answer(self) -> None:
        client = self.connect()
        for _ in range(3):
            self.clock.advance(PATIENCE - 3)
            self.ask(client, GET % b"")
        self.assertFalse(client.is_lost)
        self.clock.advance(PATIENCE + 1)
        self.assertTrue(client.is_lost)

    def test_answer_has_its_time_from_when_it_was_asked_for(self) -> None:
        self.answers = self.later
        client = self.connect()
        self.clock.advance(PATIENCE - 2)
        self.ask(client, GET % b"")
        self.clock.advance(PATIENCE - 3)
        self.waiting[0].callback(WebResponse(b"late"))
        self.clock.advance(ANSWERED_WITHIN)
        self.assertEqual(client.bodies, [b"late"])

    def test_answer_that_never_comes(self) -> None:
        self.answers = self.later
        client = self.connect()
        self.ask(client, GET % b"")
        self.clock.advance(PATIENCE + 1)
        self.assertTrue(client.is_lost)
        self.waiting[0].callback(WebResponse(b"too late"))

    def test_last_answer_has_time_to_be_read(self) -> None:
        self.answers = lambda request: WebResponse(b"x" * 3_000_000)
        client = self.connect()
        self.clock.advance(PATIENCE - 2)
        client.transport.pauseProducing()
        self.ask(client, b"GET / HTTP/1.0\r\n\r\n")
        self.clock.advance(PATIENCE / 2)
        client.transport.resumeProducing()
        self.clock.advance(ANSWERED_WITHIN * 5)
        self.assertEqual([len(body) for body in client.bodies], [3_000_000])
        self.assertTrue(client.is_lost)

    def test_client_that_vanishes_while_its_answer_is_prepared(self) -> None:
        self.answers = self.later
        client = self.connect()
        self.ask(client, GET % b"1" + GET % b"2")
        client.transport.abortConnection()
        self.clock.advance(ANSWERED_WITHIN)
        self.waiting[0].callback(WebResponse(b"for nobody"))
        self.clock.advance(ANSWERED_WITHIN)
        self.assertEqual(len(self.asked), 1)

    def test_error_for_a_client_that_has_vanished(self) -> None:
        self.answers = self.later
        client = self.connect()
        self.ask(client, GET % b"1")
        client.transport.abortConnection()
        self.clock.advance(ANSWERED_WITHIN)
        self.waiting[0].errback(ZeroDivisionError())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_stop_ends_all(self) -> None:
        clients = [self.connect() for _ in range(3)]
        self.clock.advance(ANSWERED_WITHIN)
        self.factory.stop()
        self.clock.advance(ANSWERED_WITHIN)
        self.assertTrue(all(client.is_lost for client in clients))


class CrowdTests(WebCase):
    most = 3

    def test_oldest_goes(self) -> None:
        clients = [self.connect() for _ in range(3)]
        self.ask(clients[0], GET % b"")
        clients += [self.connect()]
        self.clock.advance(ANSWERED_WITHIN)
        self.assertEqual([client.is_lost for client in clients], [False, True, False, False])

    def test_many_at_the_same_moment(self) -> None:
        """Each new one ends another, though an end takes until the reactor's next turn."""
        connections = [self.factory.buildProtocol(None) for _ in range(10)]
        transports = [StringTransport() for _ in connections]
        for connection, transport in zip(connections, transports, strict=True):
            connection.makeConnection(transport)
        self.assertEqual([each.disconnecting for each in transports], [True] * 7 + [False] * 3)

    def test_one_that_is_closed_makes_room(self) -> None:
        clients = [self.connect() for _ in range(3)]
        clients[2].transport.loseConnection()
        self.clock.advance(ANSWERED_WITHIN)
        clients.append(self.connect())
        self.clock.advance(ANSWERED_WITHIN)
        self.assertEqual([client.is_lost for client in clients], [False, False, True, False])

    def test_closed_ones_are_not_kept(self) -> None:
        for _ in range(2):
            self.connect().transport.loseConnection()
            self.clock.advance(ANSWERED_WITHIN)
        collect()
        self.assertEqual(len(self.factory._open), 0)


class FloodTests(WebCase):
    def test_asking_while_an_answer_is_prepared(self) -> None:
        """Nothing more is read than one request may have, and the rest is answered later."""
        self.answers = self.later
        client = self.connect()
        flood = 20_000
        self.ask(client, GET % b"" * flood)
        served = next(iter(self.factory._open))
        self.assertLess(len(served._received), MAX_HEAD + 2**17)
        self.answers = lambda request: WebResponse(b"")
        self.waiting[0].callback(WebResponse(b""))
        self.clock.run_until(lambda: len(self.asked) == flood)
        self.clock.advance(ANSWERED_WITHIN)
        self.assertEqual(len(client.bodies), flood)

    def test_asking_without_reading(self) -> None:
        """Answers that nobody reads are not made: a few wait, until time is up."""
        self.answers = lambda request: WebResponse(b"x" * 10_000)
        client = self.connect()
        client.transport.pauseProducing()
        self.ask(client, GET % b"" * 20_000)
        answered = len(self.asked)
        self.assertLess(answered, 1000)
        self.clock.advance(PATIENCE - 5)
        self.assertEqual(len(self.asked), answered)
        self.clock.advance(PATIENCE)
        self.assertEqual(list(self.factory._open), [])
        client.transport.abortConnection()

    def test_reading_at_last(self) -> None:
        self.answers = lambda request: WebResponse(b"x" * 10_000)
        client = self.connect()
        client.transport.pauseProducing()
        self.ask(client, GET % b"" * 300)
        self.assertLess(len(self.asked), 300)
        client.transport.resumeProducing()
        self.clock.run_until(lambda: len(client.received) > 3_000_000)
        self.clock.advance(ANSWERED_WITHIN)
        self.assertEqual(len(client.bodies), 300)

    def test_nothing_is_kept_after_the_last_answer(self) -> None:
        """Over TLS more may come though the connection is being closed."""
        connection = self.factory.buildProtocol(None)
        transport = StringTransport()
        connection.makeConnection(transport)
        self.answers = lambda request: WebResponse(b"")
        self.factory.respond = lambda request, host: WebResponse(b"")
        connection.dataReceived(b"GET / HTTP/1.0\r\n\r\n")
        self.assertTrue(transport.disconnecting)
        connection.dataReceived(b"x" * 1000)
        self.assertEqual(connection._received, b"")
        connection.connectionLost(ConnectionAborted())


class AddressTests(SynchronousTestCase):
    def test_whose_request_it_is(self) -> None:
        hosts: list[str] = []

        def respond(request: WebRequest, host: str) -> WebResponse:
            hosts.append(host)
            return WebResponse(b"")

        factory = WebFactory(None, respond)
        factory._clock = Network().clock
        for address in (IPv6Address("TCP", "2001:db8::1", 5), UNIXAddress(None), None):
            connection = factory.buildProtocol(address)
            connection.makeConnection(StringTransport())
            connection.dataReceived(GET % b"")
        self.assertEqual(hosts, ["2001:db8::1", "127.0.0.1", "127.0.0.1"])
