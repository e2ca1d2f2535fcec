"""The trackers under test behind one face: each on one core, at an address of its own.

To add one, write a subclass and name it in TRACKERS.
"""

import hashlib
import os
import shutil
import sys
import sysconfig
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Final

from benchmarks.budgets import OURS, THEIR_TRACKER
from benchmarks.child import Child
from benchmarks.loopback import free_port, free_udp_port, wait_listening

TRACKER_HOST: Final = "127.0.1.202"
START_LIMIT: Final = 30.0
"""Seconds for a tracker to be there."""
TORRENTS: Final = 1000


def cores() -> tuple[int, int]:
    """The one of the tracker, and the one of those who announce."""
    first, second = sorted(os.sched_getaffinity(0))[:2]
    return first, second


def on_core(core: int, argv: Sequence[str]) -> list[str]:
    """The command that runs another on one core; the process is the same."""
    return ["taskset", "-c", str(core), *argv]


class Tracker:
    """One tracker in a process of its own. What it keeps, and `hashes`, is in `work`."""

    name: ClassVar[str]
    keeps_connections: ClassVar[bool]
    """Whether an HTTP connection may bring more than one request."""
    child: Child

    def __init__(self, work: str) -> None:
        self.work = work
        self.http_port = free_port(TRACKER_HOST)
        self.udp_port = free_udp_port(TRACKER_HOST)
        self.hashes = os.path.join(work, "hashes")
        """The file with the info-hashes of all torrents, a line of hex each."""

    @classmethod
    def absent(cls) -> str | None:
        """Why it cannot be used here, or None."""
        return None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What is run."""

    @abstractmethod
    def wait_ready(self) -> None:
        """Return once it answers. Failed."""

    def start(self) -> None:
        """Returns once it answers. Failed."""
        with open(self.hashes, "w", encoding="ascii") as out:
            for number in range(TORRENTS):
                out.write(hashlib.sha1(b"%d" % number).hexdigest() + "\n")
        self.child = Child(on_core(cores()[0], self.command()), self.work)
        self.wait_ready()

    def stop(self) -> None:
        """End it, if it was started."""
        if hasattr(self, "child"):
            self.child.stop()


class TxtorrentTracker(Tracker):
    """Ourselves, by twistd, as users run it."""

    name = OURS
    keeps_connections = True

    def command(self) -> Sequence[str]:
        return [
            sys.executable, os.path.join(sysconfig.get_path("scripts"), "twistd"),
            "-n", "--pidfile=", "txtorrent-tracker",
            "--http", f"tcp:{self.http_port}:interface={TRACKER_HOST}",
            "--udp", f"{TRACKER_HOST}:{self.udp_port}",
        ]  # fmt: skip

    def wait_ready(self) -> None:
        for port in (self.http_port, self.udp_port):
            self.child.wait_for(rf"tracking at .*\b{port}\b", START_LIMIT)


class Opentracker(Tracker):
    """opentracker, in C, which tracks the torrents of a list in Debian's build."""

    name = THEIR_TRACKER
    keeps_connections = False

    @classmethod
    def absent(cls) -> str | None:
        return None if shutil.which("opentracker") else "opentracker is not installed"

    def command(self) -> Sequence[str]:
        os.chmod(self.work, 0o755)  # it reads the list as nobody
        return [
            "opentracker", "-i", TRACKER_HOST,
            "-p", str(self.http_port), "-P", str(self.udp_port),
            "-d", self.work, "-w", os.path.basename(self.hashes),
        ]  # fmt: skip

    def wait_ready(self) -> None:
        wait_listening(TRACKER_HOST, self.http_port, START_LIMIT)


TRACKERS: Final[dict[str, type[Tracker]]] = {
    kind.name: kind for kind in (TxtorrentTracker, Opentracker)
}
