"""What tests of announcers share: trackers that answer as the test has laid down."""

from random import Random

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.clock import HeapClock
from tests.tracker.owner import Owner
from tests.tracker.trackers import INFO_HASH, PEER_ID
from txtorrent.address import Address
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.announcing import Announcing
from txtorrent.tracker.errors import RestingError
from txtorrent.tracker.interfaces import Totals
from txtorrent.wire.announce import AnnounceResponse, Event, TrackerError

PEER = Address("1.2.3.4", 6881)
EPOCH = 1_700_000_000.0
STARTED, STOPPED, COMPLETED, NONE = Event.STARTED, Event.STOPPED, Event.COMPLETED, Event.NONE


class InOrder(Random):
    """Leaves lists as they are and always takes the middle."""

    def shuffle(self, x) -> None:
        pass

    def uniform(self, a: float, b: float) -> float:
        return a


class Asked:
    """The trackers of a session, each of whom answers as the test has laid down.

    `answers[url]` is a response, an exception, or None for silence.
    """

    def __init__(self, clock) -> None:
        self.clock = clock
        self.answers = {}
        self.scrapes = {}
        self.scraped = []
        self.log = []
        self.requests = []
        self.busy = False
        self.waiting = {}
        self.applicants = {}
        self.ranks = []

    def announce(self, url, request, *, trusted=False):
        self.log.append((round(self.clock.seconds()), url[-1], request.event))
        self.requests.append(request)
        self.trusted = trusted
        answer = self.answers.get(url[-1], AnnounceResponse(peers=(PEER,)))
        deferred = Deferred()
        if isinstance(answer, Exception):
            deferred.errback(answer)
        elif answer is not None:
            deferred.callback(answer)
        return deferred

    def apply(self, applicant, rank) -> None:
        self.ranks.append(rank)
        answer = self.answers.get(applicant.url[-1])
        if isinstance(answer, RestingError):
            self.log.append((round(self.clock.seconds()), applicant.url[-1], None))
            raise answer
        self.waiting[applicant] = None
        if not self.busy:
            self.turn(applicant)

    def turn(self, applicant) -> None:
        del self.waiting[applicant]
        self.applicants[applicant] = None
        asked = maybeDeferred(
            lambda: self.announce(applicant.url, applicant.request(), trusted=applicant.trusted)
        )
        if applicant not in self.applicants:
            asked.addErrback(lambda _: None)
            return
        self.applicants[applicant] = asked
        asked.addCallbacks(
            lambda response: self.over(applicant, asked) and applicant.answered(response),
            lambda failure: self.over(applicant, asked) and applicant.failed(failure.value),
        )

    def over(self, applicant, asked) -> bool:
        """Whether the applicant still waits for it."""
        if self.applicants.get(applicant) is asked:
            del self.applicants[applicant]
            return True
        return False

    def leave(self, applicant) -> None:
        self.waiting.pop(applicant, None)
        self.applicants.pop(applicant, None)

    def scrape(self, url, info_hashes, *, trusted=False):
        self.scraped.append((url[-1], info_hashes))
        answer = self.scrapes.get(url[-1], TrackerError("no scrape here"))
        return fail(answer) if isinstance(answer, Exception) else succeed(answer)


class AnnouncerCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = HeapClock()
        self.asked = Asked(self.clock)
        self.owner = Owner(Totals(uploaded=1, downloaded=2, left=3, corrupt=4))
        self.announcer = None
        self.logged = []
        self.seen_as = []
        globalLogPublisher.addObserver(self.logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged.append)

    def tearDown(self) -> None:
        if self.announcer is not None:
            self.announcer.stop()
        self.clock.advance(6)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def announcing(self, random: Random | None = None) -> Announcing:
        announcing = Announcing(self.asked, self.clock, random or InOrder(5), PEER_ID, 6881)
        announcing.seen_as = lambda host, tracker: self.seen_as.append((host, tracker))
        return announcing

    def begin(self, *tiers: str, random: Random | None = None) -> Announcer:
        """Begin to announce to trackers of one letter each, a tier a string."""
        self.announcer = Announcer(
            self.announcing(random),
            INFO_HASH,
            [[f"http://tracker.example/passkey0123/{letter}" for letter in tier] for tier in tiers],
            self.owner,
        )
        self.announcer.start()
        return self.announcer

    def shown(self):
        """The trackers as users see them."""
        return self.announcer.trackers(EPOCH + self.clock.seconds())

    def break_down(self, letters: str, error: Exception | None = None) -> None:
        for letter in letters:
            self.asked.answers[letter] = error or TrackerError("no")

    def told(self):
        log, self.asked.log = self.asked.log, []
        return [(letter, event) for _, letter, event in log]

    def times(self):
        return [time for time, _, _ in self.asked.log]

    def order(self) -> str:
        return "".join(letter for letter, _ in self.told())

    def interval(self, letter: str, interval: int, **more) -> None:
        self.asked.answers[letter] = AnnounceResponse(interval=interval, **more)
