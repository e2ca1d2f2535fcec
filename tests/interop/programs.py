"""Child processes of a test: started, watched, ended, and their output kept for the failure."""

import atexit
import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count, cycle
from typing import Final

from twisted.internet import defer, reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

ROOT: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MOST_SHOWN: Final = 6000
"""Characters of a program's output that a failure shows, from its end."""
LOOPBACK: Final = "127.0.1"
"""What the addresses of peers begin with."""
GRACE: Final = 12.0
"""Seconds from the polite signal to the one that cannot be ignored."""

_numbers = count(1)
_hosts = cycle(range(1, 251))
_running: set["Program"] = set()


@atexit.register
def _leave_nobody() -> None:
    """Where the tests were interrupted their cleanup did not run."""
    for program in tuple(_running):
        program.signal("KILL")


def next_address(network: str = LOOPBACK) -> str:
    """An address of its own for the next peer: clients allow one connection an address."""
    return f"{network}.{next(_hosts)}"


def free_port(host: str, kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody has at this address."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Program(ProcessProtocol):
    """One child process. `status` is None while it runs, then its exit status or -signal."""

    def __init__(
        self, name: str, argv: Sequence[str], work: str, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = f"{name} #{next(_numbers)}"
        self.status: int | None = None
        self._ending = False
        self._output = bytearray()
        self._waiting: list[Deferred[None]] = []
        path = shutil.which(argv[0])
        assert path is not None, f"{argv[0]} is not installed"
        self._argv = argv
        _running.add(self)
        reactor.spawnProcess(
            self, path, list(argv), env={**_environment(work), **(env or {})}, path=work
        )

    @property
    def output(self) -> str:
        """Everything that it wrote, standard output and error together."""
        return self._output.decode("utf-8", "replace")

    @property
    def has_ended(self) -> bool:
        return self.status is not None

    @property
    def has_failed(self) -> bool:
        """Whether it ended although nobody asked it to."""
        return self.has_ended and not self._ending

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        self.transport.write(line.encode() + b"\n")

    def end(self, name: str = "TERM", grace: float = GRACE) -> "Deferred[None]":
        """Signal it, and kill it if it is still there after `grace` seconds."""
        self._ending = True
        self.signal(name)
        return self.ended().addTimeout(grace, reactor).addErrback(self._kill)

    def signal(self, name: str) -> None:
        """Send a signal, if there is still somebody to get it."""
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)

    def ended(self, asked: bool = False) -> "Deferred[None]":
        """Fires once it has ended and its output is complete. `asked`: somebody tells it to end."""
        self._ending = self._ending or asked
        ended: Deferred[None] = Deferred(self._waiting.remove)
        if self.has_ended:
            ended.callback(None)
        else:
            self._waiting.append(ended)
        return ended

    def story(self) -> str:
        """Command, status and the end of the output, for a failure."""
        state = "runs" if self.status is None else f"ended with {self.status}"
        tail = self.output[-MOST_SHOWN:]
        return f"--- {self.name} {state}: {' '.join(self._argv)[:600]}\n{tail}\n"

    # -- ProcessProtocol -----------------------------------------------------------------------

    def outReceived(self, data: bytes) -> None:
        self._output += data

    def errReceived(self, data: bytes) -> None:
        self._output += data

    def processEnded(self, reason: Failure) -> None:
        value = reason.value
        _running.discard(self)
        self.status = -value.signal if value.signal else value.exitCode
        waiting, self._waiting = self._waiting, []
        for ended in waiting:
            ended.callback(None)

    def _kill(self, failure: Failure) -> "Deferred[None]":
        failure.trap(defer.TimeoutError)
        self.signal("KILL")
        return self.ended()


def _environment(work: str) -> dict[str, str]:
    """What a child sees: no settings of the user, UTF-8 names, and our package."""
    return {
        "HOME": work,
        "XDG_CONFIG_HOME": os.path.join(work, ".config"),
        "XDG_RUNTIME_DIR": os.path.join(work, ".run"),
        "XDG_STATE_HOME": os.path.join(work, ".state"),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": ROOT,
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
    }
