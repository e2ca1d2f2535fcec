"""What is said in one torrent's swarm: which messages are believed, kept, shown and passed on.

What must stay true here:

* No signature is verified for a neighbour, an author or a room that has used up its allowance; one
  that is wrong costs its neighbour as much as TOLL messages.
* Only a verified message takes from its author's allowance and the room's, or is remembered as
  seen: who forges messages neither silences nor forestalls those whom he imitates.
* All that a room takes in, one link can carry: a neighbour that keeps these rules itself and passes
  on whatever it took never sends more than LINK allows, whoever floods it.
* A message is remembered as seen for as long as it is neither too old nor too early: SEEN holds all
  that the room's allowance lets in during that time.
"""

from collections import OrderedDict, deque
from collections.abc import Container, Iterator, Sequence
from math import ceil
from typing import Final, Generic, Protocol, TypeVar

from attrs import define

from txtorrent.errors import Code, RequestError
from txtorrent.metainfo.text import one_line
from txtorrent.swarm.allowance import Allowance, Pace
from txtorrent.swarm.chathistory import ChatMessage, History
from txtorrent.swarm.identity import is_genuine, nickname

ROOM: Final = Pace(per_second=1.0, burst=30.0)
"""Messages of all others together: more than anybody can read."""
AUTHOR: Final = Pace(per_second=0.5, burst=25.0)
"""Messages of one author: twice what we allow ourselves, and all that a newcomer is told."""
OURS: Final = Pace(per_second=0.25, burst=5.0)
"""Messages that our user, or a script of his, sends in one torrent."""
LINK: Final = Pace(per_second=2.0, burst=80.0, debt=100.0)
"""Messages of one neighbour, known ones too: at least what ROOM and OURS let it send, and what it
tells a newcomer. Beyond that they are dropped: in silence as far as the debt goes, then each is an
offence."""
TOLL: Final = 10.0
"""Messages that a forged one counts for besides itself: at 130 us each, who forges on and on takes
0.03 ms of each second."""
AWAY: Final = 600.0
"""Seconds that the clock of an author may differ from ours, and that a message travels."""
SEEN: Final = 4000
"""Messages that are recognised when they come again: 2 x AWAY seconds of a room in which all talk
as fast as they may are 1,600."""
AUTHORS: Final = 500
"""Authors whose allowance is kept; who spoke least lately has a full one again by then."""
TOLD: Final = 20
"""Messages that a newcomer is told: enough to see what it is about."""


class Neighbour(Protocol):
    """A connection that messages come from. A key of a dict."""

    def offend(self, what: str) -> None:
        """Count something that a sane peer does not do."""


class Spoken(Protocol):
    """A message as it travels; the attributes are those of `wire.chat.ChatLine`."""

    @property
    def id(self) -> bytes: ...
    @property
    def author(self) -> bytes: ...
    @property
    def nickname(self) -> str: ...
    @property
    def time(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def signature(self) -> bytes: ...
    def signed_part(self, info_hash: bytes) -> bytes: ...


S = TypeVar("S", bound=Spoken)
V = TypeVar("V")


@define
class Counters:
    """Messages, since the room began, by what became of them."""

    sent: int = 0
    """Ours."""
    accepted: int = 0
    """Of others, and news."""
    duplicates: int = 0
    flooded: int = 0
    """Beyond what one neighbour may send."""
    crowded_out: int = 0
    """Beyond what an author may say, or all together."""
    stale: int = 0
    """Too old."""
    early: int = 0
    """From the future."""
    muted: int = 0
    """Of authors whom the user does not want to hear."""
    empty: int = 0
    """Without anything that can be seen."""
    forged: int = 0
    """With a signature that is not their author's, or for another torrent."""
    later_version: int = 0
    """In a form that this version does not know."""


class SpokenTooSoon(RequestError):
    """Our user writes faster than a message is allowed. `seconds`: until the next one is."""

    def __init__(self, seconds: float) -> None:
        super().__init__(Code.INVALID_PARAMS, f"too many chat messages: wait {ceil(seconds)} s")
        self.seconds = seconds


class Chatroom(Generic[S]):
    """The talk in the torrent of this 20-byte info-hash.

    `us` is our own key. `muted` has the keys whose messages end here: they are neither shown nor
    passed on; it may change at any time. `now` is in seconds of a clock that never steps, `wall` in
    seconds since 1970.
    """

    def __init__(self, info_hash: bytes, us: bytes, muted: Container[bytes], now: float) -> None:
        self.counters = Counters()
        self._info_hash = info_hash
        self._us = us
        self._muted = muted
        self._links: dict[Neighbour, Allowance] = {}
        self._authors: OrderedDict[bytes, Allowance] = OrderedDict()
        self._room = Allowance(ROOM, now)
        self._ours = Allowance(OURS, now)
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._history = History()
        self._recent: deque[S] = deque(maxlen=TOLD)

    @property
    def history(self) -> Sequence[ChatMessage]:
        """The last messages, in the order in which they came, without those of muted authors."""
        return [each for each in self._history if each.author not in self._muted]

    def recent(self, wall: float) -> Iterator[S]:
        """What somebody who has just come is to be told, the oldest first."""
        for spoken in tuple(self._recent):
            if abs(wall - spoken.time) <= AWAY and spoken.author not in self._muted:
                yield spoken

    # -- others ----------------------------------------------------------------------------

    def listens_to(self, link: Neighbour, now: float) -> bool:
        """Whether to look at a message that a neighbour sent; to be asked once for each."""
        allowance = self._links.get(link)
        if allowance is None:
            allowance = Allowance(LINK, now)
            self._links[link] = allowance
        listens = allowance.has_one(now)
        if allowance.is_overdrawn(now):
            link.offend("a flood of chat messages")
        allowance.spend(now)
        self.counters.flooded += not listens
        return listens

    def take(self, link: Neighbour, spoken: S, now: float, wall: float) -> ChatMessage | None:
        """What a neighbour sent and we listened to; gives what is to be shown and passed on, if it
        is news."""
        if self._is_unwanted(spoken, wall) or self._is_too_much(spoken.author, now):
            return None
        if not self._is_genuine(spoken):
            self.counters.forged += 1
            self._links[link].spend(now, TOLL)
            link.offend("a forged chat message")
            return None
        self._author(spoken.author, now).spend(now)
        self._room.spend(now)
        self.counters.accepted += 1
        return self._keep(spoken)

    def left(self, link: Neighbour) -> None:
        """A neighbour is gone."""
        self._links.pop(link, None)

    # -- ourselves -------------------------------------------------------------------------

    def may_speak(self, now: float) -> None:
        """SpokenTooSoon if our user has to wait."""
        if not self._ours.has_one(now):
            raise SpokenTooSoon(self._ours.ready_in(now))

    def speak(self, spoken: S, now: float) -> ChatMessage:
        """Something that we send; gives what is to be shown."""
        self._ours.spend(now)
        self.counters.sent += 1
        return self._keep(spoken)

    # -- inside ----------------------------------------------------------------------------

    def _is_unwanted(self, spoken: S, wall: float) -> bool:
        counters = self.counters
        if spoken.id in self._seen:
            counters.duplicates += 1
        elif wall - spoken.time > AWAY:
            counters.stale += 1
        elif spoken.time - wall > AWAY:
            counters.early += 1
        elif spoken.author in self._muted:
            counters.muted += 1
        elif not one_line(spoken.text):
            counters.empty += 1
        else:
            return False
        return True

    def _is_too_much(self, author: bytes, now: float) -> bool:
        known = self._authors.get(author)
        fits = self._room.has_one(now) and (known is None or known.has_one(now))
        self.counters.crowded_out += not fits
        return not fits

    def _is_genuine(self, spoken: S) -> bool:
        signed = spoken.signed_part(self._info_hash)
        return is_genuine(spoken.author, spoken.signature, signed)

    def _author(self, author: bytes, now: float) -> Allowance:
        allowance = self._authors.get(author)
        if allowance is None:
            allowance = Allowance(AUTHOR, now)
            self._authors[author] = allowance
        self._authors.move_to_end(author)
        _shorten(self._authors, AUTHORS)
        return allowance

    def _keep(self, spoken: S) -> ChatMessage:
        self._seen[spoken.id] = None
        _shorten(self._seen, SEEN)
        self._recent.append(spoken)
        message = self._shown(spoken)
        self._history.add(message)
        return message

    def _shown(self, spoken: S) -> ChatMessage:
        author = spoken.author
        name = one_line(spoken.nickname) or nickname(author)
        text, is_ours = one_line(spoken.text), author == self._us
        return ChatMessage(spoken.id, author, name, text, spoken.time, is_ours)


def _shorten(table: OrderedDict[bytes, V], most: int) -> None:
    """Forget what was put there first."""
    while len(table) > most:
        table.popitem(last=False)
