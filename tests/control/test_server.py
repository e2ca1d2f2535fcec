"""Real listeners: UNIX sockets and their places, TCP, starting and stopping."""

import os
import shutil
import socket
import stat
import sys
from tempfile import mkdtemp

from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase

from tests.control.case import SESSION_ID, request
from tests.control.fakesession import FakeSession
from txtorrent.control import unixsocket
from txtorrent.control.access import Credentials
from txtorrent.control.server import Control, ControlOptions, is_local, unix_path
from txtorrent.control.unixsocket import prepare
from txtorrent.errors import RequestError


def exists(path):
    return os.path.lexists(path)


def make_file(path):
    with open(path, "w") as file:
        file.write("precious")


class Collector(Protocol):
    """Keeps what comes, until the other side hangs up."""

    def __init__(self):
        self.data = b""
        self.ended = Deferred()

    def dataReceived(self, data):
        self.data += data

    def connectionLost(self, reason):
        self.ended.callback(self.data)


class ServerCase(TestCase):
    def setUp(self):
        # A path of a socket has at most 108 characters.
        directory = os.path.relpath(self.mktemp())
        os.makedirs(directory, 0o700)
        self.path = os.path.join(directory, "c")
        self.session = FakeSession("one")

    def make(self, *endpoints, **options):
        options = ControlOptions(**options)
        return Control(reactor, self.session, endpoints, options, session_id=SESSION_ID)

    async def started(self, *endpoints, **options):
        control = self.make(*endpoints, **options)
        await control.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(control.stop()))
        return control

    async def ask(self, endpoint, body=None):
        """One request on a connection of its own, and all that is answered."""
        protocol = Collector()
        await connectProtocol(clientFromString(reactor, endpoint), protocol)
        body = body or {"method": "session-stats"}
        protocol.transport.write(request(body=body, Connection="close"))
        return await protocol.ended

    async def assert_refused(self, control, part):
        try:
            await control.start()
        except RequestError as error:
            self.assertIn(part, error.text)
        else:
            await control.stop()
            self.fail("it started")


class Unix(ServerCase):
    async def test_answers(self):
        await self.started(f"unix:{self.path}")
        self.assertIn(b'"result":"success"', await self.ask(f"unix:{self.path}"))

    async def test_is_ours_alone(self):
        await self.started(f"unix:{self.path}:mode=666")
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    async def test_makes_its_directory(self):
        path = os.path.join(os.path.dirname(self.path), "a", "b", "c")
        await self.started(f"unix:{path}")
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700)

    async def test_is_gone_afterwards(self):
        control = self.make(f"unix:{self.path}")
        await control.start()
        await control.stop()
        self.assertFalse(exists(self.path))

    async def test_a_stale_one_is_replaced(self):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(self.path)
        await self.started(f"unix:{self.path}")
        self.assertIn(b"success", await self.ask(f"unix:{self.path}"))

    async def test_a_live_one_is_left_alone(self):
        await self.started(f"unix:{self.path}")
        await self.assert_refused(self.make(f"unix:{self.path}"), "another daemon answers")
        self.assertIn(b"success", await self.ask(f"unix:{self.path}"))

    async def test_a_file_is_left_alone(self):
        make_file(self.path)
        await self.assert_refused(self.make(f"unix:{self.path}"), "is no socket")
        self.assertTrue(exists(self.path))

    async def test_a_link_is_left_alone(self):
        os.symlink("/etc/passwd", self.path)
        await self.assert_refused(self.make(f"unix:{self.path}"), "is no socket")

    async def test_others_who_may_write_there(self):
        os.chmod(os.path.dirname(self.path), 0o777)
        await self.assert_refused(self.make(f"unix:{self.path}"), "others may write")

    async def test_but_not_over_each_other(self):
        os.chmod(os.path.dirname(self.path), 0o1777)
        await self.started(f"unix:{self.path}")

    async def test_other_users_are_hung_up_on(self):
        await self.started(f"unix:{self.path}", users=frozenset({os.geteuid() + 1}))
        self.assertEqual(await self.ask(f"unix:{self.path}"), b"")

    async def test_stopping_ends_connections(self):
        control = self.make(f"unix:{self.path}")
        await control.start()
        self.session.update_blocklist = Deferred
        asking = Deferred.fromCoroutine(
            self.ask(f"unix:{self.path}", {"method": "blocklist-update"})
        )
        idle = Collector()
        await connectProtocol(clientFromString(reactor, f"unix:{self.path}"), idle)
        await self.ask(f"unix:{self.path}")
        await control.stop()
        self.assertEqual((await asking, await idle.ended), (b"", b""))


class Stranger(ServerCase):
    """Another user of the machine, for real."""

    script = (
        "import os, socket, sys; os.setgid(65534); os.setuid(65534);"
        "s = socket.socket(socket.AF_UNIX);"
        "s.connect(sys.argv[1]); s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n'); print(s.recv(99))"
    )

    def setUp(self):
        if os.geteuid() != unixsocket.ROOT:
            raise SkipTest("only root can be another user")
        super().setUp()
        directory = mkdtemp(prefix="txtorrent")
        self.addCleanup(shutil.rmtree, directory)
        self.path = f"{directory}/run/c"

    async def connect(self):
        out, err, _ = await getProcessOutputAndValue(sys.executable, ("-c", self.script, self.path))
        return out.decode(), err.decode()

    def open_the_way(self):
        """The modes are wrong: everybody may connect."""
        for path, mode in (
            (os.path.dirname(os.path.dirname(self.path)), 0o755),
            (os.path.dirname(self.path), 0o755),
            (self.path, 0o666),
        ):
            os.chmod(path, mode)

    async def test_the_modes_keep_it_out(self):
        await self.started(f"unix:{self.path}")
        _, err = await self.connect()
        self.assertIn("PermissionError", err)

    async def test_the_kernel_tells_on_it(self):
        await self.started(f"unix:{self.path}")
        self.open_the_way()
        out, err = await self.connect()
        self.assertNotIn("HTTP", out)
        self.assertNotIn("PermissionError", err)


class Tcp(ServerCase):
    async def test_answers(self):
        control = await self.started("tcp:0:interface=127.0.0.1")
        (address,) = control.addresses
        answer = await self.ask(f"tcp:127.0.0.1:{address.port}")
        self.assertIn(b'"result":"success"', answer)

    async def test_several(self):
        control = await self.started(f"unix:{self.path}", "tcp:0:interface=127.0.0.1")
        self.assertEqual(len(control.addresses), 2)

    async def test_everywhere_only_with_a_password(self):
        await self.assert_refused(self.make("tcp:0"), "set a user name and a password")
        control = await self.started("tcp:0", credentials=Credentials("a", "b"))
        (address,) = control.addresses
        self.assertIn(b" 401 ", await self.ask(f"tcp:127.0.0.1:{address.port}"))

    async def test_all_or_none(self):
        control = self.make(f"unix:{self.path}", "tcp:0")
        await self.assert_refused(control, "can be reached from other machines")
        self.assertEqual(control.addresses, [])
        self.assertFalse(exists(self.path))

    async def test_what_is_no_endpoint(self):
        for text in ("nonsense", "tcp:x:interface=127.0.0.1", "tcp", ""):
            await self.assert_refused(self.make(text), "control endpoint")


class Words(SynchronousTestCase):
    def test_unix_paths(self):
        for endpoint, path in [
            ("unix:/run/x", "/run/x"),
            ("unix:/run/x:mode=660", "/run/x"),
            ("unix:mode=660:address=/run/x", "/run/x"),
            ("unix:/run/a\\:b", "/run/a:b"),
            ("unix:/run/a=b", "/run/a=b"),
            ("unix:", None),
            ("tcp:9091", None),
        ]:
            self.assertEqual(unix_path(endpoint), path)

    def test_local(self):
        for address, expected in [
            (UNIXAddress(b"/x"), True),
            (IPv4Address("TCP", "127.0.0.1", 1), True),
            (IPv6Address("TCP", "::1", 1), True),
            (IPv4Address("TCP", "0.0.0.0", 1), False),
            (IPv4Address("TCP", "192.0.2.1", 1), False),
            (IPv6Address("TCP", "::", 1), False),
            (object(), False),
        ]:
            self.assertEqual(is_local(address), expected)

    def test_a_directory_that_cannot_be_made(self):
        self.assertRaises(RequestError, prepare, "/proc/none/c")
