"""What an extension of the peer wire is (BEP 10), and what it may ask of its surroundings.

To add one, from inside or outside of this package: write a class with the methods of `Extension`,
and name a `Kind` that makes it in `SessionOptions.extensions`. Each torrent gets one of its own,
which is told of the peers that speak it, gets the payloads they send it, and says what it has to
say with `Link.extend`. It opens no connection and keeps no timer: `tick` comes once a second.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Protocol, runtime_checkable

from attrs import frozen

from txtorrent.address import Address
from txtorrent.bencode import Value
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.peerbook import Source
from txtorrent.wire.extension import ExtensionHandshake


class Link(Protocol):
    """A connection to a peer, as an extension sees it. May be a key of a dict."""

    address: Address
    outbound: bool
    """Whether we dialled."""
    peer: Peer
    extension_ids: Mapping[bytes, int]
    """The peer's ids, by names of extensions."""

    @property
    def is_open(self) -> bool:
        """False once either side has closed it."""

    def extend(self, name: bytes, payload: bytes) -> bool:
        """Send a message of an extension; False, and nothing is sent, if the peer does not speak
        it. At most 64 KiB together with its id."""

    def offend(self, what: str) -> None:
        """Count something that a sane peer does not do; 300 of them end the connection."""

    def close(self, reason: str) -> None:
        """End the connection."""


class Swarm(Protocol):
    """A torrent, as its extensions see it."""

    @property
    def info_hash(self) -> bytes:
        """20 bytes."""

    @property
    def random(self) -> Random:
        """All chance."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def is_private(self) -> bool:
        """Whether nobody but its trackers may name peers (BEP 27). False while it is not known."""

    @property
    def metadata(self) -> memoryview | None:
        """The `info` dict as it came; None while only a magnet link is known."""

    @property
    def upload_only(self) -> bool:
        """Whether we download nothing more of it (BEP 21)."""

    @property
    def port(self) -> int:
        """The TCP port that we listen on."""

    def now(self) -> float:
        """Seconds of the reactor's clock."""

    def links(self) -> Iterable[Link]:
        """The connections that take part."""

    def found(self, addresses: Sequence[Address], source: Source, via: str | None = None) -> None:
        """Candidates. `via` is the host of the peer that named them."""

    def lost(self, link: Link, piece: int) -> None:
        """A peer has a piece no longer. ProtocolError: there is no such piece."""


class Extension(Protocol):
    """One extension at work in one torrent."""

    def greeting(self) -> Mapping[bytes, Value]:
        """Keys for our extension handshake, besides those of BEP 10; mostly none."""

    def joined(self, link: Link, handshake: ExtensionHandshake) -> None:
        """The peer says that it speaks the extension: once for each connection."""

    def received(self, link: Link, payload: bytes) -> None:
        """The peer sent a message. ProtocolError ends its connection, with the text as the reason.

        Peers send messages before their handshake, and after taking it back.
        """

    def left(self, link: Link) -> None:
        """A connection is gone, whether it had joined or not."""

    def tick(self, now: float) -> None:
        """A second has passed."""

    def stop(self) -> None:
        """The torrent stops, or its metadata has become known and it begins anew: no call comes
        after this one. The connections may go on."""


@runtime_checkable
class AttentiveExtension(Extension, Protocol):
    """One that wants to know what peers say of themselves later, too."""

    def heard(self, link: Link, handshake: ExtensionHandshake) -> None:
        """A peer that has joined sent another handshake, which says only what has changed."""


@runtime_checkable
class SociableExtension(Extension, Protocol):
    """One for which a connection may be of use although neither side wants a piece of the other:
    two seeds usually part."""

    def keeps(self, link: Link) -> bool:
        """Whether such a connection is to stay; asked again when either side has changed."""


@frozen
class Kind:
    """An extension that torrents may have.

    `name` is as in the handshake: b"ut_pex". `applies` is asked when a torrent begins and when
    settings change; a torrent whose answer has changed begins it, or stops it and tells its peers.
    """

    name: bytes
    make: Callable[[Swarm], Extension]
    applies: Callable[[Swarm], bool] = lambda swarm: True
