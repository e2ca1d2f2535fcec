"""The BitTorrent clients of these tests behind one face: seed, leech, is_complete, stop.

Each runs as a process of its own on an address of its own, in plain TCP, and finds peers
through the torrent's tracker alone, or by being dialled.
"""

import base64
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import sys
import sysconfig
from abc import abstractmethod
from typing import Any, ClassVar, Final

import treq
from twisted.internet import reactor
from twisted.web.client import Agent, HTTPConnectionPool

from tests.interop.case import InteropCase
from tests.interop.programs import Program
from tests.interop.samples import Sample
from tests.testing.loopback import free_port, next_host
from txtorrent.address import Address, pack
from txtorrent.bencode import encode

_OURS: Final = re.compile(
    r"an error of ours|internal error|Traceback|Unhandled|critical:|was never awaited"
)
"""Words by which txtorrent tells of a defect of its own."""


_GOOD_ENDS: Final = (0, -signal.SIGTERM)
"""Once all is stopped in order twistd lets the signal that ended it have its way."""


class Client:
    """One client. `host` and `port` are where peers reach it, once it is there."""

    name: ClassVar[str]
    makes_empty_files: ClassVar[bool] = True
    dials_loopback: ClassVar[bool] = True
    announces_late: ClassVar[bool] = False
    """Whether it takes too long for a test until the DHT knows it; others find it no sooner."""
    routers: tuple[Address, ...] = ()
    """Nodes by which it finds its way into the DHT; without any it has none."""
    exchanges = False
    """Whether it tells its peers of others, and hears of others from them (PEX)."""

    def __init__(self, case: InteropCase) -> None:
        self.case = case
        self.host = case.next_address()
        self.port = free_port(self.host)
        self.work = case.folder(self.name)

    @classmethod
    @abstractmethod
    def absent(cls) -> str | None:
        """Why it cannot be used here, or None."""

    @abstractmethod
    async def seed(self, sample: Sample, directory: str, peers: tuple[str, ...] = ()) -> None:
        """Serve what is in the directory; returns when it has been checked and peers may come.

        `peers` are dialled, "host:port", by clients that can be told.
        """

    @abstractmethod
    async def leech(self, sample: Sample, directory: str, peers: tuple[str, ...] = ()) -> None:
        """Download into the directory; returns when peers may come."""

    async def fetch(self, link: str, directory: str, peers: tuple[str, ...] = ()) -> None:
        """Download what a magnet link means; returns when peers may come."""
        raise NotImplementedError(f"{self.name} is not tried with magnet links")

    @abstractmethod
    async def is_complete(self) -> bool:
        """Whether it has every piece."""

    async def stop(self) -> None:
        """End it in good order."""
        await self.program.end()

    async def leave(self) -> None:
        """Have it tell its trackers that it stops; it may still be at it, and may go on to run."""
        await self.stop()

    @property
    def address(self) -> str:
        return str(self.contact)

    @property
    def contact(self) -> Address:
        """The same, as our sessions take it."""
        return Address(self.host, self.port)

    def launch(self, *argv: str) -> None:
        """Run the client's program."""
        self.program = self.case.run_program(Program(self.name, argv, self.work))

    def has_said(self, pattern: str) -> bool:
        """Whether its output matches."""
        return re.search(pattern, self.program.output) is not None

    async def until_said(self, pattern: str) -> None:
        """Wait until its output matches."""
        await self.case.until(f"{self.name} says {pattern}", lambda: self.has_said(pattern))


class Txtorrent(Client):
    """Ourselves, as users run us. It takes a free port by itself."""

    name = "txtorrent"
    extra: tuple[str, ...] = ()
    control = "none"
    settings = ""

    @classmethod
    def absent(cls) -> str | None:
        return None

    async def seed(self, sample: Sample, directory: str, peers: tuple[str, ...] = ()) -> None:
        await self._start(sample, directory, peers)
        await self.case.until("txtorrent seeds", self.is_complete)

    async def leech(self, sample: Sample, directory: str, peers: tuple[str, ...] = ()) -> None:
        await self._start(sample, directory, peers)

    async def is_complete(self) -> bool:
        return self.has_said(r": seeding\n")

    async def stop(self) -> None:
        """Also fails the test when it did not end well, or told of a defect."""
        await super().stop()
        self.check_health()
        if self.program.status not in _GOOD_ENDS or not self.has_said(r" stopped\n$"):
            self.case.fail(self.case.with_stories("txtorrent did not end well"))

    def check_health(self) -> None:
        """Fail the test when the log tells of a defect."""
        check_health(self.case, self.program)

    async def _start(self, sample: Sample, directory: str, peers: tuple[str, ...]) -> None:
        config = os.path.join(self.work, "set.toml")
        write(config, self.settings)
        options = {
            "--config": config,
            "--control": self.control,
            "--torrent": sample.path,
            "--directory": directory,
            "--state": os.path.join(self.work, "state"),
            "--port": "0",
            "--interface": self.host,
            "--log-level": "debug",
        }
        words = [word for option in options.items() for word in option]
        words += [word for peer in peers for word in ("--peer", peer)]
        self.launch(*twistd(), "-n", "--pidfile=", "txtorrent", *words, *self.extra)
        await self.case.until("txtorrent listens", lambda: self.has_said(_LISTENING))
        found = re.search(_LISTENING, self.program.output)
        assert found is not None
        self.port = int(found[1])


def check_health(case: InteropCase, program: Program) -> None:
    """Fail the test when the log of a daemon of ours tells of a defect."""
    if found := _OURS.search(program.output):
        case.fail(case.with_stories(f"txtorrent says {found[0]!r}"))


_LISTENING: Final = r"listening on port (\d+)"


def twistd() -> tuple[str, str]:
    """The command of the Python that runs the tests."""
    return sys.executable, os.path.join(sysconfig.get_path("scripts"), "twistd")


_LIBTORRENT_PEER: Final = os.path.join(os.path.dirname(__file__), "libtorrent_peer.py")


class Libtorrent(Client):
    """The library of qBittorrent and Deluge, through its Python binding."""

    name = "libtorrent"

    def __init__(self, case: InteropCase, seed_mode: bool = False, **settings: Any) -> None:
        super().__init__(case)
        self._job = {"seed_mode": seed_mode, "settings": settings}

    def scrape(self) -> None:
        """Ask the tracker how many there are; it says so in its output."""
        self.program.tell("scrape")

    def announce(self) -> None:
        """Announce now."""
        self.program.tell("announce")

    async def leave(self) -> None:
        self.program.tell("leave")
        await self.case.until("libtorrent has left", lambda: self.has_said(r"\nleft\n"))

    def also_at(self, *hosts: str) -> None:
        """Listen at these addresses, too."""
        self._job["hosts"] = hosts

    @classmethod
    def absent(cls) -> str | None:
        if importlib.util.find_spec("libtorrent") is None:
            return "libtorrent is not installed (PyPI package libtorrent)"
        return None

    async def seed(self, sample: Sample, directory: str, peers: tuple[str, ...] = ()) -> None:
        await self._start(directory, peers, torrent=sample.path)
        await self.case.until("libtorrent seeds", self.is_complete)

    async def leech(self, sample: Sample, directory: str, peers: tuple[str, ...] = ()) -> None:
        self._job["seed_mode"] = False
        await self._start(directory, peers, torrent=sample.path)
        await self.case.until(
            "libtorrent runs", lambda: self.has_said(r"\n(downloading|complete)\n")
        )

    async def fetch(self, link: str, directory: str, peers: tuple[str, ...] = ()) -> None:
        await self._start(directory, peers, magnet=link)

    async def introduce(self, sample: Sample, peers: tuple[str, ...]) -> None:
        """Be a peer of these that has the metadata, and will never have a piece."""
        self._job["idle"] = True
        await self._start(self.case.folder("nothing"), peers, torrent=sample.path)

    async def is_complete(self) -> bool:
        return self.has_said(r"(^|\n)complete\n")

    async def _start(self, directory: str, peers: tuple[str, ...], **what: str) -> None:
        job = {
            **self._job,
            **what,
            "host": self.host,
            "port": self.port,
            "directory": directory,
            "nodes": self.routers,
            "exchanges": self.exchanges,
        }
        self.launch(sys.executable, _LIBTORRENT_PEER, json.dumps(job))
        await self.case.until("libtorrent listens", lambda: self.has_said(r"(^|\n)listening\n"))
        for peer in peers:
            self.program.tell("connect " + " ".join(peer.rsplit(":", 1)))


class Aria2(Client):
    """aria2c, from Debian's aria2."""

    name = "aria2"
    extra: tuple[str, ...] = ()

    @classmethod
    def absent(cls) -> str | None:
        return absence_of("aria2c", "aria2")

    async def seed(self, sample: Sample, directory: str, peers: tuple[str, ...] = ()) -> None:
        await self._start(directory, sample.path, *_udp(sample), "--check-integrity=true")
        await self.case.until("aria2 seeds", self.is_complete)

    async def leech(self, sample: Sample, directory: str, peers: tuple[str, ...] = ()) -> None:
        await self._start(directory, sample.path, *_udp(sample))

    async def fetch(self, link: str, directory: str, peers: tuple[str, ...] = ()) -> None:
        await self._start(directory, link)

    async def is_complete(self) -> bool:
        return "complete" in os.listdir(self.work)

    async def leave(self) -> None:
        """SIGTERM has it end without a word to anybody."""
        await self.program.end("INT")

    def _hook(self) -> str:
        """A script for aria2 to run once all is there."""
        path = os.path.join(self.work, "hook.sh")
        write(path, f"#!/bin/sh\n: > '{self.work}/complete'\n")
        os.chmod(path, 0o755)
        return path

    async def _start(self, directory: str, what: str, *more: str) -> None:
        self.launch(
            "aria2c", "--no-conf=true", f"--dir={directory}", f"--interface={self.host}",
            f"--listen-port={self.port}",
            f"--dht-listen-port={free_port(self.host, socket.SOCK_DGRAM)}",
            f"--enable-dht={_word(bool(self.routers))}", "--enable-dht6=false",
            f"--dht-file-path={self.work}/dht.dat", f"--bt-external-ip={self.host}",
            "--bt-enable-lpd=false", f"--enable-peer-exchange={_word(self.exchanges)}",
            "--bt-require-crypto=false",
            "--bt-min-crypto-level=plain", "--file-allocation=none", "--seed-ratio=0.0",
            "--allow-overwrite=true", "--show-console-readout=false", "--summary-interval=0",
            "--console-log-level=info", f"--stop-with-process={os.getpid()}",
            f"--on-bt-download-complete={self._hook()}",
            *(f"--dht-entry-point={router}" for router in self.routers[:1]),
            *self.extra, *more, what,
        )  # fmt: skip
        await self.case.until("aria2 listens", lambda: listens(self.host, self.port))


def _udp(sample: Sample) -> tuple[str, ...]:
    """It asks UDP trackers only from the socket of its DHT, which then knows no node."""
    urls = [url for tier in sample.metainfo.announce_tiers for url in tier]
    return ("--enable-dht=true",) if any(url.startswith("udp:") for url in urls) else ()


def _word(on: bool) -> str:
    return "true" if on else "false"


class Transmission(Client):
    """transmission-daemon, of Debian's package of that name, told what to do by its RPC.

    It never dials loopback addresses: it has to be found.
    """

    name = "transmission"
    makes_empty_files = False
    dials_loopback = False
    announces_late = True

    def __init__(self, case: InteropCase) -> None:
        super().__init__(case)
        self._rpc_host = next_host()
        self._rpc_port = free_port(self._rpc_host)
        self._session = ""
        self._pool = HTTPConnectionPool(reactor)
        case.addCleanup(self._pool.closeCachedConnections)

    @classmethod
    def absent(cls) -> str | None:
        return absence_of("transmission-daemon", "transmission-daemon")

    async def seed(self, sample: Sample, directory: str, peers: tuple[str, ...] = ()) -> None:
        await self._start(directory, metainfo=base64.b64encode(sample.metainfo.raw).decode())
        await self.case.until("transmission seeds", self.is_complete)

    async def leech(self, sample: Sample, directory: str, peers: tuple[str, ...] = ()) -> None:
        await self._start(directory, metainfo=base64.b64encode(sample.metainfo.raw).decode())
        await self.case.until("transmission downloads", self._is_downloading)

    async def fetch(self, link: str, directory: str, peers: tuple[str, ...] = ()) -> None:
        await self._start(directory, filename=link)

    async def is_complete(self) -> bool:
        return await self._status() == 6

    async def leave(self) -> None:
        """As it ends there is no time for HTTP trackers: stop the torrent, no more."""
        await self._call("torrent-stop")

    async def _is_downloading(self) -> bool:
        return await self._status() == 4

    async def _status(self) -> int | None:
        reply = await self._call("torrent-get", fields=["status"])
        return reply["torrents"][0]["status"] if reply["torrents"] else None

    async def _start(self, directory: str, **what: str) -> None:
        self._write_nodes()
        write(os.path.join(self.work, "settings.json"), json.dumps(self._settings(directory)))
        self.launch("transmission-daemon", "-f", "-g", self.work)
        await self.case.until(
            "transmission listens",
            lambda: listens(self.host, self.port) and listens(self._rpc_host, self._rpc_port),
        )
        await self._call("torrent-add", **what)

    def _write_nodes(self) -> None:
        """The file in which it keeps the nodes that it knew last time."""
        nodes = b"".join(pack(node) for node in self.routers)
        state = encode({b"id": os.urandom(20), b"nodes": nodes})
        with open(os.path.join(self.work, "dht.dat"), "wb") as out:
            out.write(state)

    def _settings(self, directory: str) -> dict[str, Any]:
        return {
            "peer-port": self.port,
            "bind-address-ipv4": "0.0.0.0" if ":" in self.host else self.host,
            "bind-address-ipv6": self.host if ":" in self.host else "::1",
            "download-dir": directory,
            "rpc-port": self._rpc_port,
            "rpc-bind-address": self._rpc_host,
            "rpc-authentication-required": False,
            "rpc-whitelist-enabled": False,
            "rpc-host-whitelist-enabled": False,
            "dht-enabled": bool(self.routers),
            "lpd-enabled": False,
            "pex-enabled": self.exchanges,
            "utp-enabled": False,
            "port-forwarding-enabled": False,
            "encryption": 0,
            "download-queue-enabled": False,
            "seed-queue-enabled": False,
            "queue-stalled-enabled": False,
            "rename-partial-files": False,
            "preallocation": 0,
            "message-level": 3,
        }

    async def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """One call of the RPC; the first learns the session's id, which keeps browsers out."""
        agent = Agent(reactor, pool=self._pool, connectTimeout=5)
        while True:
            response = await treq.post(
                f"http://{self._rpc_host}:{self._rpc_port}/transmission/rpc",
                json={"method": method, "arguments": arguments},
                headers={"X-Transmission-Session-Id": self._session},
                agent=agent,
            )
            body = await treq.content(response)
            if response.code != 409:
                reply = json.loads(body)
                assert reply["result"] == "success", reply
                return dict(reply["arguments"])
            self._session = response.headers.getRawHeaders("X-Transmission-Session-Id")[0]


def absence_of(program: str, package: str) -> str | None:
    """Why a program cannot be used, or None."""
    if shutil.which(program) is None:
        return f"{program} is not installed (Debian package {package})"
    return None


def write(path: str, text: str) -> None:
    """Make a small file."""
    with open(path, "w") as out:
        out.write(text)


def listens(host: str, port: int) -> bool:
    """Whether a TCP socket listens there; looked up, not tried, since a try is a connection."""
    wanted = {f"{_as_listed(each)}:{port:04X}" for each in (host, "0.0.0.0", "::")}
    rows = []
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(path) as table:
            rows += [line.split() for line in table]
    return any(row[3] == "0A" and row[1] in wanted for row in rows)


def _as_listed(host: str) -> str:
    """An address as the kernel's tables have it: words of this machine's order, in hexadecimal."""
    address = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    words = (address[at : at + 4] for at in range(0, len(address), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)
