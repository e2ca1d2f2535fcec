"""Chat with everyone in a torrent's swarm who speaks it too: the extension `tx_chat`.

What somebody says goes to all neighbours that speak chat, and each of them passes on what is news
to it. Who comes late is told what was said last. Off, unless the user has turned it on for a
torrent. The form of a message is in `wire.chat`, what is believed in `swarm.chatroom`.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Final

from txtorrent.bencode import Value
from txtorrent.errors import Code, RequestError
from txtorrent.extension.interfaces import Kind, Link, Swarm
from txtorrent.metainfo.text import one_line
from txtorrent.swarm.chathistory import ChatMessage
from txtorrent.swarm.chatroom import Chatroom, Counters
from txtorrent.swarm.identity import Identity
from txtorrent.wire.chat import MAX_NICKNAME, MAX_TEXT, NAME, ChatLine
from txtorrent.wire.extension import ExtensionHandshake

MOST_KEPT: Final = 20
"""Connections of one torrent that are there for the talk alone: from so many, all that is said
comes to everybody, and they leave room for others."""
_NONCE: Final = 8


def may_chat(swarm: Swarm, is_on: bool, in_private: bool) -> bool:
    """Whether a torrent has chat, as the user's two switches for it say. As long as it is not known
    whether it is private, it is taken for private."""
    is_public = swarm.metadata is not None and not swarm.is_private
    return is_on and (is_public or in_private)


def kind(
    identity: Identity,
    is_on: Callable[[Swarm], bool],
    heard: Callable[[Swarm, ChatMessage], None],
    wall_clock: Callable[[], float],
    muted: Container[bytes] = frozenset(),
) -> Kind:
    """Chat for torrents of which `is_on` is true (see `may_chat`). `heard` is told of each message
    that is news, our own too; `muted` has the keys of authors whom the user does not want to hear,
    and may change at any time; `wall_clock` gives seconds since 1970."""

    def make(swarm: Swarm) -> Chat:
        return Chat(swarm, identity, heard, wall_clock, muted)

    return Kind(NAME, make, is_on)


class Chat:
    """The chat of one torrent."""

    def __init__(
        self,
        swarm: Swarm,
        identity: Identity,
        heard: Callable[[Swarm, ChatMessage], None],
        wall_clock: Callable[[], float],
        muted: Container[bytes],
    ) -> None:
        self._swarm = swarm
        self._identity = identity
        self._heard = heard
        self._wall_clock = wall_clock
        self._speakers: dict[Link, None] = {}
        self._kept: set[Link] = set()
        self._room: Chatroom[ChatLine] = Chatroom(
            swarm.info_hash, identity.public, muted, swarm.now()
        )

    # -- for the user ----------------------------------------------------------------------

    @property
    def history(self) -> Sequence[ChatMessage]:
        """The last messages, at most 200, in the order in which they came; ours too."""
        return self._room.history

    @property
    def counters(self) -> Counters:
        """What became of the messages that came."""
        return self._room.counters

    @property
    def speakers(self) -> Sequence[Link]:
        """The peers that speak chat, and have not taken that back."""
        return [link for link in self._speakers if NAME in link.extension_ids]

    def send(self, text: str, nickname: str = "") -> ChatMessage:
        """Say something to everyone, as this nickname; without one, by a part of our fingerprint.
        What cannot be seen is left out, and each line's end becomes a space.

        RequestError: it is empty then, or too long; SpokenTooSoon when the user has to wait.
        """
        text, nickname = one_line(text), one_line(nickname) or self._identity.nickname
        _check("a chat message", text, MAX_TEXT)
        _check("a nickname", nickname, MAX_NICKNAME)
        now = self._swarm.now()
        self._room.may_speak(now)
        line = self._signed(text, nickname)
        message = self._room.speak(line, now)
        self._pass_on(line)
        self._heard(self._swarm, message)
        return message

    # -- of the extension protocol ---------------------------------------------------------

    def greeting(self) -> Mapping[bytes, Value]:
        """Nothing more."""
        return {}

    def joined(self, link: Link, handshake: ExtensionHandshake) -> None:
        """Somebody who speaks chat: tell it what was said last."""
        self._speakers[link] = None
        for line in self._room.recent(self._wall_clock()):
            _send(line, (link,))

    def received(self, link: Link, payload: bytes) -> None:
        """A message. ProtocolError when it is malformed."""
        now = self._swarm.now()
        if not self._room.listens_to(link, now):
            return
        line = ChatLine.decode(payload)
        if line is None:
            self._room.counters.later_version += 1
            return
        message = self._room.take(link, line, now, self._wall_clock())
        if message is not None:
            self._pass_on(line, link)
            self._heard(self._swarm, message)

    def left(self, link: Link) -> None:
        """It is forgotten."""
        self._speakers.pop(link, None)
        self._kept.discard(link)
        self._room.left(link)

    def keeps(self, link: Link) -> bool:
        """Seeds stay together for the talk, a few of them."""
        if NAME not in link.extension_ids:
            return False
        if len(self._kept) < MOST_KEPT:
            self._kept.add(link)
        return link in self._kept

    def tick(self, now: float) -> None:
        """Nothing happens by itself: what is too old is seen when somebody asks for it."""

    def stop(self) -> None:
        """Nobody is told anything any more."""
        self._speakers.clear()
        self._kept.clear()

    # -- inside ----------------------------------------------------------------------------

    def _signed(self, text: str, nickname: str) -> ChatLine:
        nonce = self._swarm.random.randbytes(_NONCE)
        line = ChatLine(self._identity.public, nickname, int(self._wall_clock()), nonce, text)
        return line.signed(self._identity.sign(line.signed_part(self._swarm.info_hash)))

    def _pass_on(self, line: ChatLine, came_from: Link | None = None) -> None:
        _send(line, [link for link in self._speakers if link is not came_from])


def _send(line: ChatLine, links: Sequence[Link]) -> None:
    """Send it to each of these, if it may go so far. Connections may end by it."""
    onward = line.onward()
    if onward is not None:
        payload = onward.encode()
        for link in links:
            link.extend(NAME, payload)


def _check(what: str, text: str, longest: int) -> None:
    if not text:
        raise RequestError(Code.INVALID_PARAMS, f"{what} needs something that can be seen")
    if len(text) > longest:
        raise RequestError(
            Code.INVALID_PARAMS, f"{what} has at most {longest} characters: this has {len(text)}"
        )
