"""Starts daemons quickly: everything is imported once, and each daemon is a fork of this.

A line of JSON on standard input is {"argv": twistd's arguments, "output": path, "steps": n,
"now": bool}; the answer is the daemon's process id. To one more line the answer is its wait status,
when it has ended: until then its process id is given to nobody else. With `steps` it kills itself
with SIGKILL just before the n-th step on disk that is worth to be killed at (link, rename, unlink,
mkdir, rmdir, fsync, a write to a file, a commit), counted from `now` or from when it gets SIGUSR1.
Otherwise a daemon is as twistd makes it: its reactor is made behind the fork.
"""

import itertools
import json
import os
import signal
import sys
import threading

from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
from twisted.scripts.twistd import run

import txtorrent.tap  # noqa: F401 - so that the forks need not
from txtorrent.storage import noreplace
from txtorrent.storage.database import Database

STEPS = ("link", "rename", "unlink", "mkdir", "rmdir", "fsync", "pwrite")


def main() -> None:
    list(getPlugins(IServiceMaker))
    while line := sys.stdin.readline():
        job = json.loads(line)
        pid = os.fork()
        if not pid:
            become(job)
        print(pid, flush=True)
        sys.stdin.readline()
        print(os.waitpid(pid, 0)[1], flush=True)


def become(job: dict) -> None:
    """The daemon; never returns."""
    for target in (1, 2):
        os.dup2(os.open(job["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), target)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if job.get("steps"):
        die_at(job["steps"], job["now"])
    sys.argv = ["twistd", "-n", "--pidfile=", *job["argv"]]
    run()
    os._exit(0)


def die_at(number: int, now: bool) -> None:
    """End as by kill -9 just before the step of this number."""
    left = itertools.count(number - 1, -1)
    is_counting = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: is_counting.set())
    if now:
        is_counting.set()

    def counted(call):
        def step(*args, **rest):
            if is_counting.is_set() and not next(left):
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **rest)

        return step

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
    noreplace.rename = counted(noreplace.rename)
    Database.commit = counted(Database.commit)


if __name__ == "__main__":
    main()
