"""`chat` against a daemon that answers from a list: pipes, and a terminal of its own."""

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from queue import Queue

from tests.cli.daemon import NOW, CommandCase, torrent
from txtorrent.cli.chat.messages import line, named
from txtorrent.cli.grid import unpainted

ROOT = Path(__file__).parent.parent.parent.parent
CODE = "from txtorrent.cli.main import main; main()"
STUCK = 60
"""Seconds after which a process that should have ended counts as stuck; no test measures them."""
HASH = "1" * 40
US, ADA, EVE = "us00-0000-0000-0000", "k7xq-2fza-m4ue-owp3", "k7zz-aaaa-bbbb-cccc"


def message(number, text, fingerprint=ADA, nickname="ada", **more):
    return {"id": f"{number:032x}", "author": fingerprint * 3, "fingerprint": fingerprint,
            "nickname": nickname, "text": text, "time": NOW, "is_ours": fingerprint == US,
            **more}  # fmt: skip


def event(kind, **data):
    told = {"id": 1, "hash_string": HASH, **data}
    return f"id: x-1\nevent: {kind}\ndata: {json.dumps(told)}\n\n"


def said(number, text, **more):
    return event("chat_message", message=message(number, text, **more))


HELLO = event("hello")
SPEAKER = {"address": "192.0.2.7", "port": 6881, "client_name": "txtorrent 0.1.0"}


class ChatCase(CommandCase):
    """`self.stream` is the stream of events; `self.messages` is what is kept."""

    def setUp(self):
        super().setUp()
        self.daemon.add(self.torrent())
        self.daemon.answers |= {
            "tx_chat_get": self.get, "tx_chat_send": self.send, "torrent_set": self.change,
        }  # fmt: skip
        self.messages, self.muted, self.sent = [], [], []
        self.stream = Queue()
        self.stream.put(HELLO)
        self.daemon.streams = [self.stream]
        self.addCleanup(self.stream.put, None)

    def torrent(self, **fields):
        return torrent(1, "debian", tx_chat=True, tx_chat_in_private=False, is_private=False,
                       **fields)  # fmt: skip

    def get(self, params):
        known = [each["id"] for each in self.messages]
        behind = known.index(params["since"]) + 1 if params.get("since") in known else 0
        return {"messages": self.messages[behind:], "speakers": [SPEAKER], "muted": self.muted,
                "nickname": "guest-us00", "fingerprint": US}  # fmt: skip

    def send(self, params):
        if params["text"] == "nobody":
            return -32602, "Invalid params", "nobody who speaks chat is connected in debian"
        self.sent.append(params["text"])
        return {"message": message(1000 + len(self.sent), params["text"], US, "me")}

    def change(self, params):
        names = {name: value for name, value in params.items() if name != "ids"}
        self.daemon.torrents[1].update(names)
        return {}

    def pipe(self, text):
        """A pipe with that in it, and its end."""
        readable, writable = os.pipe()
        with os.fdopen(writable, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        file = os.fdopen(readable, "rb")
        self.addCleanup(file.close)
        return file


class Pipes(ChatCase):
    def chat(self, text="", *options, status=0):
        return self.run_command(
            "chat", "debian", *options, given=self.pipe(text), status=status
        )  # fmt: skip

    def test_lines_are_sent(self):
        self.messages = [message(1, "before")]
        result = self.chat("hello\n\n/two \nthree")
        self.assertEqual(self.sent, ["hello", "/two ", "three"])
        self.assertEqual(
            [each.split(" ", 1)[1] for each in result.stdout.splitlines()],
            ["us00 me: hello", "us00 me: /two ", "us00 me: three"],
        )
        self.assertEqual(result.stderr, "")

    def test_nothing(self):
        result = self.chat()
        self.assertEqual((result.stdout, result.stderr, self.sent), ("", "", []))

    def test_a_refusal_ends_it(self):
        result = self.chat("one\nnobody\ntwo\n", status=1)
        self.assertEqual(self.sent, ["one"])
        self.assertIn("nobody who speaks chat is connected in debian", result.stderr)

    def test_json(self):
        result = self.chat("hello\n", "--json")
        self.assertEqual(json.loads(result.stdout)["text"], "hello")

    def test_what_is_no_text(self):
        self.chat(b"a\xffb\r\n")
        self.assertEqual(self.sent, ["a\ufffdb"])

    def test_history(self):
        """Without a word to anybody."""
        self.messages = [message(1, "a\x1b[2J", nickname="e\x9bvil"), message(2, "b")]
        lines = self.run_command("chat", "debian", "--history").stdout.splitlines()
        self.assertEqual(
            [each.split(" ", 1)[1] for each in lines],
            ["k7xq e\\u009bvil: a\\u001b[2J", "k7xq ada: b"],
        )
        result = self.run_command("chat", "debian", "--history", "--json")
        self.assertEqual(list(map(json.loads, result.stdout.splitlines())), self.messages)
        self.assertEqual(self.daemon.changes(), [])

    def test_no_daemon_at_the_events(self):
        self.daemon.streams = [503]
        self.assertIn("HTTP status 503", self.chat("x\n", status=3).stderr)


class Switches(ChatCase):
    def torrent(self, **fields):
        return super().torrent() | {"tx_chat": False} | fields

    def chat(self, *options, status=0):
        return self.run_command("chat", "debian", *options, given=self.pipe(""), status=status)

    def changed(self):
        return [params for method, params in self.daemon.calls if method == "torrent_set"]

    def test_on(self):
        self.assertIn("--on turns it on", self.chat(status=1).stderr)
        self.assertEqual(self.changed(), [])
        self.chat("--on")
        self.assertEqual(self.changed(), [{"ids": [HASH], "tx_chat": True}])
        self.daemon.calls.clear()
        self.daemon.torrents[1]["tx_chat"] = False
        self.chat("--history")
        self.assertEqual(self.changed(), [])
        self.chat("--on", "--history")
        self.assertEqual(self.changed(), [{"ids": [HASH], "tx_chat": True}])
        self.daemon.streams = [HELLO]
        self.chat("--on")
        self.assertEqual(len(self.changed()), 1)

    def test_off(self):
        self.assertEqual(self.chat("--off").stdout, "chat is off for debian\n")
        self.assertEqual(
            self.changed(), [{"ids": [HASH], "tx_chat": False, "tx_chat_in_private": False}]
        )
        self.assertIn("contradict", self.chat("--off", "--on", status=2).stderr)

    def test_private(self):
        self.daemon.add(self.torrent(is_private=True))
        for options in ((), ("--on",)):
            self.assertIn("debian is private", self.chat(*options, status=1).stderr)
        self.assertEqual(self.changed(), [])
        self.assertIn("warning", self.chat("--on", "--private").stderr)
        self.assertEqual(
            self.changed(), [{"ids": [HASH], "tx_chat": True, "tx_chat_in_private": True}]
        )

    def test_a_magnet_link(self):
        self.daemon.add(self.torrent(metadata_percent_complete=0.5))
        self.assertIn("has not come", self.chat("--on").stderr)

    def test_another_daemon(self):
        del self.daemon.torrents[1]["tx_chat"]
        self.assertIn("has no chat", self.chat("--on", status=1).stderr)


class Terminal(ChatCase):
    """In a process of its own, on a terminal of its own. Waits for what it shows."""

    def begin(self, *options, stdout=None):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 100, 0, 0))
        environ = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "dumb", "TZ": "UTC",
            "LC_ALL": "C.UTF-8", "TXTORRENT_CONTROL": f"unix:{self.daemon.path}",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE, "chat", "debian", *options],
            stdin=theirs, stdout=stdout or theirs, stderr=theirs, env=environ,
            start_new_session=True,
        )  # fmt: skip
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        os.close(theirs)
        self.terminal, self.shown = ours, b""

    def until(self, text):
        """Read until it has shown that; a terminal that ends before is an error."""
        while text.encode() not in self.shown:
            self.shown += os.read(self.terminal, 4096)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def end(self, status=0):
        self.assertEqual(self.process.wait(STUCK), status)

    def test_a_talk(self):
        self.messages = [message(1, "before")]
        self.begin()
        self.until("k7xq ada: before")
        self.until("you are guest-us00, us00-0000-0000-0000; 1 peer")
        self.type("hel")
        self.until("> hel")
        self.stream.put(said(2, "meanwhile"))
        self.until("\r\x1b[K")
        self.until("k7xq ada: meanwhile\r\n\r\x1b[K> hel\r\x1b[5C")
        self.type("lo\r")
        self.until("us00 me: hello\r\n\r\x1b[K> \r\x1b[2C")
        self.stream.put(said(1001, "hello", fingerprint=US) + said(3, "is it there?"))
        self.until("is it there?")
        self.assertEqual(self.shown.count(b": hello\r\n"), 1)
        self.type("\x04")
        self.end()
        self.assertEqual(self.sent, ["hello"])

    def test_commands(self):
        self.messages = [message(1, "buy"), message(2, "hm", EVE, "eve")]
        self.muted = [{"author": "ee" * 32, "fingerprint": "mmmm-0000-0000-0000"}]
        self.begin()
        self.until("> ")
        for typed, shown in (
            ("/help", "/mute FINGERPRINT"),
            ("/who", "k7zz-aaaa-bbbb-cccc eve, last at"),
            ("/who", "192.0.2.7:6881 txtorrent 0.1.0"),
            ("/who", "mmmm-0000-0000-0000"),
            ("/mute", "/mute: whom?"),
            ("/mute k7", f"2 fit 'k7': {ADA}, {EVE}"),
            ("/mute k7x", f"{ADA} is muted"),
            ("/unmute mm", "mmmm-0000-0000-0000 is unmuted"),
            ("/nick me", "you are guest-us00"),
            ("/dance", "there is no /dance"),
            ("//shrug", "us00 me: /shrug"),
            ("nobody", "-- nobody who speaks chat is connected"),
        ):
            self.type(f"{typed}\r")
            self.until(shown)
        self.type("/quit\r")
        self.end()
        calls = [
            call
            for call in self.daemon.calls
            if call[0].startswith(("tx_chat_m", "tx_chat_u", "session_set"))
        ]
        self.assertEqual(
            calls,
            [("tx_chat_mute", {"author": ADA}),
             ("tx_chat_unmute", {"author": "mmmm-0000-0000-0000"}),
             ("session_set", {"tx_chat_nickname": "me"})],
        )  # fmt: skip

    def test_ctrl_c(self):
        self.begin()
        self.until("> ")
        self.process.send_signal(signal.SIGINT)
        self.end()
        self.assertTrue(termios.tcgetattr(self.terminal)[3] & termios.ICANON)

    def test_the_terminal_goes(self):
        self.begin()
        self.until("> ")
        self.process.send_signal(signal.SIGHUP)
        self.end(-signal.SIGHUP)

    def test_asks_first(self):
        self.daemon.torrents[1]["tx_chat"] = False
        self.begin()
        self.until("Turn chat on for debian? [y/N]")
        self.type("n\r")
        self.end(1)
        self.assertFalse(self.daemon.torrents[1]["tx_chat"])
        self.begin()
        self.until("Turn chat on for debian? [y/N]")
        self.type("y\r")
        self.until("> ")
        self.assertTrue(self.daemon.torrents[1]["tx_chat"])
        self.type("\x04")
        self.end()

    def test_what_happens_to_the_torrent(self):
        self.begin()
        self.until("> ")
        self.stream.put(event("torrent_changed", fields={"tx_chat_speakers": 2}))
        self.until("-- 2 peers that speak chat are connected")
        self.stream.put(event("torrent_changed", fields={"tx_chat": False}))
        self.until("-- chat was turned off")
        self.stream.put(event("torrent_removed", id=2, hash_string="2" * 40))
        self.stream.put(event("torrent_removed"))
        self.until("txtorrent: debian was removed")
        self.end(1)

    def test_a_connection_that_breaks(self):
        """What was said meanwhile is asked for when the daemon cannot tell."""
        self.messages = [message(1, "before")]
        second = Queue()
        self.addCleanup(second.put, None)
        self.daemon.streams.append(second)
        self.begin()
        self.until("before")
        self.messages.append(message(2, "meanwhile"))
        second.put(event("reset", reason="of another run"))
        self.stream.put(None)
        self.until("-- the stream ended")
        self.until("-- connected again")
        self.until("ada: meanwhile")
        self.assertEqual(self.shown.count(b": before"), 1)
        self.type("\x04")
        self.end()

    def test_output_to_a_pipe(self):
        """Then it is a log: messages there, anything else here."""
        self.messages = [message(1, "before")]
        self.begin("--json", stdout=subprocess.PIPE)
        self.addCleanup(self.process.stdout.close)
        self.assertEqual(json.loads(self.process.stdout.readline()), self.messages[0])
        self.until("you are guest-us00")
        self.stream.put(said(2, "live"))
        self.assertEqual(json.loads(self.process.stdout.readline())["text"], "live")
        self.type("hello\n")
        self.assertEqual(json.loads(self.process.stdout.readline())["text"], "hello")
        self.type("\x04")
        self.end()


class Looks(ChatCase):
    def test_times(self):
        told = message(1, "x")
        for now, length in ((NOW, 5), (NOW + 3600, 5), (NOW + 25 * 3600, 16)):
            self.assertEqual(line(told, now, unpainted).index(" k7xq"), length)

    def test_names(self):
        authors = [message(n, "x", each) for n, each in enumerate((ADA, EVE, ADA))]
        for word, found in (("k7", [ADA, EVE]), ("K7XQ", [ADA]), ("k7xq2f", [ADA]), ("ada", [])):
            self.assertEqual(named(word, authors), found)
