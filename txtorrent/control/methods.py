"""The one table of methods: what may be called, in both dialects, and the documents' source."""

from typing import Final

from txtorrent.control.chatmethods import CHAT_METHODS
from txtorrent.control.dhtmethods import DHT_METHODS
from txtorrent.control.method import Method
from txtorrent.control.ourmethods import OUR_METHODS
from txtorrent.control.sessionmethods import SESSION_METHODS
from txtorrent.control.sourcemethods import SOURCE_METHODS
from txtorrent.control.torrentmethods import TORRENT_METHODS

METHODS: Final[dict[str, Method]] = {
    method.name: method
    for method in (
        *TORRENT_METHODS,
        *SESSION_METHODS,
        *OUR_METHODS,
        *SOURCE_METHODS,
        *DHT_METHODS,
        *CHAT_METHODS,
    )
}
