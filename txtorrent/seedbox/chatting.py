"""Chat with the swarms of torrents: who we are, for which torrents it is on, what was said.

The governing rule: nothing is said, heard or even offered in a torrent whose switch is off, nor in
a private one, or one that may be, without its second switch.

What was said outlives the engine's torrent, which comes and goes, but not the daemon.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

from txtorrent.errors import Code, RequestError
from txtorrent.extension import chat
from txtorrent.extension.interfaces import Link, Swarm
from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.observers import Observers
from txtorrent.seedbox.preferences import Preferences
from txtorrent.session import Session
from txtorrent.settings.settings import Settings
from txtorrent.storage.database import StateError
from txtorrent.swarm.chathistory import ChatMessage, History
from txtorrent.swarm.chatroom import Counters
from txtorrent.swarm.identity import Identity, fingerprint
from txtorrent.swarm.peerbook import Source

NOTE: Final = "chat key"
"""The private key, in the state database, in a directory that nobody else may read."""
MOST_TALKS: Final = 100
"""Torrents of which it is kept what was said, each as much as `History` holds: 35 MB if strangers
write as much as they may. The one that has been silent for longest makes room."""
SWITCHES: Final = frozenset(("chat", "chat_in_private"))
"""Of a torrent's record."""

_KEY: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FINGERPRINT: Final = re.compile(r"[a-z2-7]{16}", re.ASCII)
_log = Logger()


@frozen
class Speaker:
    """A connected peer that speaks chat. Which author it is, if any, nobody can tell."""

    address: str
    port: int
    client: str


class Chatting:
    """The chat of a session. `entries` by info-hash; `wake` has the engine run for a while what
    sleeps."""

    def __init__(
        self,
        session: Session,
        settings: Settings,
        preferences: Preferences,
        entries: Mapping[bytes, Entry],
        observers: Observers,
        wake: Callable[[Entry], None],
    ) -> None:
        self._session = session
        self._settings = settings
        self._preferences = preferences
        self._entries = entries
        self._observers = observers
        self._wake = wake
        self._muted: set[bytes] = set()
        self._turn = DeferredLock()
        self._company: dict[Entry, int] = {}
        self._talks: OrderedDict[bytes, History] = OrderedDict()
        self._identity: Identity | None = None

    async def open(self, wall_clock: Callable[[], float]) -> None:
        """Take our key, and let torrents speak from now on; before the first of them begins.
        `wall_clock` gives seconds since 1970."""
        self._identity = identity = await self._own_identity()
        self._settings.listen(self._settings_changed)
        self._settings_changed(["chat_muted"])
        kind = chat.kind(identity, self._is_on, self._take, wall_clock, self._muted)
        self._session.kinds.append(kind)

    def apply(self, entry: Entry, changes: Collection[str]) -> None:
        """A torrent was changed: perhaps its switches were."""
        if SWITCHES.isdisjoint(changes):
            return
        if not entry.record.chat:
            self.forget(entry)
        running = entry.torrent or entry.fetch
        if running is not None:
            running.refresh_extensions()
        if entry.record.chat:
            self._find_company(entry)

    def tick(self, active: Iterable[Entry]) -> None:
        """To be called every second, with the torrents that the engine runs: tell where there are
        more or fewer to talk to."""
        now = {entry: entry.chat_speakers for entry in active if entry.record.chat}
        for entry in now.keys() | self._company.keys():
            if now.get(entry, 0) != self._company.get(entry, 0):
                self._observers.changed(entry, ("chat_speakers",))
        self._company = {entry: count for entry, count in now.items() if count}

    def forget(self, entry: Entry) -> None:
        """A torrent is gone, and what was said there."""
        self._talks.pop(entry.info_hash, None)

    # -- who we are ------------------------------------------------------------------------

    @property
    def key(self) -> bytes:
        """Ours, 32 bytes, as others see it."""
        return self._us.public

    @property
    def fingerprint(self) -> str:
        """Of our key."""
        return self._us.fingerprint

    @property
    def nickname(self) -> str:
        """What others see us called."""
        return str(self._settings.get("chat_nickname")) or self._us.nickname

    @property
    def _us(self) -> Identity:
        assert self._identity is not None, "the list has not been opened"
        return self._identity

    # -- the talk --------------------------------------------------------------------------

    def send(self, entry: Entry, text: str) -> ChatMessage:
        """Say something in a torrent's swarm. RequestError: it cannot be said, or nobody is there
        to hear it."""
        record = entry.record
        if not record.chat:
            raise _refused(f"chat is off for {record.name}: set its tx_chat to true first")
        if record.is_private and not record.chat_in_private:
            raise _refused(
                f"{record.name} is private, and chat for it is off: it takes tx_chat_in_private,"
                " too"
            )
        room = entry.chat_room
        if room is None or not room.speakers:
            self._find_company(entry)
            raise _refused(
                f"nobody who speaks chat is connected in {record.name}; looking for somebody"
            )
        return room.send(text, self._settings.get("chat_nickname"))

    def history(self, entry: Entry) -> Sequence[ChatMessage]:
        """What was said last, in the order in which it came, without those who are muted. Who wants
        to know wants company, too."""
        if entry.record.chat and not entry.chat_speakers:
            self._find_company(entry)
        talk = self._talks.get(entry.info_hash, ())
        return [message for message in talk if message.author not in self._muted]

    def speakers(self, entry: Entry) -> Sequence[Speaker]:
        """The connected peers that speak chat."""
        room = entry.chat_room
        return [_speaker(link) for link in room.speakers] if room is not None else ()

    def counters(self, entry: Entry) -> Counters:
        """What became of messages since the engine's torrent began."""
        room = entry.chat_room
        return room.counters if room is not None else Counters()

    # -- who is not heard ------------------------------------------------------------------

    @property
    def muted(self) -> Sequence[bytes]:
        """Keys of authors, in the order in which they were muted."""
        return [bytes.fromhex(key) for key in self._settings.get("chat_muted")]

    def mute(self, author: str) -> "Deferred[bytes]":
        """Hear somebody no more, who is named by the key in hexadecimal or by the fingerprint of
        one who was heard; fires with the key when it is recorded. RequestError."""
        return self._turn.run(lambda: Deferred.fromCoroutine(self._mute(author)))

    def unmute(self, author: str) -> "Deferred[bytes]":
        """Hear somebody again."""
        return self._turn.run(lambda: Deferred.fromCoroutine(self._unmute(author)))

    async def _mute(self, author: str) -> bytes:
        heard = {message.author for talk in self._talks.values() for message in talk}
        key = _named(author, {*heard, *self.muted, self.key}, "was heard here")
        if key == self.key:
            raise _refused("that is our own key: turn chat off instead")
        if key not in self._muted:
            await self._set_muted([*self.muted, key])
        return key

    async def _unmute(self, author: str) -> bytes:
        key = _named(author, self.muted, "is muted")
        await self._set_muted([each for each in self.muted if each != key])
        return key

    def _set_muted(self, keys: Sequence[bytes]) -> "Deferred[None]":
        return self._preferences.change({"chat_muted": [key.hex() for key in keys]})

    # -- inside ----------------------------------------------------------------------------

    async def _own_identity(self) -> Identity:
        notes = self._session.notes
        secret = await notes.get(NOTE)
        try:
            if secret is not None:
                return Identity(secret)
        except ValueError:
            _log.error("the chat key is damaged: others will see a new one")
        identity = Identity.make()
        try:
            await notes.put({NOTE: identity.secret}, durable=True)
        except StateError as error:
            _log.error("the chat key is for this run only: {why}", why=str(error))
        return identity

    def _is_on(self, swarm: Swarm) -> bool:
        entry = self._entries.get(swarm.info_hash)
        if entry is None:
            return False
        return chat.may_chat(swarm, entry.record.chat, entry.record.chat_in_private)

    def _find_company(self, entry: Entry) -> None:
        """Seeds that were sent away, or never dialled, are of use now."""
        self._wake(entry)
        connections = entry.connections
        if connections is not None:
            connections.found(entry.named_peers, Source.USER)
        if entry.announcer is not None:
            entry.announcer.want_peers()

    def _take(self, swarm: Swarm, message: ChatMessage) -> None:
        """Something was said. A room that begins anew is told again what was said last."""
        entry = self._entries.get(swarm.info_hash)
        if entry is None:
            return
        talk = self._talks.setdefault(entry.info_hash, History())
        self._talks.move_to_end(entry.info_hash)
        if len(self._talks) > MOST_TALKS:
            self._talks.popitem(last=False)
        if message.id not in {known.id for known in talk}:
            talk.add(message)
            self._observers.said(entry, message)

    def _settings_changed(self, names: Collection[str]) -> None:
        if "chat_muted" in names:
            self._muted.clear()
            self._muted.update(self.muted)
            self._muted.discard(self.key)


def _named(author: str, known: Collection[bytes], is_known: str) -> bytes:
    """The one of the keys that is named; a key that is not among them only if it is written out."""
    text = author.strip().lower()
    if _KEY.fullmatch(text):
        return bytes.fromhex(text)
    letters = text.replace("-", "")
    if _FINGERPRINT.fullmatch(letters) is None:
        raise _refused(f"{author[:80]!r} is neither a fingerprint nor a key")
    found = [key for key in known if fingerprint(key).replace("-", "") == letters]
    if not found:
        raise _refused(f"nobody with the fingerprint {text} {is_known}")
    return found[0]


def _speaker(link: Link) -> Speaker:
    return Speaker(link.address.host, link.address.port, link.peer.client)


def _refused(text: str) -> RequestError:
    return RequestError(Code.INVALID_PARAMS, text)
