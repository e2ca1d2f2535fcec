"""One connection to Redis on a virtual clock: replies that are late, mixed up or not Redis's."""

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.trackerserver.redisaddress import RedisAddress
from txtorrent.trackerserver.redisprotocol import MOST_UNDER_WAY, REPLY_TIME, RedisConnection
from txtorrent.trackerserver.redisreplies import ErrorReply, Lost


class ConnectionCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.transport = StringTransport()
        self.connection = RedisConnection(self.clock)
        self.connection.makeConnection(self.transport)

    def tearDown(self):
        if self.connection.connected:
            self.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def lose(self):
        """What the reactor does after a connection was aborted, or lost."""
        self.connection.connectionLost(Failure(ConnectionLost()))

    def assert_aborted(self, words: str):
        self.assertTrue(self.transport.disconnecting)
        ended = self.connection.when_ended()
        self.lose()
        self.assertIn(words, self.successResultOf(ended))


class Requests(ConnectionCase):
    def test_in_order(self):
        first, second = self.connection.ask(b"one"), self.connection.ask(b"two")
        self.assertEqual(self.transport.value(), b"onetwo")
        self.connection.dataReceived(b"$1\r\na\r\n$1")
        self.assertEqual(self.successResultOf(first), b"a")
        self.assertNoResult(second)
        self.connection.dataReceived(b"\r\nb\r\n")
        self.assertEqual(self.successResultOf(second), b"b")

    def test_error_is_of_the_one_that_it_answers(self):
        first, second = self.connection.ask(b"one"), self.connection.ask(b"two")
        self.connection.dataReceived(b"-OOM no\r\n:1\r\n")
        self.assertEqual(self.failureResultOf(first, ErrorReply).value.code, "OOM")
        self.assertEqual(self.successResultOf(second), 1)

    def test_cancelled_one_keeps_its_place(self):
        first, second = self.connection.ask(b"one"), self.connection.ask(b"two")
        first.cancel()
        self.failureResultOf(first)
        self.connection.dataReceived(b":1\r\n:2\r\n")
        self.assertEqual(self.successResultOf(second), 2)

    def test_too_late(self):
        late = self.connection.ask(b"one")
        self.clock.advance(REPLY_TIME - 1)
        other = self.connection.ask(b"two")
        self.clock.advance(1)
        self.assert_aborted("no reply came")
        self.failureResultOf(late, Lost)
        self.failureResultOf(other, Lost)

    def test_reply_after_the_end_is_nobodys(self):
        late = self.connection.ask(b"one")
        self.clock.advance(REPLY_TIME)
        self.connection.dataReceived(b":1\r\n")
        self.assertNoResult(late)
        self.lose()
        self.failureResultOf(late, Lost)

    def test_busy_connection_lives(self):
        for _ in range(10):
            asked = self.connection.ask(b"x")
            self.clock.advance(REPLY_TIME - 0.5)
            self.connection.dataReceived(b":1\r\n")
            self.successResultOf(asked)
        self.assertFalse(self.transport.disconnecting)
        self.clock.advance(100)
        self.assertFalse(self.transport.disconnecting)

    def test_nobody_asked(self):
        self.connection.dataReceived(b"-ERR max number of clients reached\r\n")
        self.assert_aborted("max number of clients")

    def test_too_many_replies(self):
        asked = self.connection.ask(b"x")
        self.connection.dataReceived(b":1\r\n:2\r\n")
        self.assertEqual(self.successResultOf(asked), 1)
        self.assert_aborted("nobody asked for")

    def test_not_redis(self):
        asked = self.connection.ask(b"x")
        self.connection.dataReceived(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assertNoResult(asked)
        self.assert_aborted("not Redis")
        self.failureResultOf(asked, Lost)

    def test_after_the_end(self):
        self.lose()
        self.failureResultOf(self.connection.ask(b"x"), Lost)
        self.failureResultOf(self.connection.swarms(b"0"), Lost)
        self.connection.reload()
        self.successResultOf(self.connection.when_ended())
        self.successResultOf(self.connection.when_idle())

    def test_full(self):
        asked = [self.connection.ask(b"x") for _ in range(MOST_UNDER_WAY)]
        self.assertTrue(self.connection.is_full)
        self.connection.dataReceived(b":1\r\n")
        self.assertFalse(self.connection.is_full)
        self.lose()
        self.assertEqual(self.successResultOf(asked[0]), 1)
        for each in asked[1:]:
            self.failureResultOf(each, Lost)

    def test_idle(self):
        asked = self.connection.ask(b"x")
        idle = self.connection.when_idle()
        self.assertNoResult(idle)
        self.connection.dataReceived(b":1\r\n")
        self.successResultOf(idle)
        self.successResultOf(asked)

    def test_scripts_are_told_once_for_many(self):
        self.connection.reload()
        self.connection.reload()
        self.assertEqual(self.transport.value().count(b"LOAD"), 2)  # there are two scripts
        self.connection.dataReceived(b"$1\r\nx\r\n" * 2)
        self.connection.reload()
        self.assertEqual(self.transport.value().count(b"LOAD"), 4)
        self.connection.dataReceived(b"-BUSY no\r\n" * 2)
        self.connection.reload()
        self.assertEqual(self.transport.value().count(b"LOAD"), 6)


class Greeting(ConnectionCase):
    def greet(self, password: str | None = None):
        return self.connection.greet(RedisAddress("h", 1, 3, password))

    def test_all_at_once(self):
        greeted = self.greet("pä ss")
        self.assertTrue(
            self.transport.value().startswith(b"*2\r\n$4\r\nAUTH\r\n$6\r\np\xc3\xa4 ss")
        )
        self.assertIn(b"SELECT\r\n$1\r\n3", self.transport.value())
        self.connection.dataReceived(b"+OK\r\n+OK\r\n" + b"$1\r\nx\r\n")
        self.assertNoResult(greeted)
        self.connection.dataReceived(b"$1\r\nx\r\n")
        self.successResultOf(greeted)

    def test_refused(self):
        for number, code in enumerate(("WRONGPASS", "NOAUTH", "ERR", "LOADING")):
            if number:
                self.tearDown()
                self.setUp()
            greeted = self.greet("secret")
            replies = [b"+OK\r\n"] * 4
            replies[number] = b"-%b no\r\n" % code.encode()
            self.connection.dataReceived(b"".join(replies))
            self.assertEqual(self.failureResultOf(greeted, ErrorReply).value.code, code)

    def test_no_answer(self):
        greeted = self.greet()
        self.clock.advance(REPLY_TIME)
        self.assert_aborted("no reply came")
        self.failureResultOf(greeted, Lost)
