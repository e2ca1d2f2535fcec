"""From what the user gave to a torrent's metainfo: bytes, a path on this machine, a URL.

Whatever is wrong is a `RequestError` that says whose fault it is.
"""

from collections.abc import Mapping
from typing import Any, Final

import treq
from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.web.client import Agent, BrowserLikeRedirectAgent, HTTPConnectionPool

from txtorrent.errors import Code, RequestError
from txtorrent.metainfo.torrentfile import MAX_FILE_SIZE, Metainfo, MetainfoError, load, parse
from txtorrent.storage.disk import Disk

FETCH_LIMIT: Final = 60.0
"""Seconds for a .torrent to be had from the web."""
MOST_REDIRECTS: Final = 5


class Sources:
    """Where torrents come from. `disk` reads and parses; `reactor` connects."""

    def __init__(self, reactor: Any, disk: Disk) -> None:
        self._reactor = reactor
        self._disk = disk
        self._pool = HTTPConnectionPool(reactor, persistent=False)

    async def metainfo(self, source: bytes | str, cookies: str = "") -> Metainfo:
        """The torrent that `source` names, read and checked. RequestError."""
        if isinstance(source, bytes):
            return await self._parsed(source)
        if source.startswith("magnet:"):
            raise RequestError(
                Code.UNRECOGNIZED_INFO, "magnet links are not supported: give the .torrent file"
            )
        if source.startswith(("http://", "https://")):
            return await self._parsed(await self._fetch(source, cookies))
        return await self._load(source)

    def stop(self) -> "Deferred[None]":
        """Close what is open."""
        closing: Deferred[None] = self._pool.closeCachedConnections()
        return closing

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

    async def _fetch(self, url: str, cookies: str) -> bytes:
        agent = BrowserLikeRedirectAgent(
            Agent(self._reactor, pool=self._pool, connectTimeout=FETCH_LIMIT / 2), MOST_REDIRECTS
        )
        headers: Mapping[str, str] = {"Cookie": cookies} if cookies else {}
        fetching = Deferred.fromCoroutine(_get(treq.client.HTTPClient(agent), url, headers))
        fetching.addTimeout(FETCH_LIMIT, self._reactor)
        try:
            return await fetching
        except RequestError:
            raise
        except defer.TimeoutError:
            why = f"no answer within {FETCH_LIMIT:.0f} s"
        except Exception as error:
            why = str(error) or type(error).__name__
        raise RequestError(Code.HTTP_ERROR, f"{_host(url)}: {why}")


async def _get(client: Any, url: str, headers: Mapping[str, str]) -> bytes:
    response = await client.get(url, headers=headers, unbuffered=True)
    if response.code != 200:
        raise RequestError(Code.HTTP_ERROR, f"{_host(url)} answered {response.code}")
    parts: list[bytes] = []
    size = 0

    def collect(data: bytes) -> None:
        nonlocal size
        size += len(data)
        if size > MAX_FILE_SIZE:
            raise RequestError(Code.HTTP_ERROR, f"{_host(url)}: more than 10 MiB is no .torrent")
        parts.append(data)

    await treq.collect(response, collect)
    return b"".join(parts)


def _host(url: str) -> str:
    """A URL may hold a passkey: only its host is told."""
    return url.split("/", 3)[2].rpartition("@")[2]
