"""ut_pex (BEP 11): peers tell each other to whom they are connected.

Who was just met hears of up to 50 contacts within seconds, and from then on once a minute what has
changed; turns are spread over the minute. What peers say of others is taken within limits, for
anybody may say anything (THREATS B11): how often, and nothing that only we could reach.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from typing import Final

from txtorrent.address import Address, Reach, is_dialable, reach
from txtorrent.bencode import Value
from txtorrent.extension.interfaces import Kind, Link, Swarm
from txtorrent.extension.roster import Roster
from txtorrent.swarm.peerbook import Source
from txtorrent.wire.extension import ExtensionHandshake
from txtorrent.wire.pex import MOST_LISTED, Flag, PeerExchange

NAME: Final = b"ut_pex"
TURNS: Final = 12
"""In a minute; each peer has one of them."""
TURN: Final = 5.0
"""Seconds. Thus a peer hears from us at most once a minute, and soon after it came."""
LOOK_EVERY: Final = 60.0
"""Seconds between looks at all connections, unless somebody came meanwhile."""
EXPECT_EVERY: Final = 50.0
"""Seconds between messages of a peer: a minute, if clocks and networks were exact."""
BURST: Final = 2
"""Messages that may come at once."""
TOO_SOON: Final = 10.0
"""Seconds by which a message that comes too soon, and is passed over, delays the next."""
PATIENCE: Final = 300.0
"""Seconds of such delay from which on each is an offence: who sends two a minute never gets so
far, who sends one a second does in half a minute."""
MOST_CUT: Final = 4 * MOST_LISTED
"""Contacts of a message that were too many: some clients' first one has all that they know."""


class PeerExchanges:
    """Who of one torrent was told of whom, and what its peers say."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self._roster = Roster(swarm.random)
        self._turns: list[dict[Link, int]] = [{} for _ in range(TURNS)]
        """Who has which turn, with the places of the contacts that it was told of."""
        self._turn = 0
        self._due = 0.0
        self._look_due = 0.0
        self._expected: dict[Link, float] = {}
        """When the next message of a peer is due, had it kept to the minute."""

    def greeting(self) -> Mapping[bytes, Value]:
        """Nothing beside the name."""
        return {}

    def joined(self, link: Link, handshake: ExtensionHandshake) -> None:
        """It has the next turn: soon, and with all others that have just come."""
        self._turns[self._turn][link] = 0
        self._look_due = 0.0

    def left(self, link: Link) -> None:
        """Others are told when it is their turn."""
        for turn in self._turns:
            turn.pop(link, None)
        self._expected.pop(link, None)
        self._roster.gone(link.peer.contact)

    def stop(self) -> None:
        """Forget everybody."""
        self._turns = [{} for _ in range(TURNS)]
        self._expected.clear()

    # -- what we say -----------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """The next turn, if it is due."""
        if now < self._due:
            return
        self._due = now + TURN
        turn, self._turn = self._turns[self._turn], (self._turn + 1) % TURNS
        if turn:
            self._look_over(now)
            for link in tuple(turn):
                if link in turn:
                    turn[link] = self._tell(link, turn[link])

    def _look_over(self, now: float) -> None:
        if now >= self._look_due:
            self._look_due = now + LOOK_EVERY
            told = (reduce(or_, turn.values(), 0) for turn in self._turns)
            self._roster.look_over(self._swarm.links(), reduce(or_, told))

    def _tell(self, link: Link, told: int) -> int:
        """Tell a peer what has changed; returns of whom it was told then."""
        roster = self._roster
        added = roster.some(roster.may_hear_of(link) & ~told, MOST_LISTED)
        dropped = roster.some(told & ~roster.present, MOST_LISTED)
        if not (added or dropped):
            return told
        gone = tuple(contact.address for contact in roster.contacts(dropped))
        news = PeerExchange(roster.contacts(added), gone)
        return (told | added) & ~dropped if link.extend(NAME, news.encode()) else told

    # -- what we hear ----------------------------------------------------------------------

    def received(self, link: Link, payload: bytes) -> None:
        """Contacts of a peer. ProtocolError."""
        if self._is_too_soon(link):
            return
        said = PeerExchange.decode(payload)
        if said.cut > MOST_CUT:
            link.offend("tells us of too many peers at once")
        near = reach(link.address.host)
        known = [
            contact.address
            for contact in said.added
            if _may_name(near, contact.address)
            and not (self._swarm.upload_only and Flag.UPLOAD_ONLY in contact.flags)
        ]
        if known:
            self._swarm.found(known, Source.PEX, link.address.host)

    def _is_too_soon(self, link: Link) -> bool:
        now = self._swarm.now()
        expected = max(self._expected.get(link, now), now)
        ahead = expected - now
        is_too_soon = ahead > EXPECT_EVERY * (BURST - 1)
        if is_too_soon and ahead >= PATIENCE:
            link.offend("tells us of its peers again and again")
        else:
            self._expected[link] = expected + (TOO_SOON if is_too_soon else EXPECT_EVERY)
        return is_too_soon


def _may_name(near: Reach, address: Address) -> bool:
    """Whether a peer that is so near may tell us of this one: a stranger may not have us knock at
    doors of our own network."""
    return is_dialable(address) and reach(address.host) in (Reach.GLOBAL, near)


def pex_kind(enabled: Callable[[], bool]) -> Kind:
    """ut_pex for all torrents whose peers may be named by others than their trackers (BEP 27),
    while it is `enabled`."""
    return Kind(NAME, PeerExchanges, lambda swarm: enabled() and not swarm.is_private)
