"""The benchmark of trackers: its scenarios, and its peers, announcers.c and rubbish.c, beside
trackers that are scripts."""

import hashlib
import os
import socket
import struct
from collections.abc import Callable
from contextlib import nullcontext, redirect_stderr
from io import StringIO
from threading import Thread
from typing import Final

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from benchmarks import __main__ as main_module
from benchmarks.__main__ import measure, own_scenarios, parse, write_plots
from benchmarks.announces import smaller
from benchmarks.child import Child, Failed
from benchmarks.native import compiled, no_compiler
from benchmarks.own import OwnScenario
from benchmarks.report import Results, table
from benchmarks.steps import points_by_client
from benchmarks.work import Bench
from tests.testing.loopback import free_port, next_host
from txtorrent.bencode import encode

PATIENCE: Final = 30.0
PEERS: Final = 20
"""Of two torrents, ten each: so many that an answer without peers is wrong."""
A_PEER: Final = socket.inet_aton("127.0.3.2") + struct.pack(">H", 1025)
A_STRANGER: Final = socket.inet_aton("127.0.3.2") + struct.pack(">H", 1034)
"""The last port is 1033."""
CONNECTION: Final = b"it is me"


class Works(SynchronousTestCase):
    def test_scenarios_of_trackers(self) -> None:
        both = ["txtorrent", "opentracker"]
        for argv, expected in [
            (
                ["--announcing", "20000"],
                {
                    "tracker-udp-1000": both,
                    "tracker-udp-10000": both,
                    "tracker-udp-20000": both,
                    "tracker-http-20000": both,
                    "tracker-kept-20000": ["txtorrent"],
                    "tracker-rubbish": both,
                },
            ),
            (["--quick"], {"tracker-udp-50000": both, "tracker-http-50000": both}),
            (
                ["--quick", "--trackers", "opentracker", "--announcing", "1000"],
                {"tracker-udp-1000": ["opentracker"], "tracker-http-1000": ["opentracker"]},
            ),
        ]:
            found = own_scenarios(parse(["tracker", *argv]))
            clients = {name: [one.client for one in them] for name, them in found.items()}
            self.assertEqual(clients, expected, argv)
        self.assertEqual(smaller(1_000_000), [1_000, 10_000, 100_000])
        self.assertEqual(smaller(1_000_001), [1_000, 10_000, 100_000, 1_000_000])

    def test_trackers_are_compared_with_opentracker(self) -> None:
        results = Results(titles={"tracker-udp-1000": "announces"})
        results.note("tracker-udp-1000", "txtorrent", {"requests": 50.0, "request_cpu": 20.0})
        results.note("tracker-udp-1000", "opentracker", {"requests": 100.0, "request_cpu": 8.0})
        self.assertIn(
            "txtorrent beside opentracker: announces/s x 0.50 (0.50-0.50),"
            " CPU us/announce x 2.50 (2.50-2.50)",
            table(results),
        )

    def test_trackers_are_drawn_beside_each_other(self) -> None:
        results, folder = Results(), self.mktemp()
        for name, client, rate in [
            ("tracker-udp-1000", "txtorrent", 2.0),
            ("tracker-udp-1000", "opentracker", 4.0),
            ("tracker-udp-10000", "opentracker", 3.0),
            ("tracker-http-10000", "opentracker", 9.0),
        ]:
            results.note(name, client, {"requests": rate})
        found = points_by_client(results, "tracker-udp")
        self.assertEqual(
            {client: sorted(points) for client, points in found.items()},
            {"txtorrent": [1000], "opentracker": [1000, 10000]},
        )
        write_plots(results, folder)
        self.assertEqual(os.listdir(folder), ["growth-tracker-requests.svg"])
        with open(os.path.join(folder, "growth-tracker-requests.svg")) as lines:
            self.assertIn("opentracker: 3 (3-3)", lines.read())

    def test_of_one_scenario_all_take_turns(self) -> None:
        said: list[tuple[str, str]] = []

        def scenario(name: str, client: str, why: str | None = None) -> OwnScenario:
            def measure(bench: Bench) -> dict[str, float]:
                said.append((name, client))
                return {"cpu": 1.0}

            return OwnScenario(name, "title", measure, lambda: why, client)

        chosen = [
            scenario(name, client)
            for name in ("many-1", "many-2")
            for client in ("txtorrent", "transmission")
        ]
        chosen.append(scenario("many-1", "aria2", "it is not installed"))
        self.patch(main_module, "OWN_WORKS", {"many": lambda options: chosen})
        self.patch(main_module, "_alone", nullcontext)  # it would wait for a real benchmark
        self.patch(main_module, "_available", lambda options, results: [])
        results = Results()
        with redirect_stderr(StringIO()):
            measure(parse(["many", "--runs", "2"]), results)
        both = [("many-1", "txtorrent"), ("many-1", "transmission")]
        self.assertEqual(said[:4], both * 2)
        self.assertEqual(list(results.scenarios), ["many-1", "many-2"])
        self.assertEqual(results.skipped["aria2 for many-1"], "it is not installed")
        said.clear()
        with redirect_stderr(StringIO()):
            measure(parse(["many", "--runs", "2"]), Results(), {"many-1"})
        self.assertEqual(said, both * 2)


class Announcers(SynchronousTestCase):
    """Those of one test; `asked` is what the script has got."""

    def setUp(self) -> None:
        if (why := no_compiler()) is not None:
            raise SkipTest(why)
        self.host = next_host()
        self.asked: list[bytes] = []
        self.hashes = [hashlib.sha1(b"%d" % n).digest() for n in range(2)]
        self.path = self.mktemp()
        with open(self.path, "w") as out:
            out.writelines(info_hash.hex() + "\n" for info_hash in self.hashes)

    def announcers(self, way: str, port: int) -> Child:
        argv = [compiled("announcers"), way, self.host, str(port), self.path, str(PEERS)]
        child = Child(argv, os.getcwd())
        self.addCleanup(child.stop)
        return child

    def check_filled(self, child: Child) -> None:
        said = child.ask("fill 4", r"^filled (\d+) [\d.]+ (\d+)$", PATIENCE)
        self.assertEqual(said.groups(), (str(PEERS), "0"))

    def refusal(self, child: Child, order: str = "announce 1 1 0") -> str:
        """What they say as they end."""
        with self.assertRaises(Failed) as raised:
            child.ask(order, "^(filled|announced)", PATIENCE)
        return str(raised.exception)


class OverUdp(Announcers):
    def tracker(self, answer: Callable[[bytes], bytes]) -> int:
        """The port of a tracker that answers announces so."""
        here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        here.bind((self.host, 0))
        port = int(here.getsockname()[1])
        thread = Thread(target=self.serve, args=(here, answer), daemon=True)
        thread.start()

        def stop() -> None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as farewell:
                farewell.sendto(b"", (self.host, port))
            thread.join()
            here.close()

        self.addCleanup(stop)
        return port

    def serve(self, here: socket.socket, answer: Callable[[bytes], bytes]) -> None:
        while True:
            request, sender = here.recvfrom(2048)
            if not request:
                return
            if len(request) == 16:
                here.sendto(request[8:16] + CONNECTION, sender)
            else:
                self.asked.append(request)
                here.sendto(answer(request), sender)

    def test_each_peer_starts_once(self) -> None:
        child = self.announcers("udp", self.tracker(right))
        self.check_filled(child)
        self.assertEqual({len(request) for request in self.asked}, {98})
        self.assertEqual({request[:12] for request in self.asked}, {CONNECTION + b"\0\0\0\1"})
        for count, shown in [
            (2, lambda request: request[16:36]),  # torrents
            (PEERS, lambda request: request[36:56]),  # peer ids
            (PEERS, lambda request: request[88:92]),  # keys
            (PEERS, lambda request: request[16:36] + request[96:98]),  # torrents and ports
            (1, lambda request: request[80:84] + request[92:96]),  # started, so many wanted
        ]:
            self.assertEqual(len({shown(request) for request in self.asked}), count)
        seeds = [request for request in self.asked if request[64:72] == bytes(8)]
        self.assertEqual(len(seeds), 6, "three of ten")

    def test_announces_keep_to_their_schedule(self) -> None:
        child = self.announcers("udp", self.tracker(right))
        said = child.ask(
            "announce 64 0.5 200", r"^announced (\d+) ([\d.]+) (\d+) ([\d.]+) ([\d.]+)$", PATIENCE
        )
        self.assertEqual(said.groups()[:1] + said.groups()[2:3], ("100", "0"))
        self.assertLessEqual(float(said[4]), float(said[5]))
        self.assertEqual(len(self.asked), 100)

    def test_what_is_wrong_with_an_answer_is_said(self) -> None:
        for answer, words in [
            (lambda request: right(request)[:20], "without peers"),
            (lambda request: right(request)[:-1], "peers of a wrong size"),
            (lambda request: right(request) + A_PEER * 50, "peers of a wrong size"),
            (lambda request: right(request) + A_STRANGER, "a peer that is none"),
            (lambda request: right(request)[:19], "an answer that is none"),
            (lambda request: b"", "an answer that is none"),
            (lambda request: b"\0\0\0\1" + bytes(4) + right(request)[8:], "nobody asked"),
            (lambda request: b"\0\0\0\3" + request[12:16] + b"no", "with an error"),
            (lambda request: right(request)[:8] + bytes(12) + A_PEER, "without an interval"),
        ]:
            child = self.announcers("udp", self.tracker(answer))
            self.assertIn(words, self.refusal(child))

    def test_a_tracker_that_is_silent_is_not_waited_for(self) -> None:
        port = free_port(self.host, socket.SOCK_DGRAM)
        self.assertIn("the tracker", self.refusal(self.announcers("udp", port)))

    def test_rubbish(self) -> None:
        port = self.tracker(lambda request: b"?")
        argv = [compiled("rubbish"), self.host, str(port), "1000", "0.2"]
        rubbish = Child(argv, os.getcwd())
        self.addCleanup(rubbish.stop)
        _, said = rubbish.wait_for(r"^rubbish (\d+) (\d+) (\d+) (\d+)$", PATIENCE)
        sent, sent_bytes, got, got_bytes = map(int, said.groups())
        self.assertGreater(sent, 100)
        self.assertGreater(sent_bytes, sent * 100)
        self.assertEqual(got, got_bytes)


def right(request: bytes) -> bytes:
    """An answer with one peer."""
    return request[8:16] + struct.pack(">III", 1800, 1, 1) + A_PEER


class OverHttp(Announcers):
    BODY: Final = encode({b"interval": 1800, b"complete": 1, b"incomplete": 1, b"peers": A_PEER})

    def tracker(self, answer: bytes) -> int:
        """The port of a tracker that answers every request so; it may close connections."""
        here = socket.create_server((self.host, 0))
        thread = Thread(target=self.serve, args=(here, answer), daemon=True)
        thread.start()
        port = int(here.getsockname()[1])

        def stop() -> None:
            here.shutdown(socket.SHUT_RDWR)
            thread.join()
            here.close()

        self.addCleanup(stop)
        return port

    def serve(self, here: socket.socket, answer: bytes) -> None:
        while True:
            try:
                connection, _ = here.accept()
            except OSError:
                return
            with connection:
                self.serve_one(connection, answer)

    def serve_one(self, connection: socket.socket, answer: bytes) -> None:
        while request := connection.recv(2048):
            self.asked.append(request)
            connection.sendall(answer)
            if b"\r\nConnection: close\r\n" in request:
                return

    def answer(self, body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body

    def test_a_connection_for_each(self) -> None:
        child = self.announcers("http", self.tracker(self.answer(self.BODY)))
        self.check_filled(child)
        self.assertEqual(len(self.asked), PEERS)
        line, _, headers = self.asked[0].partition(b"\r\n")
        self.assertTrue(line.startswith(b"GET /announce?info_hash=%"), line)
        for word in (b"&event=started", b"&numwant=50", b"&compact=1", b"&port=1024", b"&key="):
            self.assertIn(word, line)
        self.assertIn(b"Host: " + self.host.encode(), headers)

    def test_connections_that_stay(self) -> None:
        child = self.announcers("kept", self.tracker(self.answer(self.BODY)))
        child.ask("fill 1", rf"^filled {PEERS} [\d.]+ 0$", PATIENCE)
        child.ask("announce 1 0.1 100", r"^announced 10 [\d.]+ 0 ", PATIENCE)
        self.assertNotIn(b"close", b"".join(self.asked))

    def test_what_is_wrong_with_an_answer_is_said(self) -> None:
        whole = self.answer(self.BODY)
        for way, answer, words in [
            ("http", whole[:-1], "amid an answer"),
            ("http", b"", "closed a connection"),
            ("http", whole.replace(b" 200 ", b" 503 "), "a status that is not 200"),
            ("http", whole.replace(b"length", b"size"), "of unknown length"),
            ("kept", whole + b"!", "too long"),
            ("http", self.answer(encode({b"failure reason": b"no"})), "with a failure"),
            ("http", self.answer(encode({b"interval": 9, b"peers": b""})), "without peers"),
            ("http", self.answer(encode({b"interval": 9, b"peers": [b""]})), "not bencoded"),
            ("http", self.answer(encode({b"interval": 9, b"peers": A_STRANGER})), "that is none"),
            ("http", self.answer(encode({b"interval": 9})), "no answer to an announce"),
            ("http", self.answer(encode({b"peers": A_PEER})), "no answer to an announce"),
            ("http", self.answer(self.BODY + b"e"), "no answer to an announce"),
            ("http", self.answer(self.BODY[:-1]), "no answer to an announce"),
            ("http", self.answer(b"le"), "no dict"),
        ]:
            child = self.announcers(way, self.tracker(answer))
            self.assertIn(words, self.refusal(child), answer)
