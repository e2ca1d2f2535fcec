"""What the tracker's settings file says, ready for use, with all the files that it names.

All of it is read together: a reload takes everything or nothing.
"""

import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from attrs import field, frozen

from txtorrent.address import split_host_port
from txtorrent.config.document import ConfigError, Document, parse_json, parse_toml, read_text
from txtorrent.config.kinds import show_span
from txtorrent.config.records import Bad, did_you_mean, parse_part
from txtorrent.trackerserver.files import Unreadable, read_info_hashes, read_passkeys
from txtorrent.trackerserver.fixed import FixedTorrent
from txtorrent.trackerserver.named import named_torrents, resolved
from txtorrent.trackerserver.networks import Networks
from txtorrent.trackerserver.spelling import as_written, in_snake_case
from txtorrent.trackerserver.table import SETTINGS

MAX_FILE: Final = 8 << 20
"""Bytes of the settings file: two hundred thousand networks or fixed peers fit in."""
_PARSERS: Final = {".toml": parse_toml, ".json": parse_json}


@frozen(kw_only=True)
class TrackerConfig:
    """All settings; those without words here are as the table says. Times are whole seconds."""

    port: int
    http: tuple[str, ...] | None
    """Server endpoint strings; None when not given: HTTP at `port`."""
    udp: tuple[tuple[str, int], ...] | None
    """IP addresses and ports; None when not given: UDP at `port`."""
    store: str = field(repr=False)
    state_file: str | None
    """An absolute path, or "" for none; None when not given."""
    max_peers: int
    max_torrents: int
    interval: int
    min_interval: int
    max_interval: int
    announces_per_second: int
    numwant: int
    max_numwant: int
    is_listed: bool
    """Whether only `allowed_torrents` are tracked."""
    allowed_torrents: AbstractSet[bytes] = field(repr=False)
    """20 bytes each, those of `torrents` among them."""
    denied_torrents: AbstractSet[bytes] = field(repr=False)
    allow_addresses: Networks
    """Whom alone to serve; everybody when it is empty."""
    deny_addresses: Networks
    passkeys: Mapping[bytes, str] | None = field(repr=False)
    """Users' names by passkey; None when nobody needs one."""
    proxies: Networks
    stats: Networks
    torrents: tuple[FixedTorrent, ...] = field(repr=False)


def read(path: str) -> TrackerConfig:
    """What the file at `path` sets, and the defaults. ConfigError.

    To be called where waiting for a disk does no harm: lists may have millions of lines.
    """
    parse = _PARSERS.get(os.path.splitext(path)[1].lower())
    if parse is None:
        raise ConfigError(f"{path}: name the settings file .toml or .json, by what is in it")
    try:
        text = read_text(path, MAX_FILE)
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{path}: cannot be read: {reason.lower()}") from None
    document = parse(text, path)
    directory = os.path.dirname(os.path.abspath(path))
    try:
        return _Reading(directory, in_snake_case(document.values)).config()
    except Bad as error:
        raise _named(document, error) from None


def default() -> TrackerConfig:
    """What counts without a settings file."""
    return _Reading("", {}).config()


def _named(document: Document, bad: Bad) -> ConfigError:
    """The error, with the key as it was written, and where."""
    keys = as_written(document.values, bad.path)
    names = [key for key in keys if isinstance(key, str)]
    name = ".".join(key if key.isidentifier() else repr(key) for key in names)
    return document.error(Bad(keys, f"{name}: {bad}" if name else str(bad)))


class _Reading:
    """One document on its way to a `TrackerConfig`. All that is wrong is a Bad or ConfigError."""

    def __init__(self, directory: str, document: Mapping[str, Any]) -> None:
        self._directory = directory
        self._given = {name: _parsed(name, value) for name, value in document.items()}

    def config(self) -> TrackerConfig:
        torrents = named_torrents(self._given, self._directory)
        return TrackerConfig(
            port=self._value("port"),
            http=tuple(self._given["http"]) if "http" in self._given else None,
            udp=tuple(map(split_host_port, self._given["udp"])) if "udp" in self._given else None,
            store=self._value("store"),
            state_file=self._path("state_file") if "state_file" in self._given else None,
            max_peers=self._value("max_peers"),
            max_torrents=self._value("max_torrents"),
            announces_per_second=self._value("announces_per_second"),
            passkeys=self._passkeys(),
            allow_addresses=Networks.of(self._value("allow_addresses")),
            deny_addresses=Networks.of(self._value("deny_addresses")),
            proxies=Networks.of(self._value("proxies")),
            stats=Networks.of(self._value("stats")),
            torrents=torrents,
            **self._intervals(),
            **self._numbers_wanted(),
            **self._access(torrents),
        )

    def _value(self, name: str) -> Any:
        return self._given.get(name, SETTINGS[name].default)

    def _path(self, name: str) -> str:
        return resolved(self._directory, self._value(name))

    def _intervals(self) -> dict[str, Any]:
        interval = self._value("interval")
        least = self._given.get("min_interval", min(self._value("min_interval"), interval))
        most = self._given.get("max_interval", max(self._value("max_interval"), interval))
        says = f"interval, which is {show_span(interval)}"
        if least > interval:
            raise Bad(("min_interval",), f"{show_span(least)} is more than {says}")
        if most < interval:
            raise Bad(("max_interval",), f"{show_span(most)} is less than {says}")
        return {"interval": int(interval), "min_interval": int(least), "max_interval": int(most)}

    def _numbers_wanted(self) -> dict[str, Any]:
        usual, most = self._value("numwant"), self._value("max_numwant")
        if "max_numwant" not in self._given:
            most = max(most, usual)
        elif "numwant" not in self._given:
            usual = min(usual, most)
        elif usual > most:
            raise Bad(("numwant",), f"{usual} is more than max_numwant, which is {most}")
        return {"numwant": usual, "max_numwant": most}

    def _access(self, torrents: tuple[FixedTorrent, ...]) -> dict[str, Any]:
        named = {info_hash for torrent in torrents for info_hash in torrent.info_hashes}
        allowed, denied = self._info_hashes("allow_torrents"), self._info_hashes("deny_torrents")
        if both := named & denied:
            raise Bad(("deny_torrents",), f"{both.pop().hex()} is in it, and named here")
        is_listed = self._is_listed(bool(torrents), bool(self._value("allow_torrents")))
        return {
            "is_listed": is_listed,
            "allowed_torrents": allowed | named if named else allowed,
            "denied_torrents": denied,
        }

    def _is_listed(self, has_torrents: bool, has_list: bool) -> bool:
        is_listed = has_torrents or has_list
        if "access" not in self._given:
            return is_listed
        if self._given["access"] == "listed":
            if not is_listed:
                raise Bad(("access",), "none is listed: write allow_torrents or [[torrents]]")
            return True
        if has_list:
            raise Bad(("allow_torrents",), 'has no effect where access is "open"')
        return False

    def _info_hashes(self, name: str) -> set[bytes]:
        path = self._path(name)
        try:
            return read_info_hashes(path) if path else set()
        except Unreadable as error:
            raise Bad((name,), f"{path} {error}") from None

    def _passkeys(self) -> dict[bytes, str] | None:
        path = self._path("passkeys")
        try:
            return read_passkeys(path) if path else None
        except Unreadable as error:
            raise Bad(("passkeys",), f"{path} {error}") from None


def _parsed(name: str, value: Any) -> Any:
    setting = SETTINGS.get(name)
    if setting is None:
        raise Bad((name,), f"there is no such setting{did_you_mean(name, SETTINGS)}")
    return parse_part(setting.kind, name, value)
