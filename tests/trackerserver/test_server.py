"""The whole tracker on the simulated network: our own client finds peers by it alone."""

import os
from random import Random

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, execute
from twisted.internet.error import CannotListenError
from twisted.logger import LogLevel, capturedLogs, formatEvent, globalLogPublisher

from tests.storage.folders import memory_folder
from tests.swarms.case import SwarmCase
from tests.testing.network import Network
from txtorrent.trackerserver.config import default
from txtorrent.trackerserver.passkeys import Passkeys
from txtorrent.trackerserver.server import RETRY, CannotStart, Surroundings, TrackerServer
from txtorrent.wire.announce import Event

HOST, HOST6 = "8.8.8.8", "2001:4860::8"
REDIS = {"store": f"redis://{HOST}:6379/0"}
START = 1_700_000_000.0
"""The wall clock when the network's is 0."""


class ServerCase(SwarmCase):
    """Trackers on hosts of a simulated network; their files are in `self.folder`."""

    def setUp(self):
        super().setUp()
        self.folder = memory_folder(self)

    def server(self, host, **settings):
        """A tracker that listens."""
        settings = {"state_file": os.path.join(self.folder, "state", "swarms")} | settings
        around = Surroundings(
            host,
            lambda: START + host.seconds(),
            Random(3),
            lambda size: b"\x05" * size,
            execute,
        )
        server = TrackerServer(evolve(default(), **settings), around)
        host.clock.result_of(server.listen())
        host.clock.result_of(server.start())
        return server


class InSwarms(ServerCase):
    """Announced to by sessions."""

    def swarm_of(self, *announce, **settings):
        swarm = self.swarm(500_000, announce=[list(announce)])
        self.host = swarm.network.host(HOST, HOST6)
        return swarm, self.server(self.host, **settings)

    def stop(self, swarm, server):
        for node in swarm.nodes:
            node.stop()
        swarm.clock.result_of(server.stop())

    def downloads(self, announce, way):
        swarm, server = self.swarm_of(announce)
        seed, leecher = swarm.add_seed(), swarm.add_leecher()
        swarm.run_until_complete()
        self.assertWhole(leecher)
        self.assertEqual(swarm.tracker.announces, [])
        swarm.run(5)
        self.assertEqual(server.tracker.store.totals()[1:3], (2, 0))
        counts = server.tracker.statistics.ways[way]
        self.assertEqual(counts.announces[Event.COMPLETED], 1)
        self.assertEqual(counts.announces[Event.STARTED], 2)
        seed.stop()
        leecher.stop()
        self.assertEqual(server.tracker.store.totals()[1:3], (0, 0))
        self.assertEqual(counts.announces[Event.STOPPED], 2)
        self.stop(swarm, server)

    def test_over_http(self):
        self.downloads(f"http://{HOST}:6969/announce", "http")

    def test_over_udp(self):
        self.downloads(f"udp://{HOST}:6969/announce", "udp")

    def test_a_restart_forgets_nobody(self):
        """Who comes after it finds who came before."""
        swarm, server = self.swarm_of(f"http://{HOST}:6969/announce")
        swarm.add_seed()
        swarm.run(5)
        swarm.clock.result_of(server.stop())
        swarm.run(60)
        server = self.server(self.host)
        self.assertEqual(server.tracker.statistics.http.announces[Event.STARTED], 0)
        self.assertEqual(server.tracker.store.totals()[:3], (1, 1, 0))
        leecher = swarm.add_leecher()
        swarm.run_until_complete()
        self.assertWhole(leecher)
        self.stop(swarm, server)

    def test_users_are_remembered(self):
        passkeys = {b"passkey-of-alice": "alice"}
        announce = f"http://{HOST}:6969/passkey-of-alice/announce"
        swarm, server = self.swarm_of(announce, passkeys=passkeys)
        seed, leecher = swarm.add_seed(), swarm.add_leecher()
        swarm.run_until_complete()
        seed.stop()
        leecher.stop()
        (user,) = server.tracker.policy.passkeys.users()
        self.assertGreaterEqual(user.downloaded, 500_000)
        self.assertGreaterEqual(user.uploaded, 500_000)
        swarm.clock.result_of(server.stop())
        again = self.server(self.host, passkeys=passkeys)
        (same,) = again.tracker.policy.passkeys.users()
        self.assertEqual((same.uploaded, same.downloaded), (user.uploaded, user.downloaded))
        swarm.clock.result_of(again.stop())


class Ports(ServerCase):
    """Where it listens, and what it leaves behind."""

    def setUp(self):
        super().setUp()
        self.network = Network()
        self.host = self.network.host(HOST, HOST6)

    def test_nothing_is_left(self):
        server = self.server(self.host)
        self.assertEqual(
            server.addresses, ["http://[::]:6969/announce", "udp://[::]:6969/announce"]
        )
        self.network.clock.advance(1000)
        self.network.clock.result_of(server.stop())
        self.assertEqual(self.network.leftovers(), [])

    def test_chosen_ones(self):
        server = self.server(
            self.host,
            http=(f"tcp:80:interface={HOST}", "tcp6:8080"),
            udp=((HOST, 1337), (HOST6, 1337)),
        )
        self.assertEqual(
            server.addresses,
            [
                f"http://{HOST}:80/announce",
                "http://[::]:8080/announce",
                f"udp://{HOST}:1337/announce",
                f"udp://[{HOST6}]:1337/announce",
            ],
        )
        self.network.clock.result_of(server.stop())
        self.assertEqual(self.network.leftovers(), [])

    def test_only_one_way(self):
        server = self.server(self.host, http=(), port=7000)
        self.assertEqual(server.addresses, ["udp://[::]:7000/announce"])
        self.network.clock.result_of(server.stop())

    def test_no_ipv6(self):
        """On a machine that has none all addresses are those of IPv4."""
        listen_tcp, listen_udp = self.host.listenTCP, self.host.listenUDP

        def without(listen):
            def tried(port, thing, *args, interface="", **options):
                if ":" in interface:
                    raise CannotListenError(interface, port, OSError(97, "no such family"))
                return listen(port, thing, *args, interface=interface, **options)

            return tried

        self.host.listenTCP, self.host.listenUDP = without(listen_tcp), without(listen_udp)
        server = self.server(self.host)
        self.assertEqual(
            server.addresses, ["http://0.0.0.0:6969/announce", "udp://0.0.0.0:6969/announce"]
        )
        self.network.clock.result_of(server.stop())

    def test_taken_ones(self):
        """None is kept when one cannot be had."""
        first = self.server(self.host, http=())
        before = self.network.leftovers()
        error = self.assertRaises(CannotStart, self.server, self.host, state_file="")
        self.assertEqual(
            str(error),
            "UDP at [::]:6969: the port is in use by another program; choose another one",
        )
        self.assertEqual(self.network.leftovers(), before)
        self.network.clock.result_of(first.stop())
        self.assertEqual(self.network.leftovers(), [])

    def test_endpoints_that_are_none(self):
        for text in ("tcp:x", "nonsense:1", "tcp:80:interface=192.0.2.99"):
            error = self.assertRaises(CannotStart, self.server, self.host, http=(text,), udp=())
            self.assertTrue(str(error).startswith(f"HTTP at {text}: "), error)

    def test_endpoints_that_the_system_refuses(self):
        """Each kind in its own way; the user is told in one line."""
        folder = os.path.join(self.folder, "none")
        broken = os.path.join(self.folder, "broken.pem")
        with open(broken, "w", encoding="ascii") as file:
            file.write("no key")
        for text, words in (
            ("tcp:99999", "a number is too large or below 0: bind(): port must be 0-65535"),
            ("tcp:-1", "a number is too large or below 0"),
            (f"unix:{folder}/socket", f"{folder}/socket.lock: no such file or directory"),
            (f"ssl:0:privateKey={folder}", f"{folder}: no such file or directory"),
            (f"ssl:0:privateKey={broken}", ""),
            ("tcp", "not what an endpoint of this kind is written with"),
        ):
            around = Surroundings(reactor, lambda: START, Random(3), bytes, execute)
            server = TrackerServer(evolve(default(), http=(text,), udp=()), around)
            error = self.failureResultOf(Deferred.fromCoroutine(server.listen())).value
            self.assertIsInstance(error, CannotStart)
            start = f"HTTP at {text}: "
            self.assertTrue(str(error).startswith(start + words), error)
            self.assertGreater(len(str(error)), len(start))
            self.assertNotIn("\n", str(error))

    def test_a_socket_that_the_system_closed(self):
        """It is opened again, and not after the tracker was stopped."""
        server = self.server(self.host, http=(), port=7000)
        for _ in range(2):
            (port,) = server._ports
            port.connectionLost()
            self.assertEqual(server.addresses, [])
            self.network.clock.advance(RETRY)
            self.assertEqual(server.addresses, ["udp://[::]:7000/announce"])
        server._ports[0].connectionLost()
        other = self.server(self.host, http=(), port=7000, state_file="")  # that one was quicker
        self.network.clock.advance(3 * RETRY)
        self.assertEqual(server.addresses, [])
        self.network.clock.result_of(other.stop())
        self.network.clock.advance(RETRY)
        self.assertEqual(server.addresses, ["udp://[::]:7000/announce"])
        server._ports[0].connectionLost()
        self.network.clock.result_of(server.stop())
        self.assertEqual(self.network.leftovers(), [])

    def test_new_settings(self):
        server = self.server(self.host)
        later = server.apply(evolve(default(), port=7000, numwant=7, state_file="/x"))
        self.assertEqual(later, ["port", "state_file"])
        self.assertEqual(server.tracker.policy.numwant, 7)
        self.network.clock.result_of(server.stop())

    def test_a_warning_of_users_with_a_shared_store(self):
        """Each tracker counts what users moved by itself."""
        events, passkeys = [], {"passkeys": {b"first-passkey": "alice"}}
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        for settings, warnings in ((passkeys, 0), (REDIS, 0), (passkeys | REDIS, 1)):
            del events[:]
            server = self.server(self.host, **settings)
            warned = [formatEvent(event) for event in events if event["log_level"] is LogLevel.warn]
            self.assertEqual(sum("keep to one tracker" in text for text in warned), warnings)
            self.network.clock.result_of(server.stop())

    def test_users_outlive_new_settings(self):
        server = self.server(self.host, passkeys={b"first-passkey": "alice"})
        users = server.tracker.policy.passkeys
        server.apply(evolve(default(), passkeys={b"first-passkey": "al", b"second-passkey": "bo"}))
        self.assertIs(server.tracker.policy.passkeys, users)
        self.assertEqual(sorted(user.name for user in users.users()), ["al", "bo"])
        server.apply(default())
        self.assertIsNone(server.tracker.policy.passkeys)
        self.network.clock.result_of(server.stop())


class Accounts(ServerCase):
    """The file of what users have moved."""

    def setUp(self):
        super().setUp()
        self.network = Network()
        self.host = self.network.host(HOST)
        self.path = os.path.join(self.folder, "state", "swarms.users")

    def start(self):
        return self.server(self.host, passkeys={b"first-passkey": "alice"})

    def stop(self, server):
        self.network.clock.result_of(server.stop())

    def test_written_every_few_minutes(self):
        server = self.start()
        (user,) = server.tracker.policy.passkeys.users()
        user.uploaded = 7
        self.network.clock.advance(301)
        self.assertTrue(os.path.exists(self.path))
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        self.stop(server)

    def test_damaged(self):
        """It is put aside, and everybody begins anew."""
        self.stop(self.start())
        for text in ("", "{", "[]", '{"users": 5}', '{"users": {}, "peers": [[1]]}', "[" * 100_000):
            with open(self.path, "w") as file:
                file.write(text)
            server = self.start()
            with open(f"{self.path}.damaged") as file:
                self.assertEqual(file.read(), text)
            self.stop(server)
            self.assertIsInstance(server.tracker.policy.passkeys, Passkeys)

    def test_cannot_be_written(self):
        server = self.start()
        (user,) = server.tracker.policy.passkeys.users()
        user.uploaded = 7
        os.makedirs(self.path)
        with capturedLogs() as logs:
            self.stop(server)
        self.assertEqual([event["why"] for event in logs if "why" in event], ["Is a directory"])
        self.assertTrue(os.path.isdir(self.path))

    def test_cannot_be_read(self):
        """It is left alone: what is in it may be readable tomorrow."""
        os.makedirs(self.path)
        with capturedLogs() as logs:
            server = self.start()
        self.assertIn("cannot be read", "".join(map(formatEvent, logs)))
        (user,) = server.tracker.policy.passkeys.users()
        user.uploaded = 7
        self.stop(server)
        self.assertEqual(os.listdir(self.path), [])

    def test_damaged_and_cannot_be_put_aside(self):
        self.stop(self.start())
        with open(self.path, "w") as file:
            file.write("{")
        os.makedirs(f"{self.path}.damaged")
        with capturedLogs() as logs:
            server = self.start()
        self.assertIn("cannot be put aside", "".join(map(formatEvent, logs)))
        (user,) = server.tracker.policy.passkeys.users()
        user.uploaded = 7
        self.stop(server)
        with open(self.path) as file:
            self.assertEqual(file.read(), "{")

    def test_through_settings_without_users(self):
        """SIGHUP with the list left out by mistake, and again with it; and a start without it."""
        server = self.start()
        (user,) = server.tracker.policy.passkeys.users()
        user.uploaded = 7
        server.apply(default())
        self.stop(server)
        server = self.server(self.host)
        self.network.clock.advance(301)
        server.apply(evolve(default(), passkeys={b"first-passkey": "alice"}))
        (user,) = server.tracker.policy.passkeys.users()
        self.assertEqual((user.name, user.uploaded), ("alice", 7))
        self.stop(server)


class StateFile(ServerCase):
    """What is not overwritten, and who may have it."""

    def setUp(self):
        super().setUp()
        self.network = Network()
        self.host = self.network.host(HOST)
        self.path = os.path.join(self.folder, "state", "swarms")

    def test_one_tracker_alone(self):
        first = self.server(self.host)
        error = self.assertRaises(CannotStart, self.server, self.host, port=7000)
        self.assertIn("another tracker uses it", str(error))
        self.network.clock.result_of(first.stop())
        self.network.clock.result_of(self.server(self.host).stop())

    def test_a_place_that_cannot_be_written(self):
        """It is said at the start, not when all would be lost."""
        with open(os.path.join(self.folder, "file"), "w"):
            pass
        path = os.path.join(self.folder, "file", "swarms")
        error = self.assertRaises(CannotStart, self.server, self.host, state_file=path)
        self.assertIn(f"state file {path}: ", str(error))
        self.assertIn("choose one that can be written", str(error))
        self.assertEqual(self.network.leftovers(), [])

    def test_stopped_before_it_was_read(self):
        """What the last run left stays."""
        passkeys = {b"first-passkey": "alice"}
        before = self.server(self.host, passkeys=passkeys)
        (user,) = before.tracker.policy.passkeys.users()
        user.uploaded = 7
        self.network.clock.result_of(before.stop())
        files = {name: self.content(name) for name in ("swarms", "swarms.users")}
        for begins in (False, True):
            server = self.that_never_reads(passkeys)
            if begins:
                starting = Deferred.fromCoroutine(server.start())
                starting.addErrback(lambda failure: failure.trap(CancelledError) and None)
                starting.cancel()
            self.network.clock.result_of(server.stop())
            self.assertEqual(files, {name: self.content(name) for name in files})

    def that_never_reads(self, passkeys):
        """A tracker that listens, on a machine with a disk that hangs."""
        around = Surroundings(self.host, lambda: START, Random(3), bytes, lambda *_: Deferred())
        config = evolve(default(), state_file=self.path, passkeys=passkeys)
        server = TrackerServer(config, around)
        self.network.clock.result_of(server.listen())
        return server

    def content(self, name):
        with open(os.path.join(self.folder, "state", name), "rb") as file:
            return file.read()
