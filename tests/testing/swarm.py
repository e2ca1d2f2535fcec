"""Whole swarms in one process: real sessions on simulated hosts, with real files.

    swarm = Swarm(Network(seed=1), payload(data, piece_length=65536), folder)
    seed = swarm.add_seed(up=1_000_000)
    leecher = swarm.add_leecher(down=5_000_000)
    swarm.run_until_complete()
    assert swarm.stop() == []

Peers find each other by a simulated HTTP tracker. The same seed gives the same swarm.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from tests.testing import torrents
from tests.testing.disk import inline_disk
from tests.testing.host import Host
from tests.testing.network import Network
from tests.testing.trackers import Register
from txtorrent.address import Address
from txtorrent.metainfo.torrentfile import Metainfo, parse
from txtorrent.session import Session, SessionOptions
from txtorrent.storage.disk import Disk
from txtorrent.swarm.peerbook import Source
from txtorrent.torrent.parts import Parts
from txtorrent.torrent.shared import TorrentOptions
from txtorrent.torrent.torrent import Torrent

PORT = 6881
TRACKER = "9.9.9.9"
TRACKER6 = "2001:4860::9"
# Seconds that a stop may take (THREATS E12).
STOP_LIMIT = 10.0
# Seconds in which the network carries the last words of those that stopped.
SETTLE = 5.0


@frozen
class Payload:
    """A torrent and its content, all bytes end to end."""

    metainfo: Metainfo
    data: bytes


def payload(
    files: torrents.Files | int,
    *,
    piece_length: int = 65536,
    announce: str = f"http://{TRACKER}:80/announce",
    **options: Any,
) -> Payload:
    """A torrent of these files; of a number of bytes, where it does not matter which."""
    if isinstance(files, int):
        files = torrents.content(files, files)
    raw = torrents.make(files, piece_length=piece_length, announce=announce, **options)
    aligned = bool(options.get("aligned"))
    data = torrents.payload(files, piece_length=piece_length, aligned=aligned)
    return Payload(parse(raw), data)


@define(eq=False)
class Node:
    """One peer: a session with one torrent, on a host of its own. Made by `Swarm`.

    `options` are those of the torrent, `settings` those of the session; a change counts from the
    next start. `completed_at` is in virtual seconds."""

    host: Host
    directory: str
    state: str
    random: Random
    options: dict[str, Any]
    settings: dict[str, Any]
    payload: Payload
    disk: Disk
    session: Session = field(init=False)
    torrent: Torrent = field(init=False)
    completed_at: float | None = field(init=False, default=None)
    running: bool = field(init=False, default=False)
    changes: list[Callable[[Parts], object]] = field(init=False, factory=list)
    """Called with the parts of the torrent before they run: how a test makes a strange peer."""

    @property
    def address(self) -> Address:
        """Where other peers reach it."""
        return Address(self.host.addresses[0], PORT)

    @property
    def parts(self) -> Parts:
        """The parts of the running torrent."""
        assert self.torrent.swarm is not None, "the torrent does not run"
        return self.torrent.swarm

    @property
    def is_complete(self) -> bool:
        """Whether every piece is had."""
        return self.torrent.progress.is_complete

    @property
    def uploaded(self) -> int:
        """Bytes of blocks, in all runs."""
        return self.torrent.progress.uploaded.total

    @property
    def downloaded(self) -> int:
        """Bytes of blocks, in all runs."""
        return self.torrent.progress.downloaded.total

    @property
    def wasted(self) -> int:
        """Bytes of blocks that came for nothing, in all runs."""
        return self.torrent.progress.wasted

    @property
    def linked(self) -> list[str]:
        """The IP addresses that it is connected to."""
        if self.torrent.swarm is None:
            return []
        return sorted(link.address.host for link in self.parts.exchange.links)

    def start(self) -> None:
        """Start the session and add the torrent."""
        options = SessionOptions(state=self.state, **{"port": PORT, **self.settings})
        self.session = Session(self.host, options, self.disk, self.random)
        self.host.clock.result_of(self.session.start())
        self.running = True
        self.torrent = self.session.add(
            self.payload.metainfo, TorrentOptions(directory=self.directory, **self.options)
        )
        self._watch(self.torrent)

    def stop(self) -> float:
        """Stop the session; the virtual seconds it took."""
        self.running = False
        began = self.host.seconds()
        self.host.clock.result_of(self.session.stop(), STOP_LIMIT)
        return self.host.seconds() - began

    def restart(self) -> None:
        """Stop, and start anew with the same state and files."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """As kill -9: nothing is saved, nobody is told."""
        self.running = False
        self.host.kill()
        self.session.journal._database.close()
        self.open_files().close_unused()

    def open_files(self) -> Any:
        """The session's pool of open files."""
        shared = self.session._shared
        assert shared is not None, "the session was never started"
        return shared.files

    def data(self) -> bytes:
        """What is on disk, all bytes of the torrent end to end."""
        found = []
        for file in self.payload.metainfo.files:
            if file.pad:
                found.append(bytes(file.length))
            else:
                with open(os.path.join(self.directory, *file.path), "rb") as content:
                    found.append(content.read())
        return b"".join(found)

    def _watch(self, torrent: Torrent) -> None:
        """Note when it completes, and make the changes when there are parts to change."""
        completed, begin = torrent.completed, torrent._begin_parts

        def on_completed() -> None:
            self.completed_at = self.host.seconds()
            completed()

        def on_begin() -> None:
            for change in self.changes:
                change(self.parts)
            begin()

        torrent.completed = on_completed  # type: ignore[method-assign]
        torrent._begin_parts = on_begin  # type: ignore[method-assign]


class Swarm:
    """Some peers of one torrent, and their tracker. `folder` is for this swarm alone."""

    def __init__(self, network: Network, payload: Payload, folder: str, **tracker: Any) -> None:
        self.network = network
        self.clock = network.clock
        self.payload = payload
        self.folder = folder
        self.nodes: list[Node] = []
        self.tracker = Register(network.host(TRACKER, TRACKER6), **tracker)
        self.tracker.listen_http()

    def add_seed(self, **options: Any) -> Node:
        """A peer that has everything. Options as for `add`."""
        return self.add(self.payload.data, **options)

    def add_leecher(self, **options: Any) -> Node:
        """A peer that has nothing. Options as for `add`."""
        return self.add(None, **options)

    def add(
        self,
        data: bytes | None = None,
        *,
        addresses: Iterable[str] = (),
        up: float | None = None,
        down: float | None = None,
        latency: float = 0.02,
        change: Callable[[Parts], object] | None = None,
        settings: dict[str, Any] | None = None,
        start: bool = True,
        directory: str | None = None,
        host: Host | None = None,
        **options: Any,
    ) -> Node:
        """One peer more, whose files hold `data`.

        Without `addresses` each is in a network of its own; several may share a `host`. `up`,
        `down` and `latency` are the host's, `options` the torrent's, `settings` the session's;
        `change` is called with the torrent's parts before they run."""
        number = len(self.nodes) + 1
        host = host or self.network.host(
            *(addresses or (f"20.{number}.0.1",)), up=up, down=down, latency=latency
        )
        home = os.path.join(self.folder, str(number))
        directory = directory or os.path.join(home, "files")
        os.makedirs(directory, exist_ok=True)
        if data is not None:
            torrents.write_content(directory, self.payload.metainfo, data)
        state = os.path.join(home, "state")
        disk = inline_disk(host)
        random = Random(self.network.random.getrandbits(64))
        node = Node(host, directory, state, random, options, settings or {}, self.payload, disk)
        if change is not None:
            node.changes.append(change)
        self.nodes.append(node)
        if start:
            node.start()
        return node

    def introduce(self, node: Node, *others: Node) -> None:
        """Tell a running peer of others, as if the user had named them."""
        node.parts.connections.found([other.address for other in others], Source.USER)

    # -- running

    def run_until(self, happened: Callable[[], object], limit: float = 600.0) -> float:
        """Run until that is true; the virtual seconds it took."""
        return self.clock.run_until(happened, limit)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    def run_until_complete(self, *nodes: Node, limit: float = 600.0) -> float:
        """Run until these, or all that run, have everything; the virtual seconds it took."""
        waiting = list(nodes or [node for node in self.nodes if node.running])

        def all_complete() -> bool:
            while waiting and waiting[-1].is_complete:
                waiting.pop()
            return not waiting

        return self.run_until(all_complete, limit)

    def copies(self, node: Node) -> float:
        """How many copies of the torrent a peer has uploaded."""
        return node.uploaded / len(self.payload.data)

    def waste(self) -> float:
        """Share of what all downloaded that came for nothing."""
        downloaded = sum(node.downloaded for node in self.nodes)
        return sum(node.wasted for node in self.nodes) / downloaded if downloaded else 0.0

    # -- the end

    def stop(self) -> list[str]:
        """Stop everything; tells what is left then, which is nothing if all is well."""
        running = [node for node in self.nodes if node.running]
        for node in running:
            node.running = False
        stopping: list[Deferred[None]] = [node.session.stop() for node in running]
        began = self.clock.seconds()
        for stopped in stopping:
            self.clock.result_of(stopped, STOP_LIMIT)
        left = []
        if self.clock.seconds() - began > STOP_LIMIT:
            left.append(f"<a stop that took {self.clock.seconds() - began} s>")
        self.tracker.close()
        self.clock.advance(SETTLE)
        return [*left, *self.network.leftovers(), *self._open_files()]

    def _open_files(self) -> list[str]:
        """Descriptors of the process that lead into our folder."""
        left = []
        for descriptor in os.listdir("/proc/self/fd"):
            try:
                path = os.readlink(f"/proc/self/fd/{descriptor}")
            except OSError:
                continue
            if path.startswith(os.path.abspath(self.folder)):
                left.append(f"<open file {path}>")
        return left
