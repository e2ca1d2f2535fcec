"""One program that runs: its output goes to the log, and it ends when its time is over."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall, IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

GRACE: Final = 5.0
"""Seconds between asking a program to end and killing it; and for which the output of a program
that has ended is waited for, which may be held open by what it left running."""
LINE: Final = 1000
"""Bytes of a line of output; what is longer is logged as several."""
MOST_LINES: Final = 200
"""Lines of a program's output that are logged: a log is no place for more."""

_log = Logger()


class Program(ProcessProtocol):
    """The protocol to spawn a program with. `what` names it in the log, `time_limit` is in seconds.

    `ended` is called with this object when the program has ended and its output is closed.
    """

    transport: IProcessTransport

    def __init__(
        self, clock: Any, what: str, time_limit: float, ended: Callable[["Program"], None]
    ) -> None:
        self.what = what
        self._time_limit = time_limit
        self._clock = clock
        self._ended = ended
        self._output: dict[int, bytes] = {}
        self._lines = 0
        self._timer: IDelayedCall | None = None

    def end(self, why: str) -> None:
        """Ask the program to end, and kill it if it does not."""
        _log.warn("{what} is ended: {why}", what=self.what, why=why)
        self._signal("TERM")
        self._later(GRACE, self._signal, "KILL")

    # -- what Twisted calls ------------------------------------------------------------------

    def connectionMade(self) -> None:
        """It runs. It has nothing to read."""
        self.transport.closeStdin()
        self._later(self._time_limit, self.end, f"it ran longer than {self._time_limit:g} s")

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Log what are lines already."""
        *lines, rest = (self._output.get(childFD, b"") + data).split(b"\n")
        while len(rest) > LINE:
            lines.append(rest[:LINE])
            rest = rest[LINE:]
        self._output[childFD] = rest
        for line in lines:
            self._tell(line)

    def processExited(self, reason: Failure) -> None:
        """It is gone; what it left running must not keep its output open for ever."""
        self._later(GRACE, self.transport.loseConnection)

    def processEnded(self, reason: Failure) -> None:
        """It is gone, and so is its output."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for rest in self._output.values():
            if rest:
                self._tell(rest)
        if reason.check(ProcessDone):
            _log.info("{what} has ended", what=self.what)
        else:
            _log.error("{what}: {why}", what=self.what, why=reason.getErrorMessage())
        self._ended(self)

    # -- inside ------------------------------------------------------------------------------

    def _later(self, seconds: float, call: Callable[..., object], *args: object) -> None:
        """One thing waits at a time: a later stage takes the place of the one before."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._clock.callLater(seconds, call, *args)

    def _signal(self, name: str) -> None:
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)

    def _tell(self, line: bytes) -> None:
        self._lines += 1
        if self._lines <= MOST_LINES:
            text = line[:LINE].decode("utf-8", "backslashreplace")
            _log.info("{what}: {text}", what=self.what, text=text)
        elif self._lines == MOST_LINES + 1:
            _log.info("{what}: more than {most} lines, not logged", what=self.what, most=MOST_LINES)
