"""Stories that went the same way on a real epoll reactor over Linux's loopback, step for step."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.testing.network import Network

DONE, LOST, ABORTED = "ConnectionDone", "ConnectionLost", "ConnectionAborted"


class Teller(Protocol):
    def __init__(self, name, log):
        self.name, self.log = name, log

    def dataReceived(self, data):
        self.log.append((self.name, len(data)))

    def connectionLost(self, reason):
        self.log.append((self.name, reason.type.__name__))


@implementer(IHalfCloseableProtocol)
class HalfTeller(Teller):
    def readConnectionLost(self):
        self.log.append((self.name, "reads no more"))
        self.transport.write(b"last words")
        self.transport.loseConnection()

    def writeConnectionLost(self):
        self.log.append((self.name, "writes no more"))


class Scene:
    """Two ends, `c` and `s`, and what happens to them."""

    def __init__(self, kind=Teller):
        self.network = Network()
        server, client = self.network.host("10.0.0.1"), self.network.host("10.0.0.2")
        self.log = []
        ends = {}

        class Ends(ClientFactory):
            def __init__(self, name, log):
                self.name, self.log = name, log

            def buildProtocol(self, addr):
                ends[self.name] = kind(self.name, self.log)
                return ends[self.name]

        server.listenTCP(1, Ends("s", self.log))
        client.connectTCP("10.0.0.1", 1, Ends("c", self.log))
        self.wait()
        self.client, self.server = ends["c"], ends["s"]
        self.c, self.s = self.client.transport, self.server.transport

    def wait(self):
        self.network.clock.advance(1)

    def note(self, what):
        self.log.append(what)


def closed_with_something_unread(scene):
    scene.s.pauseProducing()
    scene.c.write(b"unread")
    scene.wait()
    scene.s.loseConnection()


def closed_with_something_unread_the_other_paused(scene):
    scene.c.pauseProducing()
    closed_with_something_unread(scene)
    scene.wait()
    scene.note("resume")
    scene.c.resumeProducing()


def aborted_while_paused(scene):
    scene.c.pauseProducing()
    scene.s.abortConnection()
    scene.wait()
    scene.note("resume")
    scene.c.resumeProducing()


def aborted_while_paused_with_data(scene):
    scene.c.pauseProducing()
    scene.s.write(b"abc")
    scene.wait()
    aborted_while_paused(scene)


def aborted_while_paused_and_writing(scene):
    scene.c.pauseProducing()
    scene.s.pauseProducing()
    scene.s.write(b"abc")
    scene.c.write(bytes(20_000_000))
    scene.wait()
    scene.s.abortConnection()
    scene.wait()
    scene.note("resume")
    scene.c.resumeProducing()


def written_after_lose_connection(scene):
    scene.c.write(b"a")
    scene.c.loseConnection()
    scene.c.write(b"bcd")


def written_to_the_closed(scene):
    scene.c.pauseProducing()
    scene.s.loseConnection()
    scene.wait()
    scene.c.write(b"x")
    scene.wait()
    scene.note("again")
    scene.c.write(b"x")
    scene.wait()
    scene.note("resume")
    scene.c.resumeProducing()


def closed_while_paused(scene):
    scene.c.pauseProducing()
    scene.s.write(b"abc")
    scene.s.loseConnection()
    scene.wait()
    scene.note("resume")
    scene.c.resumeProducing()


def half_closed(scene):
    scene.c.loseWriteConnection()
    scene.wait()
    scene.s.write(b"x")


def closed_by_both(scene):
    scene.c.loseConnection()
    scene.s.loseConnection()


def aborted_after_lose_connection(scene):
    scene.s.pauseProducing()
    scene.c.write(bytes(20_000_000))
    scene.c.loseConnection()
    scene.wait()
    scene.note("abort")
    scene.c.abortConnection()


def closed_half_by_one_and_whole_by_the_paused_other(scene):
    scene.s.pauseProducing()
    scene.c.loseWriteConnection()
    scene.wait()
    scene.s.loseConnection()


STORIES = [
    (closed_half_by_one_and_whole_by_the_paused_other, [("s", DONE), ("c", DONE)]),
    (closed_with_something_unread, [("s", DONE), ("c", DONE)]),
    (closed_with_something_unread_the_other_paused, [("s", DONE), "resume", ("c", DONE)]),
    (aborted_while_paused, [("s", ABORTED), "resume", ("c", LOST)]),
    (aborted_while_paused_with_data, [("s", ABORTED), "resume", ("c", 3), ("c", LOST)]),
    (aborted_while_paused_and_writing, [("s", ABORTED), ("c", LOST), "resume"]),
    (written_after_lose_connection, [("c", DONE), ("s", 4), ("s", DONE)]),
    (written_to_the_closed, [("s", DONE), "again", ("c", LOST), "resume"]),
    (closed_while_paused, [("s", DONE), "resume", ("c", 3), ("c", DONE)]),
    (half_closed, [("s", DONE), ("c", DONE)]),
    (closed_by_both, [("c", DONE), ("s", DONE)]),
    (aborted_after_lose_connection, ["abort", ("c", ABORTED)]),
]


class Stories(SynchronousTestCase):
    def test_as_on_a_real_network(self):
        for story, outcome in STORIES:
            scene = Scene()
            story(scene)
            scene.wait()
            self.assertEqual(scene.log, outcome, story.__name__)

    def test_half_closed_on_purpose(self):
        scene = Scene(HalfTeller)
        scene.c.loseWriteConnection()
        scene.wait()
        outcome = [
            ("c", "writes no more"),
            ("s", "reads no more"),
            ("s", DONE),
            ("c", 10),
            ("c", "reads no more"),
            ("c", DONE),
        ]
        self.assertEqual(scene.log, outcome)
