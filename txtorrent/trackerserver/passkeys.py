"""Who may use a private tracker, and how much each user has uploaded and downloaded.

A client says totals since its `started` (BEP 3), so what counts is what they grew by from one
announce of a peer in a torrent to the next. A peer that is not known, since it starts or since we
did, counts from what it says first. The counters are the clients' own word: they bound nothing but
what one may claim for the time that passed.

Users are kept by the SHA-256 of their passkeys, so that what is written to disk or shown of them
holds none.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from attrs import define, field

from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.wire.announce import Event
from txtorrent.wire.received import ReceivedAnnounce

MAX_RATE: Final = 1_250_000_000
"""Bytes/s that a peer can have moved each way since its last announce: 10 Gbit/s. What is claimed
beyond is not counted."""
MAX_PEERS: Final = 1_000_000
"""Peers whose last totals are remembered, at about half a kilobyte each; beyond, those that have
not announced for the longest time are forgotten."""
MAX_PEERS_OF_USER: Final = 20_000
"""Of which one user may have: nobody seeds more, and nobody can push all others out."""
REMEMBERED: Final = 86_400.0
"""Seconds for which they are, without an announce: longer than any interval."""
MAX_FORMER: Final = 1_000_000
"""Users that are not listed any more whose totals are kept, those that left last."""
MAX_SAVED: Final = 50_000
"""Peers of which the last totals are saved, the latest ones: some 8 MB of JSON."""
MAX_TOTAL: Final = 1 << 63
"""Bytes that a peer can say: all that UDP trackers are told fits (BEP 15)."""
_FORGOTTEN_AT_ONCE: Final = 2
"""Peers forgotten at each announce, which brings one at the most."""
_HASH: Final = 20


@define(eq=False)
class User:
    """`uploaded` and `downloaded` are bytes of all torrents together; `id` is in hexadecimal."""

    id: str
    name: str
    uploaded: int = 0
    downloaded: int = 0
    _peers: int = field(default=0, repr=False)
    _prefix: bytes = field(init=False, repr=False)
    """Of the keys of this user's peers: two users' peers may have the same id."""

    def __attrs_post_init__(self) -> None:
        self._prefix = bytes.fromhex(self.id[:16])

    @property
    def ratio(self) -> float | None:
        """Bytes uploaded for each downloaded; None when nothing was downloaded."""
        return self.uploaded / self.downloaded if self.downloaded else None


@define(eq=False)
class _Last:
    """What a peer said last, and when."""

    user: User
    uploaded: int
    downloaded: int
    at: float


class Passkeys:
    """The users of one tracker, through all reloads of their list. `names`: by passkey."""

    def __init__(self, names: Mapping[bytes, str]) -> None:
        self._users: dict[bytes, User] = {}
        """Those that are listed now, by passkey."""
        self._by_id: dict[str, User] = {}
        """These, and those that were listed before: who comes back has what was counted."""
        self._last: OrderedDict[bytes, _Last] = OrderedDict()
        self.replace(names)

    def user(self, key: bytes | None) -> User:
        """Whose passkey it is. Refused, when it is nobody's or there is none."""
        user = self._users.get(key) if key is not None else None
        if user is None:
            raise Refused(Reason.PASSKEY, "no valid passkey is in the URL", 0.0)
        return user

    def users(self) -> Iterator[User]:
        """Those that are listed now."""
        return iter(self._users.values())

    def replace(self, names: Mapping[bytes, str]) -> None:
        """The list was read again. What was counted is kept, also of who is not in it: a slip in
        editing must not cost anybody's ratio."""
        self._users = {key: self._kept(key, name) for key, name in names.items()}
        listed = {user.id: user for user in self._users.values()}
        moved = (user for user in self._by_id.values() if user.uploaded or user.downloaded)
        former = [user for user in moved if user.id not in listed]
        self._by_id = {user.id: user for user in former[-MAX_FORMER:]} | listed

    def count(self, user: User, announce: ReceivedAnnounce, now: float) -> None:
        """Take an announce of the user's into account. `now` in seconds, never going back."""
        self._forget_old(now)
        place = user._prefix + announce.info_hash + announce.peer_id
        said = _Last(user, _bounded(announce.uploaded), _bounded(announce.downloaded), now)
        last = self._last.get(place)
        if last is not None and announce.event is not Event.STARTED:
            most = int((now - last.at) * MAX_RATE)
            user.uploaded += _grown(last.uploaded, said.uploaded, most)
            user.downloaded += _grown(last.downloaded, said.downloaded, most)
        if announce.event is Event.STOPPED:
            self._forget(place)
        else:
            self._remember(place, said)

    def to_plain(self) -> dict[str, Any]:
        """What is to outlive the process, for JSON. Tuples of what is no container: lists of
        lists would have the garbage collector look through all that the process has."""
        latest = islice(reversed(self._last.items()), MAX_SAVED)
        return {
            "users": {
                user.id: (user.uploaded, user.downloaded)
                for user in self._by_id.values()
                if user.uploaded or user.downloaded
            },
            "peers": [
                (last.user.id, place[-2 * _HASH :].hex(), last.uploaded, last.downloaded)
                for place, last in latest
            ],
        }

    def restore(self, plain: Any, now: float) -> None:
        """Go on from what `to_plain` gave; before anything is counted. ValueError when it is
        something else, and then nothing is changed."""
        totals, peers = _checked(plain)
        for name, (uploaded, downloaded) in totals.items():
            user = self._by_id.setdefault(name, User(name, ""))
            user.uploaded, user.downloaded = uploaded, downloaded
        for name, where, uploaded, downloaded in reversed(peers):
            known = self._by_id.get(name)
            if known is not None:
                self._remember(known._prefix + where, _Last(known, uploaded, downloaded, now))

    def _kept(self, key: bytes, name: str) -> User:
        user = self._users.get(key)
        if user is None:
            digest = sha256(key).hexdigest()
            user = self._by_id.get(digest) or User(digest, name)
        user.name = name
        return user

    def _remember(self, place: bytes, last: _Last) -> None:
        if place not in self._last:
            if last.user._peers >= MAX_PEERS_OF_USER:
                return
            last.user._peers += 1
            if len(self._last) >= MAX_PEERS:
                self._forget(next(iter(self._last)))
        self._last[place] = last
        self._last.move_to_end(place)

    def _forget_old(self, now: float) -> None:
        for _ in range(_FORGOTTEN_AT_ONCE):
            place = next(iter(self._last), None)
            if place is None or now - self._last[place].at < REMEMBERED:
                return
            self._forget(place)

    def _forget(self, place: bytes) -> None:
        last = self._last.pop(place, None)
        if last is not None:
            last.user._peers -= 1


def _grown(last: int, now: int, most: int) -> int:
    """What a total grew by; one that went back began anew."""
    return min(now - last if now >= last else now, most)


def _bounded(total: int) -> int:
    return min(max(total, 0), MAX_TOTAL)


_Totals = dict[str, tuple[int, int]]
_Peers = list[tuple[str, bytes, int, int]]


def _checked(plain: Any) -> tuple[_Totals, _Peers]:
    """Totals by user and what peers said last, of what was saved. ValueError."""
    try:
        totals = {
            str(name): (_count(up), _count(down)) for name, (up, down) in plain["users"].items()
        }
        peers = [
            (str(name), _where(where), _count(up), _count(down))
            for name, where, up, down in plain["peers"]
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"these are no users' totals: {error!r}") from None
    return totals, peers[:MAX_SAVED]


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a number of bytes is wrong")
    return value


def _where(text: str) -> bytes:
    where = bytes.fromhex(text)
    if len(where) != 2 * _HASH:
        raise ValueError("an info-hash and a peer id have 40 bytes")
    return where
