"""The tracker's settings file: what it sets, in both forms and spellings, and every mistake."""

import json
import os

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.testing import torrents
from txtorrent.address import packed
from txtorrent.bencode import encode
from txtorrent.config.document import ConfigError
from txtorrent.trackerserver.config import default, read
from txtorrent.trackerserver.files import info_hashes
from txtorrent.trackerserver.fixed import NO_ID, FixedPeer, FixedTorrent
from txtorrent.trackerserver.networks import Networks
from txtorrent.trackerserver.table import SETTINGS

TORRENT = torrents.make(b"x" * 20_000)
(HASH,) = info_hashes(TORRENT)
HYBRID = encode({b"info": {b"pieces": bytes(20), b"meta version": 2}})
OTHER = "0123456789abcdef0123456789abcdef01234567"
OTHER_BYTES = bytes.fromhex(OTHER)
ID = "-TX0100-abcdefghijkl"
FILES = {
    "x.torrent": TORRENT,
    "hybrid.torrent": HYBRID,
    "not.torrent": b"hello",
    "allow": f"{OTHER}\n".encode(),
    "empty": b"",
    "bad": b"\nx\n",
    "users": b"abcdefgh ann\n",
}

# (the file, (setting, its value) ...)
RIGHT = [
    ("port = 7000", ("port", 7000)),
    ('http = []\nudp = ["127.0.0.1:6969", "[2001:DB8::1]:1"]', ("http", ()),
     ("udp", (("127.0.0.1", 6969), ("2001:db8::1", 1)))),
    ('http = ["tcp:80:interface=127.0.0.1"]', ("http", ("tcp:80:interface=127.0.0.1",))),
    ("", ("http", None), ("udp", None)),
    ('store = "redis://127.0.0.1:6379/0"', ("store", "redis://127.0.0.1:6379/0")),
    ('store = "redis://:secret@[::1]/3"', ("store", "redis://:secret@[::1]/3")),
    ('store = "redis://127.0.0.1"', ("store", "redis://127.0.0.1")),
    ('interval = "10m"', ("interval", 600), ("min_interval", 300), ("max_interval", 7200)),
    ("interval = 60", ("interval", 60), ("min_interval", 60), ("max_interval", 7200)),
    ('interval = "5h"', ("interval", 18_000), ("min_interval", 300), ("max_interval", 18_000)),
    ('min_interval = "1m"\nmaxInterval = "1d"', ("min_interval", 60), ("max_interval", 86_400)),
    ("numwant = 300", ("numwant", 300), ("max_numwant", 300)),
    ("max_numwant = 30", ("numwant", 30), ("max_numwant", 30)),
    ("numwant = 0", ("numwant", 0), ("max_numwant", 200)),
    ("announcesPerSecond = 5\nmaxPeers = 6\nmaxTorrents = 7",
     ("announces_per_second", 5), ("max_peers", 6), ("max_torrents", 7)),
    ("", ("is_listed", False)),
    ('allow_torrents = "allow"', ("is_listed", True), ("allowed_torrents", {OTHER_BYTES})),
    ('allowTorrents = "empty"', ("is_listed", True), ("allowed_torrents", set())),
    ('deny_torrents = "allow"', ("is_listed", False), ("denied_torrents", {OTHER_BYTES})),
    ('access = "open"\ntorrent_file = "x.torrent"', ("is_listed", False)),
    ('access = "listed"\ntorrent_file = "x.torrent"', ("is_listed", True)),
    ('allow_torrents = "allow"\ntorrent_file = "x.torrent"',
     ("allowed_torrents", {OTHER_BYTES, HASH})),
    ('passkeys = "users"', ("passkeys", {b"abcdefgh": "ann"})),
    ("", ("passkeys", None)),
    ('allow_addresses = ["10.0.0.0/8"]\ndenyAddresses = ["10.1.0.0/16", "::1"]',
     ("allow_addresses", Networks.of(["10.0.0.0/8"])),
     ("deny_addresses", Networks.of(["10.1.0.0/16", "::1"]))),
    ('proxies = ["127.0.0.1"]\nstats = []', ("proxies", Networks.of(["127.0.0.1"])),
     ("stats", Networks())),
    (f'info_hash = "{OTHER}"', ("torrents", (FixedTorrent((OTHER_BYTES,)),)),
     ("is_listed", True), ("allowed_torrents", {OTHER_BYTES})),
    (f'infoHash = "{OTHER.upper()}{"0" * 24}"\nlive = true',
     ("torrents", (FixedTorrent((OTHER_BYTES,)),))),
    ('[[torrents]]\ntorrentFile = "hybrid.torrent"',
     ("torrents", (FixedTorrent(info_hashes(HYBRID)),)),
     ("allowed_torrents", set(info_hashes(HYBRID)))),
    (f'''[[torrents]]
info_hash = "{OTHER}"
live = false
peers = [{{ip = "::FFFF:192.0.2.1", port = 1, peer_id = "{"41" * 20}"}}]
[[torrents]]
torrent_file = "x.torrent"
[[torrents.peers]]
ip = "2001:DB8::1"
port = 65535
''', ("torrents", (
        FixedTorrent((OTHER_BYTES,), (FixedPeer(packed("192.0.2.1"), 1, b"A" * 20),), False),
        FixedTorrent((HASH,), (FixedPeer(packed("2001:db8::1"), 65535, NO_ID),)),
    ))),
    ("live = true\npeers = []\ntorrent_file = ''", ("torrents", ())),
]  # fmt: skip

SHORT = f'''port = 6969
torrentFile = "x.torrent"

[[peers]]
peerId = "{ID}"
ip = "192.0.2.7"
port = 6881

[[peers]]
peerId = "{ID[:-1]}m"
ip = "2001:db8::7"
port = 6882
'''

# (the file, the line, a part of the complaint)
WRONG = [
    ("prt = 5", 1, "prt: there is no such setting; did you mean port?"),
    ("\ntorentFile = 5", 2, "torentFile: there is no such setting; did you mean torrent_file?"),
    ("xyzzy = 5", 1, "xyzzy: there is no such setting"),
    ("port = 1\nport = 2", 2, "Cannot overwrite a value"),
    ("minInterval = 300\nmin_interval = 300", 2,
     "min_interval: 'min_interval' is there twice, in two spellings: write one"),
    ("port = 0", 1, "port: 0 is not a whole number from 1 to 65535"),
    ("port = 'x'", 1, 'port: "x" is not a whole number'),
    ("http = '6969'", 1, "http: \"6969\" is not a list"),
    ("http = ['6969']", 1, "http: '6969' is no endpoint"),
    ("udp = ['6969']", 1, "udp: '6969': expected host:port"),
    ("udp = ['localhost:6969']", 1, "udp: 'localhost:6969': write an IP address, as in [::]:6969"),
    ("udp = ['::1:6969']", 1, "udp: '::1:6969': write an IPv6 address in brackets"),
    ("store = 'redis'", 1, 'store: write "memory" or "redis://HOST:PORT/DB"'),
    ("store = 'redis:secret'", 1, "store: not the URL of a Redis: write it as redis://"),
    ("store = 'redis://:secret@host:x/0'", 1, "store: the URL of the Redis names no host, or a"),
    ("store = 'redis://:secret@host/x'", 1, "store: the URL of the Redis does not end with"),
    ("store = 'redis://:sec ret@host/1'", 1, "store: a space or the like is in the URL"),
    ("store = 'redis://user:secret@host/1'", 1, "store: the URL of a Redis names no user here"),
    ("store = 'http://:secret@host/0'", 1, "store: write"),
    ("'a\\nb' = 5", 1, "'a\\\\nb': there is no such setting"),
    ('"a\\nb" = 5', 1, "'a\\nb': there is no such setting"),
    ('state_file = "a\\nb"', 1, "'a\\nb' has characters that cannot be shown"),
    ("state_file = 5", 1, "state_file: 5 is not text"),
    ("interval = 'soon'", 1, "interval: 'soon' is no time"),
    ("interval = 0", 1, 'interval: 0 is not a time from 1s to 1d'),
    ("interval = 60\nmin_interval = 61", 2,
     'min_interval: "61s" is more than interval, which is "1m"'),
    ("\nmax_interval = '20m'", 2, 'max_interval: "20m" is less than interval, which is "30m"'),
    ("max_numwant = 5\n\nnumwant = 6", 3, "numwant: 6 is more than max_numwant, which is 5"),
    ("numwant = -1", 1, "numwant: -1 is not a whole number"),
    ("maxPeers = 0", 1, "maxPeers: 0 is not a whole number"),
    ("access = 'closed'", 1, 'access: "closed" is not one of "open", "listed"'),
    ("access = 'listed'", 1, "access: none is listed: write allow_torrents or [[torrents]]"),
    ("access = 'open'\nallowTorrents = 'allow'", 2,
     'allowTorrents: has no effect where access is "open"'),
    ("\nallow_torrents = 'none'", 2, "/none cannot be read: no such file or directory"),
    ("deny_torrents = 'none'", 1, "deny_torrents: "),
    ("deny_torrents = 'allow'\ninfo_hash = '" + OTHER + "'", 1,
     f"{OTHER} is in it, and named here"),
    ("passkeys = 'none'", 1, "/none cannot be read"),
    ("allow_addresses = '10.0.0.0/8'", 1, "is not a list"),
    ("allow_addresses = ['10.0.0.1/8']", 1, "an address within a network: write 10.0.0.0/8"),
    ("deny_addresses = ['host']", 1, "'host' is no IP address or network"),
    ("proxies = ['10.0.0.0/40']", 1, "is no IP address or network"),
    ("stats = [5]", 1, "stats: 5 is not text"),
    ("torrent_file = 'none.torrent'", 1, "/none.torrent cannot be read: no such file or directory"),
    ("\ntorrentFile = 'not.torrent'", 2, "torrentFile: "),
    ("torrent_file = 'not.torrent'", 1, "/not.torrent is no .torrent file: "),
    ("torrent_file = '.'", 1, "cannot be read: "),
    ("torrent_file = 'x.torrent'\ninfo_hash = '" + OTHER + "'", 2,
     "info_hash: write torrent_file or info_hash, not both"),
    ("info_hash = 'abc'", 1, "info_hash: 'abc' is no info-hash: write 40 hex digits"),
    (f"info_hash = '{OTHER}0'", 1, "is no info-hash"),
    ("[[peers]]\nip = '192.0.2.1'\nport = 1", 1, "peers: of which torrent? Write torrent_file"),
    ("live = false", 1, "live: of which torrent?"),
    (f"info_hash = '{OTHER}'\nlive = false", 2, "live: a torrent that is not live needs peers"),
    (f"[[torrents]]\ninfo_hash = '{OTHER}'\nlive = false", 3, "torrents.live: a torrent that"),
    ("[[torrents]]\nlive = true", 1, "torrents: torrent_file or info_hash is missing"),
    ("[[torrents]]\nhash = 'x'", 2,
     "torrents.hash: there is no 'hash' here; did you mean info_hash?"),
    ("torrents = 5", 1, "torrents: 5 is not a list"),
    ("torrents = [5]", 1, "torrents: 5 is not a table"),
    (f"[[torrents]]\ninfo_hash = '{OTHER}'\n[[torrents]]\ninfo_hash = '{OTHER}{'0' * 24}'", 4,
     "torrents.info_hash: this torrent is there twice"),
    ("torrent_file = 'x.torrent'\n\n[[torrents]]\ntorrentFile = 'x.torrent'", 4,
     "torrents.torrentFile: this torrent is there twice"),
]  # fmt: skip

# (a peer, the line of SHORT's form, a part of the complaint)
WRONG_PEERS = [
    ("port = 1", 2, "peers: ip is missing"),
    ("ip = '192.0.2.1'", 2, "peers: port is missing"),
    ("ip = '192.0.2.1'\nport = 0", 4, "peers.port: 0 is not a whole number from 1 to 65535"),
    ("ip = '192.0.2.1'\nport = 65536", 4, "peers.port: 65536 is not a whole number"),
    ("ip = '192.0.2.1'\nport = '1'", 4, 'peers.port: "1" is not a whole number'),
    ("ip = 'example.org'\nport = 1", 3,
     "peers.ip: 'example.org' is no IP address: write one, names are not looked up"),
    ("ip = '192.0.2.256'\nport = 1", 3, "is no IP address"),
    ("ip = 5\nport = 1", 3, "peers.ip: 5 is not text"),
    ("ip = '224.0.0.1'\nport = 1", 3, "no peer can be at this address"),
    ("ip = '0.0.0.0'\nport = 1", 3, "no peer can be at this address"),
    ("ip = '192.0.2.1'\nport = 1\npeerId = 'short'", 5,
     "peers.peerId: 'short' is no peer id: write 20 ASCII characters or 40 hex digits"),
    ("ip = '192.0.2.1'\nport = 1\npeer_id = '" + "x" * 21 + "'", 5, "is no peer id"),
    ("ip = '192.0.2.1'\nport = 1\npeer_id = '" + "g" * 40 + "'", 5, "is no peer id"),
    ("ip = '192.0.2.1'\nport = 1\npeer_id = '" + "\u00e4" * 20 + "'", 5, "is no peer id"),
    ("ip = '192.0.2.1'\nport = 1\nid = 'x'", 5, "peers.id: there is no 'id' here"),
    (f"ip = '192.0.2.1'\nport = 1\npeer_id = '{ID}'\npeerId = '{ID}'", 6, "in two spellings"),
    ("ip = '192.0.2.1'\nport = 1\n[[peers]]\nip = '::ffff:192.0.2.1'\nport = 1", 5,
     "peers: this address and port are there twice"),
]  # fmt: skip


class Case(SynchronousTestCase):
    def setUp(self):
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)
        for name, content in FILES.items():
            self.write(name, content)

    def write(self, name, content):
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def toml(self, text):
        return read(self.write("tracker.toml", text))

    def refused(self, text, name="tracker.toml"):
        error = self.assertRaises(ConfigError, read, self.write(name, text))
        self.assertNotIn("secret", str(error))
        self.assertNotIn("\n", str(error))
        return str(error).removeprefix(f"{self.directory}/")


class Right(Case):
    def test_table(self):
        for text, *expected in RIGHT:
            with self.subTest(text):
                config = self.toml(text)
                for name, value in expected:
                    self.assertEqual(getattr(config, name), value, name)

    def test_nothing(self):
        self.assertEqual(self.toml(""), default())
        self.assertEqual(read(self.write("t.JSON", "{}")), default())

    def test_every_default(self):
        config = default()
        self.assertEqual(config.port, 6969)
        self.assertEqual((config.interval, config.min_interval, config.max_interval),
                         (1800, 300, 7200))  # fmt: skip
        self.assertEqual((config.numwant, config.max_numwant), (50, 200))
        self.assertEqual((config.max_peers, config.max_torrents), (10_000_000, 5_000_000))
        self.assertEqual((config.store, config.state_file), ("memory", None))
        for host, seen in [("127.0.0.1", True), ("192.168.1.1", True), ("192.0.2.1", False),
                           ("::1", True), ("2001:db8::1", False)]:  # fmt: skip
            self.assertEqual(packed(host) in config.stats, seen, host)

    def test_short_form(self):
        in_json = json.dumps({
            "port": 6969,
            "torrentFile": "x.torrent",
            "peers": [
                {"peerId": ID, "ip": "192.0.2.7", "port": 6881},
                {"peerId": f"{ID[:-1]}m", "ip": "2001:db8::7", "port": 6882},
            ],
        })  # fmt: skip
        expected = FixedTorrent(
            (HASH,),
            (
                FixedPeer(packed("192.0.2.7"), 6881, ID.encode()),
                FixedPeer(packed("2001:db8::7"), 6882, f"{ID[:-1]}m".encode()),
            ),
        )
        for config in (self.toml(SHORT), read(self.write("t.json", in_json))):
            self.assertEqual(config.torrents, (expected,))
            self.assertEqual((config.port, config.is_listed), (6969, True))
            self.assertEqual(config.allowed_torrents, {HASH})

    def test_snake_case_and_camel_case_are_the_same(self):
        snake = SHORT.replace("torrentFile", "torrent_file").replace("peerId", "peer_id")
        self.assertEqual(self.toml(snake), self.toml(SHORT))

    def test_every_setting_in_camel_case(self):
        for name, setting in SETTINGS.items():
            if setting.name in ("torrents", "peers"):
                continue
            first, *rest = name.split("_")
            camel = first + "".join(word.title() for word in rest)
            text = f"{{}} = {setting.kind.show(setting.default)}"
            self.assertEqual(self.toml(text.format(camel)), self.toml(text.format(name)), name)

    def test_paths_are_from_the_files_directory(self):
        config = self.toml('state_file = "state/tracker"')
        self.assertEqual(config.state_file, f"{self.directory}/state/tracker")
        self.assertEqual(self.toml('state_file = "/var/x"').state_file, "/var/x")
        self.patch(os, "environ", {**os.environ, "HOME": "/home/me"})
        self.assertEqual(self.toml('state_file = "~/x"').state_file, "/home/me/x")

    def test_no_secret_in_its_repr(self):
        text = repr(self.toml('store = "redis://:secret@host/0"\npasskeys = "users"'))
        self.assertNotIn("secret", text)
        self.assertNotIn("abcdefgh", text)


class Wrong(Case):
    def test_table(self):
        for text, line, complaint in WRONG:
            with self.subTest(text):
                error = self.refused(text)
                self.assertTrue(error.startswith(f"tracker.toml:{line}: "), error)
                self.assertIn(complaint, error)

    def test_peers(self):
        for text, line, complaint in WRONG_PEERS:
            with self.subTest(text):
                error = self.refused(f"torrent_file = 'x.torrent'\n[[peers]]\n{text}")
                self.assertTrue(error.startswith(f"tracker.toml:{line}: "), error)
                self.assertIn(complaint, error)

    def test_peers_in_torrents(self):
        for text, line, complaint in WRONG_PEERS:
            with self.subTest(text):
                table = f"[[torrents]]\ntorrent_file = 'x.torrent'\n[[peers]]\n{text}"
                error = self.refused(table.replace("[peers]", "[torrents.peers]"))
                self.assertTrue(error.startswith(f"tracker.toml:{line + 1}: torrents."), error)
                self.assertIn(complaint, error)

    def test_json(self):
        text = '{\n "torrentFile": "x.torrent",\n "peers": [\n  {"ip": "x", "port": 1}\n ]\n}'
        self.assertIn("tracker.json:4: peers.ip: 'x' is no IP", self.refused(text, "tracker.json"))
        error = self.refused('{"port": 1,\n"port": 2}', "tracker.json")
        self.assertEqual(error, "tracker.json:2: 'port' is there twice")
        error = self.refused('{"port": 1,\n"prt": 2}', "tracker.json")
        self.assertEqual(error, "tracker.json:2: prt: there is no such setting; did you mean port?")
        error = self.refused('{"port": NaN}', "tracker.json")
        self.assertIn("tracker.json:1: port: NaN is not a whole number", error)

    def test_inside_of_a_list(self):
        self.assertIn("bad:2: 'x' is no info-hash", self.refused("allow_torrents = 'bad'"))
        self.assertIn("empty:1: there is no passkey", self.refused("passkeys = 'empty'"))

    def test_ending(self):
        for name in ("tracker.conf", "tracker", "tracker.toml.bak"):
            error = self.refused("", name)
            self.assertEqual(
                error, f"{name}: name the settings file .toml or .json, by what is in it"
            )

    def test_file_that_cannot_be_read(self):
        path = os.path.join(self.directory, "none.toml")
        error = self.assertRaises(ConfigError, read, path)
        self.assertEqual(str(error), f"{path}: cannot be read: no such file or directory")
        error = self.assertRaises(ConfigError, read, "\0.toml")
        self.assertIn("cannot be read: embedded null byte", str(error))

    def test_not_utf8(self):
        self.assertEqual(self.refused(b"\n\xff"), "tracker.toml:2: not UTF-8")

    def test_too_large(self):
        error = self.refused(b"#" * ((8 << 20) + 1))
        self.assertIn("larger than 8388608 bytes", error)


SURROGATES = st.text(st.characters(exclude_categories=()), max_size=6)
NAMES = st.sampled_from([*SETTINGS, "torrentFile", "peerId", "ip", "port", "x"]) | SURROGATES
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | SURROGATES
    | st.sampled_from(["x.torrent", OTHER, "192.0.2.1", ID, "1m", "memory"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


class Strange(Case):
    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.dictionaries(NAMES, VALUES, max_size=4))
    def test_documents(self, document):
        try:
            read(self.write("tracker.json", json.dumps(document)))
        except ConfigError as error:
            self.assertTrue(str(error).startswith(self.directory), str(error))
            self.assertEqual(len(str(error).splitlines()), 1)
            str(error).encode()
