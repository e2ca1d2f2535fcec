"""A child process whose output is watched: every line is stamped with the time it came.

Waiting wakes at the line itself, so that a measured interval ends when the client says so
and not at the next look. It ends with the benchmark.
"""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

ROOT: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GRACE: Final = 15.0
"""Seconds from the polite signal to the one that cannot be ignored."""
MOST_SHOWN: Final = 12
"""Lines of output in an error."""


class Failed(Exception):
    """A run that gave no figure, and why."""


class Child:
    """One process; standard output and error are read together."""

    def __init__(self, argv: Sequence[str], work: str) -> None:
        self.started_at = time.monotonic()
        self._argv = argv
        self._lines: list[tuple[float, str]] = []
        self._news = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=work,
            env=_environment(work),
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def ask(self, line: str, pattern: str, limit: float) -> "re.Match[str]":
        """Write a line to its standard input, and return what answers it. Failed."""
        seen = len(self._lines)
        self.tell(line)
        return self.wait_for(pattern, limit, seen)[1]

    def wait_for(self, pattern: str, limit: float, seen: int = 0) -> tuple[float, "re.Match[str]"]:
        """When the first line that matches came (monotonic seconds), and the match. Failed.

        The first `seen` lines are left out.
        """
        deadline = time.monotonic() + limit
        with self._news:
            while True:
                for at, line in self._lines[seen:]:
                    if found := re.search(pattern, line):
                        return at, found
                seen = len(self._lines)
                if self._ended:
                    raise Failed(f"ended before it said {pattern!r}: {self._story()}")
                if not self._news.wait(max(0.0, deadline - time.monotonic())):
                    raise Failed(f"did not say {pattern!r} in {limit:.0f} s: {self._story()}")

    def moment(self, event: str, limit: float) -> float:
        """The time that a peer of ours states in its line "EVENT SECONDS". Failed."""
        return float(self.wait_for(rf"^{event} ([\d.]+)$", limit)[1][1])

    def count(self, pattern: str, before: float) -> int:
        """How many lines that match came before a moment."""
        with self._news:
            return sum(at < before and bool(re.search(pattern, line)) for at, line in self._lines)

    @property
    def has_ended(self) -> bool:
        return self._ended

    def stop(self) -> None:
        """End it in good order, by force after a while."""
        with suppress(OSError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(GRACE)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            at = time.monotonic()
            with self._news:
                self._lines.append((at, line.decode(errors="replace").rstrip()))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _story(self) -> str:
        said = " | ".join(line for _, line in self._lines[-MOST_SHOWN:])
        return f"{os.path.basename(self._argv[0])} said: {said or 'nothing'}"


def _environment(work: str) -> dict[str, str]:
    """Ours, with everything of a user's in a directory of its own: no socket, settings, state."""
    private = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"), work)
    return {**os.environ, **private, "PYTHONPATH": ROOT, "PYTHONUNBUFFERED": "1"}
