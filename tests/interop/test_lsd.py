"""Local service discovery on real networks: two namespaces of Linux with a cable between them.

It takes root, or no test of this file runs.
"""

import os
import shutil
import subprocess
import sys
from itertools import count

from tests.interop.case import InteropCase
from tests.interop.clients import Libtorrent
from tests.interop.programs import Program

_NODE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lsd_node.py")
_TORRENT, _OTHER = "ab" * 20, "cd" * 20
_numbers = count(1)


class Networks:
    """Where namespaces can be made."""

    @classmethod
    def absent(cls) -> str | None:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            return "network namespaces take root, and Debian's iproute2"
        probe = f"txtorrent-{os.getpid()}-probe"
        made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, timeout=10)
        subprocess.run(["ip", "netns", "delete", probe], capture_output=True, timeout=10)
        return "network namespaces cannot be made here" if made.returncode else None


class LsdTests(InteropCase):
    timeout = 40.0

    def setUp(self) -> None:
        super().setUp()
        self.need(Networks)
        number = next(_numbers)
        self.names = [f"txtorrent-{os.getpid()}-{number}{end}" for end in "ab"]
        for name in self.names:
            self.ip("netns", "add", name)
            self.addCleanup(self.ip, "netns", "delete", name)
        a, b = self.names
        self.ip("link", "add", "left", "netns", a, "type", "veth", "peer", "right", "netns", b)
        for name, end, host in ((a, "left", 1), (b, "right", 2)):
            self.ip("-n", name, "address", "add", f"10.77.0.{host}/24", "dev", end)
            self.ip("-n", name, "address", "add", f"fd77::{host}/64", "dev", end, "nodad")
            self.ip("-n", name, "link", "set", end, "up")

    def is_ready(self, name: str) -> bool:
        """Whether IPv6 has made sure of its addresses; packets get lost before that."""
        shown = self.ip("-n", name, "-6", "-o", "address", "show")
        return "scope link" in shown and "tentative" not in shown

    def ip(self, *words: str) -> str:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=10)
        self.assertEqual(done.returncode, 0, f"ip {' '.join(words)}: {done.stderr}")
        return done.stdout

    def node(self, kind: str, network: int, address: str, info_hash: str = _TORRENT) -> Program:
        """Somebody in one of the two networks, who looks for peers."""
        inside = ("ip", "netns", "exec", self.names[network])
        argv = (*inside, sys.executable, _NODE, kind, address, str(7000 + network), info_hash)
        return self.run_program(Program(kind, argv, self.folder(kind)))

    async def begin(self, *nodes: Program) -> None:
        """Have all of them take part once all of them listen: each may speak only once."""
        await self.until("all listen", lambda: all("ready" in each.output for each in nodes), 20)
        for each in nodes:
            each.tell("go")

    async def meet(self, kind: str, left: str, right: str, *others: Program) -> None:
        if ":" in left:
            await self.until("there is IPv6", lambda: all(map(self.is_ready, self.names)), 20)
        us, them = self.node("ours", 0, left), self.node(kind, 1, right)
        await self.begin(us, them, *others)

        def shown(host: str, port: int) -> str:
            # libtorrent writes addresses without brackets.
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

        ours = shown(left, 7000)
        known_as = (f"found {ours}", f"found {left}:7000")
        await self.until("we find it", lambda: f"found {shown(right, 7001)}" in us.output, 20)
        await self.until("it finds us", lambda: any(each in them.output for each in known_as), 20)

    async def test_two_of_us(self) -> None:
        """And one who has another torrent."""
        stranger = self.node("ours", 1, "10.77.0.2", _OTHER)
        await self.meet("ours", "10.77.0.1", "10.77.0.2", stranger)
        self.assertNotIn("found", stranger.output)

    async def test_libtorrent(self) -> None:
        self.need(Libtorrent)
        await self.meet("libtorrent", "10.77.0.1", "10.77.0.2")

    async def test_libtorrent_by_ipv6(self) -> None:
        self.need(Libtorrent)
        await self.meet("libtorrent", "fd77::1", "fd77::2")
