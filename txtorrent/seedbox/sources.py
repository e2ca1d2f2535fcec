"""From what the user gave to a torrent: bytes, a path on this machine, a URL, a magnet link.

Whatever is wrong is a `RequestError` that says whose fault it is.
"""

from typing import Final

from txtorrent.errors import Code, RequestError
from txtorrent.metainfo.magnet import Magnet
from txtorrent.metainfo.magnet import parse as parse_magnet
from txtorrent.metainfo.torrentfile import MAX_FILE_SIZE, Metainfo, MetainfoError, load, parse
from txtorrent.seedbox.web import Web
from txtorrent.storage.disk import Disk

FETCH_LIMIT: Final = 60.0
"""Seconds for a .torrent to be had from the web."""


class Sources:
    """Where torrents come from. `disk` reads and parses."""

    def __init__(self, web: Web, disk: Disk) -> None:
        self._web = web
        self._disk = disk

    async def read(self, source: bytes | str, cookies: str = "") -> Metainfo | Magnet:
        """The torrent that `source` names, read and checked. RequestError."""
        if isinstance(source, bytes):
            return await self._parsed(source)
        if source[:7].lower() == "magnet:":
            return _magnet(source)
        if source.startswith(("http://", "https://")):
            headers = {"Cookie": cookies} if cookies else {}
            return await self._parsed(
                await self._web.get(source, MAX_FILE_SIZE, FETCH_LIMIT, headers)
            )
        return await self._load(source)

    async def _parsed(self, raw: bytes) -> Metainfo:
        try:
            metainfo: Metainfo = await self._disk.read.run(parse, raw)
        except MetainfoError as error:
            raise RequestError(Code.CORRUPT_TORRENT, str(error)) from None
        return metainfo

    async def _load(self, path: str) -> Metainfo:
        try:
            metainfo: Metainfo = await self._disk.read.run(load, path)
        except MetainfoError as error:
            raise RequestError(Code.UNRECOGNIZED_INFO, str(error)) from None
        return metainfo


def _magnet(link: str) -> Magnet:
    try:
        return parse_magnet(link)
    except MetainfoError as error:
        raise RequestError(Code.UNRECOGNIZED_INFO, str(error)) from None
