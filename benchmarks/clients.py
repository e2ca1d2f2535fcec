"""The clients under test behind one face, set for full speed over plain TCP.

Each only listens: the reference peers connect to it. So it needs no tracker, and its delays
before dialling are no part of a figure. To add one, write a subclass and name it in CLIENTS.
"""

import base64
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from abc import abstractmethod
from typing import Any, ClassVar, Final

from attrs import frozen

from benchmarks.child import Child, Failed
from benchmarks.content import Sample
from benchmarks.loopback import CLIENT_HOST, free_port, wait_listening

START_LIMIT: Final = 60.0
"""Seconds for a client to be there."""
CHECK_LIMIT: Final = 120.0
"""Seconds for a client to have its content checked."""
SPARE: Final = 1000
"""Connections that a client may have beside those of the peers that there will be."""
HERE: Final = os.path.dirname(os.path.abspath(__file__))


@frozen
class Interval:
    """Two moments of the monotonic clock."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


class Client:
    """One client in a process of its own. `port` is where peers reach it.

    `peers` is how many there will be.
    """

    name: ClassVar[str]
    size_share: ClassVar[int] = 1
    """By what the size of the content is divided, for a client so slow that runs take minutes."""
    most_idle: ClassVar[int | None] = None
    """Idle peers beyond which it cannot take part; None where no limit is known."""
    child: Child

    def __init__(self, sample: Sample, work: str, peers: int = 0) -> None:
        self.sample = sample
        self.work = work
        self.peers = peers
        self.port = free_port(CLIENT_HOST)

    @classmethod
    @abstractmethod
    def absent(cls) -> str | None:
        """Why it cannot be used here, or None."""

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """What it calls itself."""

    @abstractmethod
    def seed(self) -> None:
        """Serve the sample; returns once peers may come."""

    @abstractmethod
    def leech(self, directory: str) -> None:
        """Download into an empty directory; returns once peers may come."""

    @abstractmethod
    def wait_complete(self, limit: float) -> float:
        """When it said that the download is complete; monotonic seconds. Failed."""

    @abstractmethod
    def check(self) -> Interval:
        """Start on the sample's content and have every piece hashed."""

    def stop(self) -> None:
        """End it, if it was started."""
        if hasattr(self, "child"):
            self.child.stop()


class Txtorrent(Client):
    """Ourselves, by twistd, as users run it."""

    name = "txtorrent"
    options: tuple[str, ...] = ()
    """More of the command line's options; to be set before it is started."""

    @classmethod
    def absent(cls) -> str | None:
        return None

    @classmethod
    def version(cls) -> str:
        import txtorrent

        return f"txtorrent {txtorrent.__version__}, Python {sys.version.split()[0]}"

    def seed(self) -> None:
        self._start(self.sample.directory)
        self.wait_complete(CHECK_LIMIT)

    def leech(self, directory: str) -> None:
        self._start(directory)
        self.child.wait_for("listening on port", START_LIMIT)

    def wait_complete(self, limit: float) -> float:
        at, said = self.child.wait_for(": seeding$|[ :]error: .*", limit)
        if "error" in said[0]:
            raise Failed(f"txtorrent says {said[0]}")
        return at

    def check(self) -> Interval:
        self._start(self.sample.directory)
        begin, _ = self.child.wait_for(": checking what is on disk$", START_LIMIT)
        return Interval(begin, self.wait_complete(CHECK_LIMIT))

    def twistd(self) -> list[str]:
        """The command that is run; its arguments follow."""
        return [sys.executable, os.path.join(sysconfig.get_path("scripts"), "twistd")]

    def _start(self, directory: str) -> None:
        argv = [
            *self.twistd(), "-n", "--pidfile=", "txtorrent",
            "--torrent", self.sample.torrent, "--directory", directory,
            "--no-dht", "--state", os.path.join(self.work, "state"), "--control", "none",
            "--config", self._empty_config(),
            "--port", str(self.port), "--interface", CLIENT_HOST,
            "--max-peers", str(max(self.peers, 100)),
            "--max-connections", str(self.peers + SPARE), *self.options,
        ]  # fmt: skip
        self.child = Child(argv, self.work)

    def _empty_config(self) -> str:
        """What the user of this machine has set is not what is measured."""
        path = os.path.join(self.work, "config.toml")
        with open(path, "w", encoding="ascii"):
            return path


class TxtorrentTurns(Txtorrent):
    """Ourselves with every turn of the reactor measured; a little slower for it."""

    name = "txtorrent, turns measured"

    @property
    def turns_file(self) -> str:
        """Where the turns are, once it has been stopped."""
        return os.path.join(self.work, "turns")

    def twistd(self) -> list[str]:
        return [sys.executable, os.path.join(HERE, "turns.py"), self.turns_file]


class Libtorrent(Client):
    """The library of qBittorrent and Deluge, through its Python binding."""

    name = "libtorrent"

    @classmethod
    def absent(cls) -> str | None:
        if importlib.util.find_spec("libtorrent") is None:
            return "the package libtorrent is not installed"
        return None

    @classmethod
    def version(cls) -> str:
        import libtorrent

        return f"libtorrent {libtorrent.__version__}"

    def seed(self) -> None:
        self._start(self.sample.directory, seeds=True)

    def leech(self, directory: str) -> None:
        self._start(directory, seeds=False)

    def wait_complete(self, limit: float) -> float:
        return self.child.moment("done", limit)

    def check(self) -> Interval:
        self._start(self.sample.directory, seeds=True)
        return Interval(self.child.moment("adding", 1), self.child.moment("ready", 1))

    def _start(self, directory: str, *, seeds: bool) -> None:
        address = (CLIENT_HOST, self.port)
        self.child = libtorrent_child(
            self.sample, self.work, [address], [directory],
            seeds=seeds, connections=self.peers + SPARE,
        )  # fmt: skip


def libtorrent_child(
    sample: Sample,
    work: str,
    addresses: list[tuple[str, int]],
    directories: list[str],
    *,
    seeds: bool,
    is_reference: bool = False,
    connections: int = SPARE,
) -> Child:
    """Sessions at these addresses; returns once they are ready. See libtorrent_peers.py."""
    job = {
        "addresses": addresses,
        "directories": directories,
        "torrent": sample.torrent,
        "seeds": seeds,
        "is_reference": is_reference,
        "connections": connections,
    }
    script = os.path.join(HERE, "libtorrent_peers.py")
    child = Child([sys.executable, script, json.dumps(job)], work)
    try:
        child.moment("ready", CHECK_LIMIT)
    except BaseException:
        child.stop()
        raise
    return child


class Program(Client):
    """A client that is a program on the path, and that can run a script when it is complete."""

    program: ClassVar[str]
    package: ClassVar[str]

    @classmethod
    def absent(cls) -> str | None:
        if shutil.which(cls.program) is None:
            return f"{cls.program} is not installed (Debian package {cls.package})"
        return None

    @classmethod
    def version(cls) -> str:
        run = subprocess.run([cls.program, "--version"], capture_output=True, text=True)
        return (run.stdout + run.stderr).strip().splitlines()[0]

    def wait_complete(self, limit: float) -> float:
        return self.child.wait_for("^the hook says: complete$", limit)[0]

    def hook(self) -> str:
        """A script that says so in the client's own output."""
        path = os.path.join(self.work, "hook.sh")
        with open(path, "w") as out:
            out.write("#!/bin/sh\necho the hook says: complete\n")
        os.chmod(path, 0o755)
        return path


class Aria2(Program):
    """aria2c."""

    name, program, package = "aria2", "aria2c", "aria2"
    most_idle = 60  # of more it closes some; it answers three a second (version 1.36)

    def seed(self) -> None:
        self._start(self.sample.directory, "--bt-seed-unverified=true")

    def leech(self, directory: str) -> None:
        self._start(directory, f"--on-bt-download-complete={self.hook()}")

    def check(self) -> Interval:
        self._start(self.sample.directory, "--check-integrity=true")
        end, _ = self.child.wait_for("Verification finished successfully", CHECK_LIMIT)
        return Interval(self.child.started_at, end)

    def _start(self, directory: str, *more: str) -> None:
        argv = [
            self.program, "--no-conf=true", f"--dir={directory}", f"--interface={CLIENT_HOST}",
            f"--listen-port={self.port}", "--enable-dht=false", "--enable-dht6=false",
            "--bt-enable-lpd=false", "--enable-peer-exchange=false", "--bt-max-peers=0",
            "--bt-require-crypto=false", "--bt-min-crypto-level=plain", "--disk-cache=64M",
            "--file-allocation=none", "--seed-ratio=0.0", "--allow-overwrite=true",
            "--auto-save-interval=0", "--show-console-readout=false", "--summary-interval=0",
            "--console-log-level=notice", *more, self.sample.torrent,
        ]  # fmt: skip
        self.child = Child(argv, self.work)
        if "--check-integrity=true" not in more:
            wait_listening(CLIENT_HOST, self.port)


class Transmission(Program):
    """transmission-daemon, told what to do by its RPC. It checks whatever it is given.

    It answers requests in pulses, a window's worth each: about 10 MB/s a peer on any machine.
    """

    name, program, package = "transmission", "transmission-daemon", "transmission-daemon"
    size_share = 8
    most_idle = 900  # it lowers its limit of open files to 1024 (version 3.00)
    _DOWNLOADING, _SEEDING = 4, 6

    def __init__(self, sample: Sample, work: str, peers: int = 0) -> None:
        super().__init__(sample, work, peers)
        self._rpc_port = free_port(CLIENT_HOST)
        self._session = ""

    def seed(self) -> None:
        self.check()

    def leech(self, directory: str) -> None:
        self._start(directory)
        self._add()
        self._wait_status(self._DOWNLOADING)

    def check(self) -> Interval:
        self._start(self.sample.directory)
        begin = time.monotonic()
        self._add()
        self._wait_status(self._SEEDING)
        return Interval(begin, time.monotonic())

    def _start(self, directory: str) -> None:
        with open(os.path.join(self.work, "settings.json"), "w") as out:
            settings = self.settings(directory, self.port, self._rpc_port, self.peers + SPARE)
            settings["script-torrent-done-enabled"] = True
            settings["script-torrent-done-filename"] = self.hook()
            json.dump(settings, out)
        self.child = Child([self.program, "-f", "-g", self.work], self.work)
        wait_listening(CLIENT_HOST, self.port)
        wait_listening(CLIENT_HOST, self._rpc_port)

    @staticmethod
    def settings(
        directory: str, port: int, rpc_port: int, connections: int = SPARE
    ) -> dict[str, Any]:
        """What it is told in `settings.json`: everything that is not measured is off."""
        return {
            "peer-port": port,
            "bind-address-ipv4": CLIENT_HOST,
            "bind-address-ipv6": "::1",
            "download-dir": directory,
            "rpc-port": rpc_port,
            "rpc-bind-address": CLIENT_HOST,
            "rpc-authentication-required": False,
            "rpc-whitelist-enabled": False,
            "rpc-host-whitelist-enabled": False,
            "dht-enabled": False,
            "lpd-enabled": False,
            "pex-enabled": False,
            "utp-enabled": False,
            "port-forwarding-enabled": False,
            "encryption": 0,
            "peer-limit-global": connections,
            "peer-limit-per-torrent": connections,
            "upload-slots-per-torrent": 1000,
            "cache-size-mb": 64,
            "preallocation": 0,
            "download-queue-enabled": False,
            "seed-queue-enabled": False,
            "queue-stalled-enabled": False,
            "rename-partial-files": False,
            "message-level": 1,
        }

    def _add(self) -> None:
        with open(self.sample.torrent, "rb") as stream:
            self._call("torrent-add", metainfo=base64.b64encode(stream.read()).decode())

    def _wait_status(self, wanted: int) -> None:
        deadline = time.monotonic() + CHECK_LIMIT
        while self._status() != wanted:
            if time.monotonic() > deadline or self.child.has_ended:
                raise Failed(f"transmission does not come to status {wanted}")
            time.sleep(0.02)

    def _status(self) -> int | None:
        torrents = self._call("torrent-get", fields=["status"])["torrents"]
        return torrents[0]["status"] if torrents else None

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """One call of the RPC; the first learns the session's id, which keeps browsers out."""
        url = f"http://{CLIENT_HOST}:{self._rpc_port}/transmission/rpc"
        body = json.dumps({"method": method, "arguments": arguments}).encode()
        while True:
            request = urllib.request.Request(
                url, body, {"X-Transmission-Session-Id": self._session}
            )
            try:
                with urllib.request.urlopen(request, timeout=START_LIMIT) as response:
                    return dict(json.load(response)["arguments"])
            except urllib.error.HTTPError as error:
                if error.code != 409:
                    raise
                self._session = error.headers["X-Transmission-Session-Id"]


CLIENTS: Final = {each.name: each for each in (Txtorrent, Libtorrent, Aria2, Transmission)}
