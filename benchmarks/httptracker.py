"""A tracker that answers everybody alike: python httptracker.py HOST PORT

It says how many torrents have announced when it is asked for it by a line on standard input, as
"announced COUNT MOST", where MOST is the most requests that were under way at once.
"""

import asyncio
import sys
from typing import Final
from urllib.parse import unquote_to_bytes

ANSWER: Final = b"d8:completei1e10:incompletei0e8:intervali3600e12:min intervali1800e5:peers0:e"
HEADERS: Final = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
TAKES: Final = 0.02
"""Seconds until an answer: what a tracker nearby takes."""


class Tracker:
    """Remembers who announced."""

    def __init__(self) -> None:
        self.announced: set[bytes] = set()
        self.under_way = self.most = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; whoever scrapes gets the same answer, which tells nothing."""
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(TAKES)
            self.announced |= _announced(request.split(b" ", 2)[1])
            writer.write(HEADERS % len(ANSWER) + ANSWER)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.under_way -= 1
            writer.close()


def _announced(target: bytes) -> set[bytes]:
    path, _, query = target.partition(b"?")
    if not path.endswith(b"announce"):
        return set()
    pairs = (pair.partition(b"=") for pair in query.split(b"&"))
    return {unquote_to_bytes(value) for name, _, value in pairs if name == b"info_hash"}


async def main(host: str, port: int) -> None:
    tracker = Tracker()
    server = await asyncio.start_server(tracker.serve, host, port)
    print("ready", flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    async with server:
        while await lines.readline():
            print(f"announced {len(tracker.announced)} {tracker.most}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
