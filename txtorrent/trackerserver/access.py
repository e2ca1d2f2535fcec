"""Which torrents are tracked, and which addresses are served, as the settings say."""

from txtorrent.trackerserver.config import TrackerConfig
from txtorrent.trackerserver.interfaces import Reason, Refused

NEVER = 0.0
"""Seconds: asking again is of no use (BEP 31)."""


class Access:
    """The rules of one reading of the settings; a reload makes another."""

    def __init__(self, config: TrackerConfig) -> None:
        self._is_listed = config.is_listed
        self._allowed = config.allowed_torrents
        self._denied = config.denied_torrents
        self._served = config.allow_addresses
        self._unserved = config.deny_addresses
        self.is_open = not (
            config.is_listed or config.denied_torrents or self._served or self._unserved
        )
        """Whether nothing is refused, so that nobody need ask."""

    def check_torrent(self, info_hash: bytes) -> None:
        """Refused, unless the torrent with these 20 bytes is tracked."""
        if info_hash in self._denied or (self._is_listed and info_hash not in self._allowed):
            raise Refused(Reason.TORRENT, "this torrent is not tracked here", NEVER)

    def check_address(self, host: bytes) -> None:
        """Refused, unless the address, 4 or 16 bytes, is served."""
        if host in self._unserved or (self._served and host not in self._served):
            raise Refused(Reason.ADDRESS, "this address is not served here", NEVER)
