"""ut_metadata at work: peers that ask for it, and peers that it is fetched from."""

from random import Random

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.testing import torrents
from txtorrent.address import Address
from txtorrent.extension.extensions import Extensions
from txtorrent.extension.interfaces import AttentiveExtension
from txtorrent.extension.metadata import KIND, MINUTE, NAME, SPARE, TIMES, Metadata, kind
from txtorrent.metainfo.infodict import PIECE
from txtorrent.swarm.metadata import PATIENCE, REST
from txtorrent.wire.extension import ExtensionHandshake
from txtorrent.wire.metadata import Data, Reject, Request, decode
from txtorrent.wire.stream import ProtocolError

INFO = torrents.content("info", 4 * PIECE + 100)
WRONG = INFO[: PIECE - 1] + b"?" + INFO[PIECE:]
SIZE = len(INFO)
PIECES = 5


@define(eq=False)
class FakeLink:
    """A peer that speaks the extension; what it is sent is kept as messages."""

    address: Address
    extension_ids: dict = field(factory=lambda: {NAME: 3})
    handshakes: int = 0
    sent: list = field(factory=list)
    greetings: list = field(factory=list)
    offences: list = field(factory=list)
    closed: str = ""

    @property
    def is_open(self):
        return not self.closed

    def extend(self, name, payload):
        if name not in self.extension_ids or self.closed:
            return False
        self.sent.append(decode(payload))
        return True

    def send(self, message):
        self.greetings.append(ExtensionHandshake.decode(message.payload))

    def offend(self, what):
        self.offences.append(what)

    def close(self, reason):
        self.closed = self.closed or reason

    def take(self):
        """What has been sent since."""
        sent, self.sent = self.sent, []
        return sent


class FakeSwarm:
    info_hash = bytes(20)
    name = "fake"
    upload_only = False
    port = 6881

    def __init__(self, metadata=None):
        self.metadata = metadata
        self.random = Random(1)
        self.is_private = False
        self.seconds = 1000.0
        self.connected = []

    def now(self):
        return self.seconds

    def links(self):
        return iter(self.connected)


def said(size):
    return ExtensionHandshake(metadata_size=size)


def data(piece, of=INFO):
    return Data(piece, len(of), of[piece * PIECE : (piece + 1) * PIECE])


class Case(SynchronousTestCase):
    def link(self, letter="a"):
        link = FakeLink(Address(f"10.0.0.{ord(letter)}", 6881))
        self.swarm.connected.append(link)
        return link

    def send(self, link, *messages):
        for message in messages:
            self.metadata.received(link, message.encode())

    def later(self, seconds):
        for _ in range(int(seconds)):
            self.swarm.seconds += 1
            self.metadata.tick(self.swarm.seconds)


class ServingTests(Case):
    def setUp(self):
        self.swarm = FakeSwarm(INFO)
        self.metadata = KIND.make(self.swarm)
        self.peer = self.link()

    def test_all_of_it(self) -> None:
        self.metadata.joined(self.peer, said(None))
        self.send(self.peer, *map(Request, range(PIECES)))
        self.assertEqual(self.peer.sent, [data(piece) for piece in range(PIECES)])
        self.assertEqual(b"".join(each.data for each in self.peer.sent), INFO)
        self.assertEqual(self.peer.offences, [])

    def test_what_there_is_not(self) -> None:
        for piece in (PIECES, 1000):
            self.send(self.peer, Request(piece))
            self.assertEqual(self.peer.take(), [Reject(piece)])
        self.assertEqual(len(self.peer.offences), 2)
        self.swarm.metadata = INFO[: 2 * PIECE]
        self.send(self.peer, Request(2))
        self.assertEqual(self.peer.take(), [Reject(2)])

    def test_not_known_yet(self) -> None:
        self.swarm.metadata = None
        self.send(self.peer, Request(0))
        self.assertEqual(self.peer.take(), [Reject(0)])
        self.assertEqual(self.peer.offences, [])
        self.swarm.metadata = INFO
        self.send(self.peer, Request(0))
        self.assertEqual(self.peer.take(), [data(0)])

    def test_how_often(self) -> None:
        most = TIMES * PIECES + SPARE
        other = self.link("b")
        for _ in range(2):
            self.send(self.peer, *[Request(0)] * most)
            self.assertEqual(self.peer.take(), [data(0)] * most)
            self.assertEqual(self.peer.offences, [])
            self.send(self.peer, Request(0), Request(1))
            self.assertEqual(self.peer.take(), [Reject(0), Reject(1)])
            self.assertEqual(len(self.peer.offences), 2)
            self.send(other, Request(0))
            self.assertEqual(other.take(), [data(0)])
            del self.peer.offences[:]
            self.swarm.seconds += MINUTE

    def test_rejects_are_counted_too(self) -> None:
        self.swarm.metadata = None
        self.send(self.peer, *[Request(0)] * (SPARE + 1))
        self.assertEqual(self.peer.take(), [Reject(0)] * (SPARE + 1))
        self.assertEqual(len(self.peer.offences), 1)

    def test_a_peer_that_does_not_speak_it(self) -> None:
        self.peer.extension_ids = {}
        self.send(self.peer, Request(0))
        self.assertEqual(self.peer.sent, [])

    def test_nothing_is_remembered_of_those_who_left(self) -> None:
        self.send(self.peer, Request(0))
        self.metadata.left(self.peer)
        self.metadata.left(self.link("b"))
        self.assertEqual(self.metadata._asking, {})

    def test_nothing_is_asked_for(self) -> None:
        self.metadata.joined(self.peer, said(SIZE))
        self.later(2)
        self.send(self.peer, data(0), Reject(0))
        self.assertEqual(self.peer.sent, [])
        self.assertEqual(len(self.peer.offences), 2)

    def test_malformed_and_unknown(self) -> None:
        with self.assertRaises(ProtocolError):
            self.metadata.received(self.peer, b"junk")
        self.metadata.received(self.peer, b"d8:msg_typei9ee")
        self.assertEqual((self.peer.sent, self.peer.offences), ([], []))

    def test_numbers(self) -> None:
        self.assertEqual((self.metadata.size, self.metadata.progress), (SIZE, 1.0))
        self.assertEqual(self.metadata.greeting(), {})

    def test_private_torrents_have_none(self) -> None:
        for each in (KIND, kind(lambda whole: succeed(True))):
            self.assertEqual(each.name, b"ut_metadata")
            self.swarm.is_private = False
            self.assertTrue(each.applies(self.swarm))
            self.swarm.is_private = True
            self.assertFalse(each.applies(self.swarm))


class FetchingTests(Case):
    def setUp(self):
        self.swarm = FakeSwarm()
        self.whole = []
        self.judging = []
        self.metadata = kind(self.fetched).make(self.swarm)

    def fetched(self, whole):
        self.whole.append(whole)
        self.judging.append(Deferred())
        return self.judging[-1]

    def joined(self, letter, size=SIZE):
        link = self.link(letter)
        self.metadata.joined(link, said(size))
        return link

    def answer(self, link, of=INFO):
        """Send what has been asked for; the pieces."""
        asked = [each.piece for each in link.take()]
        self.send(link, *[data(piece, of) for piece in asked])
        return asked

    def answer_all(self, link, of=INFO):
        while self.answer(link, of):
            pass

    def test_from_one_peer(self) -> None:
        self.assertEqual((self.metadata.size, self.metadata.progress), (None, 0))
        peer = self.joined("a")
        self.assertEqual(peer.sent, [Request(0), Request(1), Request(2)])
        self.assertEqual(self.metadata.size, SIZE)
        self.answer(peer)
        self.assertEqual(self.metadata.progress, 0.6)
        self.answer(peer)
        self.assertEqual(self.whole, [INFO])
        self.swarm.metadata = INFO
        self.judging[0].callback(True)
        self.metadata.stop()
        self.assertEqual((self.metadata.size, self.metadata.progress), (SIZE, 1.0))
        self.assertEqual((peer.sent, peer.offences, peer.closed), ([], [], ""))

    def test_peers_without_it_are_not_asked(self) -> None:
        peer = self.joined("a", None)
        self.later(100)
        self.assertEqual(peer.sent, [])

    def test_a_peer_that_gets_it_later(self) -> None:
        peer = self.joined("a", None)
        self.metadata.heard(peer, said(SIZE))
        self.assertEqual(len(peer.sent), 3)

    def test_slow_peers(self) -> None:
        slow = self.joined("a")
        other = self.joined("b")
        self.answer_all(other)
        self.assertEqual(self.whole, [])
        self.later(PATIENCE)
        self.answer_all(other)
        self.assertEqual(self.whole, [INFO])
        self.assertEqual(slow.offences, [])

    def test_rejects(self) -> None:
        peer, other = self.joined("a"), self.joined("b")
        self.send(peer, Reject(0))
        self.answer_all(other)
        self.assertEqual(self.whole, [INFO])
        self.assertEqual(peer.offences, [])
        self.send(peer, Reject(0))
        self.assertEqual(len(peer.offences), 1)

    def test_a_peer_that_takes_the_extension_back(self) -> None:
        peer = self.joined("a")
        peer.take()
        peer.extension_ids = {}
        self.later(REST - 1)
        self.assertEqual(peer.sent, [])
        peer.extension_ids = {NAME: 4}
        self.later(2 * REST)
        self.answer_all(peer)
        self.assertEqual(self.whole, [INFO])

    def test_what_could_not_be_asked_is_asked_of_others(self) -> None:
        peer, other = self.link("a"), self.link("b")
        peer.extension_ids = {}
        self.metadata.joined(peer, said(SIZE))
        self.metadata.joined(other, said(SIZE))
        self.answer_all(other)
        self.assertEqual(self.whole, [INFO])

    def test_leaving(self) -> None:
        peer, other = self.joined("a"), self.joined("b")
        self.metadata.left(peer)
        self.later(1)
        self.answer_all(other)
        self.assertEqual(self.whole, [INFO])

    def test_what_nobody_asked_for(self) -> None:
        peer = self.joined("a")
        self.send(peer, data(4), Data(0, 3, b"abc"))
        self.send(self.link("b"), data(0))
        self.assertEqual(len(peer.offences), 2)
        self.assertEqual(self.metadata.progress, 0)

    def test_wrong_metadata_of_one_peer(self) -> None:
        peer = self.joined("a")
        self.answer_all(peer, WRONG)
        self.assertEqual(self.whole, [WRONG])
        self.assertEqual(peer.closed, "")
        self.judging[0].callback(False)
        self.assertEqual(peer.closed, "sent wrong metadata")
        other = self.joined("b")
        self.answer_all(other)
        self.assertEqual(self.whole, [WRONG, INFO])

    def test_a_host_that_lied_is_not_asked_again(self) -> None:
        peer, same = self.joined("a"), self.joined("a")
        self.send(same, Reject(same.take()[0].piece))
        self.answer_all(peer, WRONG)
        self.judging[0].callback(False)
        again = self.joined("a")
        self.metadata.heard(again, said(SIZE))
        self.later(2 * REST)
        self.assertEqual((same.sent, again.sent), ([], []))
        self.assertEqual((same.closed, again.closed), ("", ""))
        self.assertEqual(len(self.joined("b").sent), 3)

    def test_wrong_metadata_is_traced(self) -> None:
        """Three peers, of which one sends a wrong piece: it alone is disconnected."""
        peers = {self.joined(letter): INFO for letter in "abc"}
        liar = next(iter(peers))
        peers[liar] = WRONG
        for _ in range(100):
            for peer, info in peers.items():
                self.answer(peer, info)
            if self.whole and not self.judging[-1].called:
                right = self.whole[-1] == INFO
                self.judging[-1].callback(right)
                if right:
                    break
            self.later(1)
        self.assertEqual(self.whole[-1], INFO)
        self.assertEqual([peer.closed for peer in peers], ["sent wrong metadata", "", ""])

    def test_a_fault_of_ours(self) -> None:
        peer = self.joined("a")
        self.answer_all(peer)
        self.judging[0].errback(RuntimeError("no thread"))
        self.later(2 * REST)
        self.assertEqual((peer.sent, peer.closed), ([], ""))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_stopped_while_it_is_checked(self) -> None:
        peer = self.joined("a")
        self.answer_all(peer, WRONG)
        other = self.joined("b")
        self.metadata.stop()
        self.judging[0].callback(False)
        self.assertEqual(peer.closed, "sent wrong metadata")
        self.assertEqual((peer.sent, other.sent), ([], []))

    def test_stopping_while_it_is_told(self) -> None:
        """The torrent may go on, and stop this, before it says that the bytes were right."""

        def fetched(whole):
            self.metadata.stop()
            return succeed(True)

        self.metadata = Metadata(self.swarm, fetched)
        peer = self.joined("a")
        self.answer_all(peer)
        self.assertEqual((peer.sent, peer.offences, peer.closed), ([], [], ""))


class TogetherTests(Case):
    """As one of a torrent's extensions."""

    def setUp(self):
        self.swarm = FakeSwarm()
        self.whole = []
        kinds = [kind(lambda whole: self.whole.append(whole) or Deferred())]
        self.extensions = Extensions(self.swarm, kinds, 250, lambda link, handshake: None)
        self.peer = self.link()
        self.peer.extension_ids = {}

    def handshake(self, **said):
        said = ExtensionHandshake(**said).encode()
        self.extensions.received(self.peer, 0, said)

    def test_it_hears_of_later_handshakes(self) -> None:
        metadata = self.extensions[NAME]
        self.assertIsInstance(metadata, AttentiveExtension)
        self.extensions.greet(self.peer)
        self.assertEqual(self.peer.greetings[0].ids, {NAME: 1})
        self.assertIsNone(self.peer.greetings[0].metadata_size)
        self.handshake(ids={NAME: 3})
        self.assertEqual(self.peer.sent, [])
        self.handshake(metadata_size=SIZE)
        self.assertEqual(self.peer.sent, [Request(0), Request(1), Request(2)])
        for piece in range(PIECES):
            self.extensions.received(self.peer, 1, data(piece).encode())
        self.assertEqual(self.whole, [INFO])

    def test_greeted_with_its_size(self) -> None:
        self.swarm.metadata = INFO
        self.extensions.greet(self.peer)
        self.assertEqual(self.peer.greetings[0].metadata_size, SIZE)
