"""What a method has at hand: the session, what changed of late, the log, clocks."""

import os.path
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from txtorrent.control.changes import Changes
from txtorrent.control.dialect import Dialect
from txtorrent.control.interfaces import Session
from txtorrent.control.logtail import LogTail
from txtorrent.control.torrentview import Torrent
from txtorrent.errors import Code, RequestError

RECENTLY_ACTIVE = "recently_active"
HASH_DIGITS = 40


@frozen
class Context:
    """`session_id` is the one of X-Transmission-Session-Id; `now` gives seconds since 1970."""

    session: Session
    changes: Changes
    log: LogTail
    session_id: str
    now: Callable[[], float]


@frozen
class Call:
    """One request of a method, its parameters read."""

    context: Context
    params: Mapping[str, Any]
    dialect: Dialect

    @property
    def session(self) -> Session:
        """The session."""
        return self.context.session

    @property
    def is_recent(self) -> bool:
        """Whether the torrents asked for are those that changed of late."""
        return bool(self.params.get("ids") == RECENTLY_ACTIVE)

    def torrents(self) -> Sequence[Torrent]:
        """Those of `ids`, or all. Ids that nobody has are passed over."""
        return self._found()[0]

    def chosen(self) -> Sequence[Torrent]:
        """Those to be changed. INVALID_PARAMS if one is not there and the dialect tells."""
        torrents, missing = self._found()
        if missing and not self.dialect.is_legacy:
            raise RequestError(Code.INVALID_PARAMS, f"ids: there is no torrent {missing[0]!r}")
        return torrents

    def only(self) -> Torrent:
        """The one torrent that `ids` names. INVALID_PARAMS otherwise."""
        torrents = self.chosen()
        if len(torrents) != 1:
            raise RequestError(Code.INVALID_PARAMS, f"ids: wants 1 torrent, not {len(torrents)}")
        return torrents[0]

    def within_roots(self, path: str) -> str:
        """A directory for content. INVALID_PARAMS outside the allowed ones."""
        roots = [os.path.normpath(root) for root in self.session.roots]
        if not roots or any(path == each or path.startswith(_slashed(each)) for each in roots):
            return path
        allowed = ", ".join(roots)
        raise RequestError(Code.INVALID_PARAMS, f"{path} is not below one of: {allowed}")

    def _found(self) -> tuple[Sequence[Torrent], list[int | str]]:
        ids = self.params.get("ids")
        if ids is None:
            return list(self.session.torrents.values()), []
        if ids == RECENTLY_ACTIVE:
            return self.context.changes.recent(), []
        found: dict[int, Torrent] = {}
        missing: list[int | str] = []
        for each in ids:
            torrent = self._find(each)
            if torrent is None:
                missing.append(each)
            else:
                found[torrent.id] = torrent
        return list(found.values()), missing

    def _find(self, torrent_id: int | str) -> Torrent | None:
        if isinstance(torrent_id, int):
            return self.session.find(torrent_id)
        try:
            return self.session.torrents.get(bytes.fromhex(torrent_id))
        except ValueError:
            return None


def _slashed(path: str) -> str:
    return path if path.endswith("/") else path + "/"
