"""What the user names on the web, fetched within limits of time and size."""

import zlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import treq
from hyperlink import EncodedURL
from twisted.internet.defer import Deferred
from twisted.web.client import Agent, BrowserLikeRedirectAgent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from txtorrent import __version__
from txtorrent.errors import Code, RequestError

CONNECT_LIMIT: Final = 30.0
"""Seconds for a connection."""
MOST_REDIRECTS: Final = 5
_GZIP: Final = zlib.MAX_WBITS + 16


class Web:
    """Fetches what is behind URLs. `reactor` connects."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pool = HTTPConnectionPool(reactor, persistent=False)

    async def get(
        self,
        url: str,
        most: int,
        seconds: float,
        headers: Mapping[str, str] | None = None,
        connector: Any = None,
    ) -> bytes:
        """What is at a URL: at most `most` bytes, had within `seconds`. `connector` is a reactor
        to connect by, if not the usual one. RequestError HTTP_ERROR, which names the host only:
        a URL may hold a passkey."""
        agent = Agent(connector or self._reactor, pool=self._pool, connectTimeout=CONNECT_LIMIT)
        getting = Deferred.fromCoroutine(
            _get(BrowserLikeRedirectAgent(agent, MOST_REDIRECTS), url, most, headers or {})
        )
        began = self._reactor.seconds()
        getting.addTimeout(seconds, self._reactor)
        try:
            return await getting
        except Exception as error:
            # What connects says in many ways that it was told to leave off.
            is_late = self._reactor.seconds() - began >= seconds
            why = f"no answer within {seconds:.0f} s" if is_late else _say(error)
        raise RequestError(Code.HTTP_ERROR, f"{_host(url)}: {why}")

    def stop(self) -> "Deferred[None]":
        """Close what is open."""
        closing: Deferred[None] = self._pool.closeCachedConnections()
        return closing


async def _get(agent: Any, url: str, most: int, headers: Mapping[str, str]) -> bytes:
    location = EncodedURL.from_text(url).to_uri()
    given = {"User-Agent": f"txtorrent/{__version__}", "Accept-Encoding": "identity", **headers}
    if location.userinfo:
        given["Authorization"] = "Basic " + b64encode(unquote_to_bytes(location.userinfo)).decode()
        location = location.replace(userinfo="")
    response = await agent.request(
        b"GET",
        location.to_text().encode("ascii"),
        Headers({name: [value] for name, value in given.items()}),
    )
    if response.code != 200:
        raise ValueError(f"the answer is {response.code}")
    body = _Body(response, most)
    await treq.collect(response, body.feed)
    return b"".join(body.chunks)


class _Body:
    """Collects an answer's body; inflated if it was compressed although nobody asked for that."""

    def __init__(self, response: Any, most: int) -> None:
        encodings = response.headers.getRawHeaders("content-encoding", [])
        self.chunks: list[bytes] = []
        self._most = self._room = most
        self._gzip = zlib.decompressobj(_GZIP) if "gzip" in encodings else None

    def feed(self, data: bytes) -> None:
        """Take the next bytes. ValueError, zlib.error."""
        if self._gzip is not None:
            data = self._gzip.decompress(data, self._room + 1)
        self._room -= len(data)
        if self._room < 0:
            raise ValueError(f"more than {self._most:,} bytes come")
        self.chunks.append(data)


def _say(error: BaseException) -> str:
    """Twisted wraps the reason of a request that failed in other reasons."""
    reasons = getattr(error, "reasons", None)
    return _say(reasons[0].value) if reasons else str(error) or type(error).__name__


def _host(url: str) -> str:
    return url.split("/", 3)[2].rpartition("@")[2]
