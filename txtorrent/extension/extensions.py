"""The extensions of one torrent: who speaks which, and what comes for whom (BEP 10).

What must stay true: an extension hears of a connection only between `joined` and `left`, and of no
payload before we have offered the extension to that connection. An id of ours means the same
extension for as long as a connection lasts: it is the place of its kind in the session's list.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Protocol

from twisted.logger import Logger

from txtorrent import __version__
from txtorrent.bencode import Value
from txtorrent.extension.interfaces import (
    AttentiveExtension,
    Extension,
    Kind,
    Link,
    SociableExtension,
    Swarm,
)
from txtorrent.wire.extension import MAX_EXTENSIONS, ExtensionHandshake
from txtorrent.wire.messages import Extended
from txtorrent.wire.stream import ProtocolError

CLIENT: Final = f"txtorrent {__version__}"
MOST_HANDSHAKES: Final = 100
"""In one connection: some clients send one whenever something has changed."""
NO_IDS: Final[Mapping[bytes, int]] = MappingProxyType({})
NO_MORE: Final[Mapping[bytes, Value]] = MappingProxyType({})

_log = Logger()


class Speaker(Link, Protocol):
    """A connection, as this module sees it."""

    extension_ids: Mapping[bytes, int]
    handshakes: int
    """Extension handshakes that have come."""

    def send(self, message: Extended) -> None:
        """Write one message."""


Heard = Callable[[Any, ExtensionHandshake], None]
"""Is told the connection, and what its peer said of itself."""


class Extensions:
    """The extensions that apply to a torrent. `reqq` is how many requests we queue for a peer;
    `heard` is told of every handshake that comes."""

    def __init__(self, swarm: Swarm, kinds: Sequence[Kind], reqq: int, heard: Heard) -> None:
        self._swarm = swarm
        self._kinds = kinds
        self._reqq = reqq
        self._heard = heard
        self._at_work: dict[int, Extension] = {}
        self._joined: dict[int, set[Speaker]] = {}
        self._greeted: dict[Speaker, None] = {}
        self._offered: dict[bytes, int] = {}
        self._begin()

    def __getitem__(self, name: bytes) -> Extension | None:
        """The extension of this name, if it is at work."""
        number = self._offered.get(name, 0)
        return self._at_work.get(number)

    def __contains__(self, link: object) -> bool:
        """Whether the connection was greeted."""
        return link in self._greeted

    # -- connections -----------------------------------------------------------------------

    def greet(self, link: Speaker) -> None:
        """Say what we speak, to a peer that knows the extension protocol. To one that was greeted
        before the metadata was known it is news."""
        self._greeted[link] = None
        link.send(Extended(0, self._greeting(link)))
        self._join_all(link, ExtensionHandshake(ids=link.extension_ids))

    def received(self, link: Speaker, number: int, payload: bytes) -> None:
        """A message came. ProtocolError."""
        if number == 0:
            self._shake_hands(link, ExtensionHandshake.decode(payload))
        elif number in self._at_work and link in self._greeted:
            self._at_work[number].received(link, payload)

    def left(self, link: Speaker) -> None:
        """A connection is gone."""
        if link in self._greeted:
            del self._greeted[link]
            for number, extension in self._at_work.items():
                self._joined[number].discard(link)
                extension.left(link)

    def keeps(self, link: Speaker) -> bool:
        """Whether a connection is of use although neither side wants a piece of the other. It may
        be as long as it is not known what the peer speaks."""
        if link not in self._greeted:
            return False
        sociable = (each for each in self._at_work.values() if isinstance(each, SociableExtension))
        return any(not link.handshakes or each.keeps(link) for each in sociable)

    # -- as things change ------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """To be called every second."""
        for extension in tuple(self._at_work.values()):
            try:
                extension.tick(now)
            except Exception:
                _log.failure("an error in the periodic work of an extension; it goes on")

    def refresh(self) -> None:
        """Settings have changed: some extensions may apply now, others no longer."""
        offered = dict(self._offered)
        self._begin()
        if self._offered != offered:
            gone = {name: 0 for name in offered if name not in self._offered}
            self.tell({**gone, **self._offered}, self._greetings())
            for link in tuple(self._greeted):
                self._join_all(link, ExtensionHandshake(ids=link.extension_ids))

    def tell(
        self, ids: Mapping[bytes, int] = NO_IDS, more: Mapping[bytes, Value] = NO_MORE
    ) -> None:
        """Tell everybody how we are now: that we download nothing any more, say."""
        said = ExtensionHandshake(ids=ids, upload_only=self._swarm.upload_only, more=more)
        for link in tuple(self._greeted):
            link.send(Extended(0, said.encode()))

    def stop(self) -> None:
        """Stop every extension; no connection ends by it."""
        for extension in self._at_work.values():
            extension.stop()
        self._at_work.clear()
        self._joined.clear()
        self._greeted.clear()
        self._offered = {}

    # -- inside ----------------------------------------------------------------------------

    def _numbered(self) -> list[tuple[int, Kind]]:
        """The kinds at work, with our ids of them."""
        return [(n, kind) for n, kind in enumerate(self._kinds, 1) if n in self._at_work]

    def _begin(self) -> None:
        for number, kind in enumerate(self._kinds, 1):
            applies = kind.applies(self._swarm)
            if applies and number not in self._at_work:
                self._at_work[number] = kind.make(self._swarm)
                self._joined[number] = set()
            elif not applies and number in self._at_work:
                del self._joined[number]
                self._at_work.pop(number).stop()
        self._offered = {kind.name: number for number, kind in self._numbered()}

    def _join_all(self, link: Speaker, handshake: ExtensionHandshake) -> None:
        """Have all extensions that the peer speaks know of it. One of them may end the
        connection."""
        for number, kind in self._numbered():
            if not link.is_open or link not in self._greeted:
                return
            extension = self._at_work[number]
            if link in self._joined[number]:
                if isinstance(extension, AttentiveExtension):
                    extension.heard(link, handshake)
            elif kind.name in link.extension_ids:
                self._joined[number].add(link)
                extension.joined(link, handshake)

    def _greeting(self, link: Speaker) -> bytes:
        swarm = self._swarm
        metadata = None if swarm.is_private else swarm.metadata  # it is not to be had by them
        return ExtensionHandshake(
            ids=self._offered,
            port=swarm.port,
            client=CLIENT,
            your_host=link.address.host,
            reqq=self._reqq,
            metadata_size=None if metadata is None else len(metadata),
            upload_only=swarm.upload_only or None,
            more=self._greetings(),
        ).encode()

    def _greetings(self) -> dict[bytes, Value]:
        more: dict[bytes, Value] = {}
        for extension in self._at_work.values():
            more.update(extension.greeting())
        return more

    def _shake_hands(self, link: Speaker, handshake: ExtensionHandshake) -> None:
        link.handshakes += 1
        if link.handshakes > MOST_HANDSHAKES:
            raise ProtocolError("one extension handshake too many")
        link.extension_ids = merged(link.extension_ids, handshake.ids)
        self._heard(link, handshake)
        self._join_all(link, handshake)


def merged(before: Mapping[bytes, int], said: Mapping[bytes, int]) -> Mapping[bytes, int]:
    """The ids after a handshake: it adds and changes some, and those that are 0 it takes back.
    The first MAX_EXTENSIONS are kept, however many handshakes come."""
    ids = {name: number for name, number in {**before, **said}.items() if number}
    return _same(tuple(ids.items())[:MAX_EXTENSIONS])


@lru_cache(1024)
def _same(ids: tuple[tuple[bytes, int], ...]) -> Mapping[bytes, int]:
    """Thousands of peers are of a few clients: one mapping for all that say the same."""
    return MappingProxyType(dict(ids))
