"""The socket to the router: what is asked again, who is heard, how it ends."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.routers import Gateway as Router
from tests.testing.network import Network
from txtorrent.discovery.gateway import Gateway
from txtorrent.discovery.link import MOST_QUESTIONS, Link
from txtorrent.discovery.mapping import MappingError, NoAnswerError


class LinkTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.network = Network(1)
        self.clock = self.network.clock
        self.us = self.network.host("192.168.1.20")
        self.router = Router(self.network.host("192.168.1.1"), "nat-pmp")
        self.others: list[bytes] = []
        self.link = Link(self.us, Gateway("192.168.1.1"), self.others.append)
        self.link.open()

    def tearDown(self) -> None:
        self.link.close()
        self.router.listening.stopListening()
        self.clock.advance(1)
        self.assertEqual(self.network.leftovers(), [])

    def ask(self, read=lambda datagram: datagram, tries: int = 4) -> Deferred:
        return Deferred.fromCoroutine(self.link.ask(b"\0\0", read, tries))

    def test_our_address(self) -> None:
        self.assertEqual(self.link.local, "192.168.1.20")

    def test_several_questions_share_answers(self) -> None:
        """Each takes what is for it."""
        asked = [self.ask(), self.ask(lambda datagram: len(datagram)), self.ask(lambda _: None)]
        self.clock.advance(1)
        first, second = self.successResultOf(asked[0]), self.successResultOf(asked[1])
        self.assertEqual((len(first), second), (12, 12))
        self.clock.advance(10)
        self.failureResultOf(asked[2], NoAnswerError)
        self.assertEqual(len(self.others), 4)

    def test_too_many_questions(self) -> None:
        self.router.silent = True
        asked = [self.ask() for _ in range(MOST_QUESTIONS + 1)]
        self.failureResultOf(asked[-1], NoAnswerError)
        self.clock.advance(10)
        for each in asked[:-1]:
            self.failureResultOf(each, NoAnswerError)
        self.assertEqual(len(self.router.seen), 4 * MOST_QUESTIONS)

    def test_a_question_that_nobody_waits_for_any_more(self) -> None:
        asked = self.ask()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.clock.advance(1)
        self.assertEqual((len(self.router.seen), len(self.others)), (1, 1))

    def test_closed_while_it_is_asked(self) -> None:
        self.router.silent = True
        asked = self.ask()
        self.link.close()
        self.clock.advance(0.1)
        error = self.failureResultOf(asked, NoAnswerError).value
        self.assertEqual(str(error), "the router at 192.168.1.1 does not answer")
        self.failureResultOf(self.ask(), NoAnswerError)

    def test_heard_before_it_was_connected(self) -> None:
        """The kernel keeps others out only from then on."""
        for sender in (("192.168.1.66", 5351), ("192.168.1.1", 5352)):
            self.link.datagramReceived(b"?", sender)
        self.assertEqual(self.others, [])
        self.link.datagramReceived(b"?", ("192.168.1.1", 5351))
        self.assertEqual(self.others, [b"?"])

    def test_the_router_says_no(self) -> None:
        def read(datagram: bytes) -> None:
            raise MappingError("no")

        asked = self.ask(read)
        self.clock.advance(1)
        self.assertEqual(str(self.failureResultOf(asked, MappingError).value), "no")

    def test_no_way_there(self) -> None:
        nowhere = Link(self.network.host("2001:db8::5"), Gateway("192.168.1.1"), self.others.append)
        error = self.assertRaises(NoAnswerError, nowhere.open)
        self.assertIn("cannot be reached: Network is unreachable", str(error))
        nowhere.close()
