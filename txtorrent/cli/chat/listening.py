"""What the daemon tells of changes, from a thread of its own: reading the stream blocks, and the
user's keys do not wait for it."""

import os
from contextlib import suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import Final

import attrs

from txtorrent.cli.errors import Failed
from txtorrent.cli.shell import Shell
from txtorrent.cli.stream import Event as Change
from txtorrent.cli.stream import follow

_MOST: Final = 1000
"""Events that wait to be shown; when there are more, the stream is not read meanwhile."""


class Listening:
    """Follows the stream of events, for ever. A connection that breaks is made again."""

    def __init__(self, shell: Shell) -> None:
        # A client is one thread's: that of the other asks while this one reads.
        self._api = attrs.evolve(shell.api, client=attrs.evolve(shell.api.client))
        self._over = Event()
        self._queue: Queue[Change | Failed | str] = Queue(_MOST)
        self._readable, self._bell = os.pipe()
        os.set_blocking(self._bell, False)

    def begin(self) -> None:
        """Connect; the first event is there when nothing will be missed from now on."""
        Thread(target=self._follow, daemon=True).start()

    def fileno(self) -> int:
        """Readable when there is `news`."""
        return self._readable

    def news(self) -> list[Change | str]:
        """What came: events, and in words what became of the connection. Waits for the first one.
        Unreachable, Failed: there will be no more."""
        os.read(self._readable, _MOST)
        found: list[Change | str] = []
        with suppress(Empty):
            while True:
                each = self._queue.get_nowait()
                if isinstance(each, Failed):
                    raise each
                found.append(each)
        return found

    def end(self) -> None:
        """Nobody wants to know any more. A thread that reads ends with the process, or when there
        is something to tell."""
        self._over.set()
        os.close(self._readable)

    # -- in the thread -------------------------------------------------------------------------

    def _follow(self) -> None:
        try:
            for event in follow(self._api, "", self._sleep, self._put):
                self._put(event)
        except Failed as error:
            with suppress(_Over):
                self._put(error)
        except _Over:
            pass
        finally:
            os.close(self._bell)

    def _sleep(self, seconds: float) -> None:
        if self._over.wait(seconds):
            raise _Over

    def _put(self, each: Change | Failed | str) -> None:
        if self._over.is_set():
            raise _Over
        self._queue.put(each)
        with suppress(OSError):
            os.write(self._bell, b"!")  # when it is full it rings already


class _Over(Exception):
    """Nobody listens any more."""
