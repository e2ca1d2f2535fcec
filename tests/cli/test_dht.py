"""`dht` and its commands: what the daemon is asked, and what is shown of its answers."""

import os

from tests.cli.daemon import NOW, CommandCase, torrent
from tests.cli.test_network import DHT_ON, FAMILY, OFF
from txtorrent.cli.commands.dht import SEARCH_TIMEOUT
from txtorrent.cli.endpoint import Endpoint

TARGET = "247169e35370af9000a2cc897b997eb34d5dd301"
KEY = "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548"
HASH = "0123456789abcdef0123456789abcdef01234567"
BASE32 = "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH"
OFF_ERROR = (5, "system error", "the DHT is off: turn dht_enabled on")


class Case(CommandCase):
    def answer(self, method, **result):
        self.daemon.answers[method] = result

    def asked(self):
        """The parameters of the last call, and no more of them than one search."""
        return self.daemon.calls.pop()[1]


class Status(Case):
    def shown(self, **changes):
        self.answer("tx_sources_get", **{**DHT_ON, **changes})
        return self.rows("dht")

    def test_all_of_it(self):
        self.assertEqual(
            self.shown(dht_torrents=5, dht_announcing=1, dht_next_announce=NOW + 90),
            ["DHT on", "Port UDP 6881", "Torrents 5 announced, 1 of them just now, the next in"
             " 1m30s", "", "Family IPv4", "Node " + "ab" * 20, "Our address 203.0.113.9",
             "Nodes 120 good, 7 questionable", "From others 12 peers of 1 torrent, 1 item",
             "We asked 300: 250 answered, 48 unanswered, 2 refused",
             "We were asked 50: 45 answered", "Lookups 1 under way",
             "Traffic 30.0 kB in, 20.0 kB out"],
        )  # fmt: skip

    def test_what_is_not_always_there(self):
        family = {
            **FAMILY, "host": "", "waiting": 3, "blocked": 2,
            "dropped": {"dropped: too many": 4, "malformed: cut": 1},
        }  # fmt: skip
        rows = self.shown(dht_families=[family, {**FAMILY, "family": "ipv6"}])
        for row in (
            "Our address not known yet",
            "Lookups 1 under way, 3 questions wait",
            "Traffic 30.0 kB in, 20.0 kB out; passed over: 4 too many, 1 malformed: cut",
            "Blocked 2 that ask too much",
            "Family IPv6",
        ):
            self.assertIn(row, rows)

    def test_off(self):
        self.answer("tx_sources_get", **OFF)
        self.assertEqual(self.rows("dht"), ["DHT off (dht_enabled)"])

    def test_the_same_by_its_name(self):
        self.assertEqual(self.shown(), self.rows("dht", "status"))

    def test_json(self):
        self.answer("tx_sources_get", **DHT_ON)
        found = self.json("dht", "--json")
        self.assertEqual(found, {key: DHT_ON[key] for key in found})
        self.assertIn("dht_families", found)
        self.assertNotIn("port_mapping", found)

    def test_no_such_command(self):
        self.assertIn("No such command 'fly'", self.fails(2, "dht", "fly"))


class Tables(Case):
    def test_nodes(self):
        node = {
            "family": "ipv6", "address": "2001:db8::5", "port": 6881, "id": TARGET, "fits": True,
            "state": "good", "last_seen": NOW - 61, "rtt": 0.0421,
        }  # fmt: skip
        other = {**node, "id": HASH, "address": "192.0.2.5", "fits": False}
        self.answer("tx_dht_table_get", nodes=[node, other])
        self.assertEqual(
            self.rows("dht", "nodes"),
            ["Address Id State Seen RTT Fits",
             f"192.0.2.5:6881 {HASH} good 1m01s ago 42 ms no",
             f"[2001:db8::5]:6881 {TARGET} good 1m01s ago 42 ms yes"],
        )  # fmt: skip
        self.assertEqual(self.json("dht", "nodes", "--json"), [node, other])

    def test_lookups(self):
        lookup = {
            "family": "ipv4", "target": TARGET, "method": "get_peers", "asked": 9, "answered": 4,
            "started": NOW - 3,
        }  # fmt: skip
        self.answer("tx_dht_lookups_get", lookups=[lookup])
        self.assertEqual(
            self.rows("dht", "lookups"),
            ["Target Question Family Asked Answered For", f"{TARGET} get_peers IPv4 9 4 3s"],
        )
        self.assertEqual(self.json("dht", "lookups", "--json"), [lookup])


FOUND = {
    "peers": [{"address": "192.0.2.7", "port": 6881}, {"address": "2001:db8::7", "port": 1}],
    "asked": 60, "answered": 44, "hops": 3, "seeds": None, "leeches": None,
}  # fmt: skip


class Find(Case):
    def test_shown(self):
        self.answer("tx_dht_find_peers", **FOUND)
        self.assertEqual(
            self.rows("dht", "find", HASH),
            ["Peers 2 found", "Nodes 60 asked, 44 answered; 3 hops to the farthest", "",
             "192.0.2.7:6881", "[2001:db8::7]:1"],
        )  # fmt: skip
        self.assertEqual(self.json("dht", "find", HASH, "--json"), FOUND)

    def test_estimates(self):
        self.answer("tx_dht_find_peers", **{**FOUND, "peers": [], "seeds": 1, "leeches": 30})
        rows = self.rows("dht", "find", "--scrape", HASH)
        self.assertEqual(rows[:2], ["Peers 0 found", "Estimate 1 seed, 30 others"])
        self.assertEqual(self.asked(), {"info_hash": HASH, "scrape": True})

    def test_how_a_torrent_is_named(self):
        self.daemon.add(torrent(7, "debian"))
        self.answer("tx_dht_find_peers", **FOUND)
        for word, info_hash in (
            (HASH.upper(), HASH),
            (BASE32, HASH),
            (f"magnet:?xt=urn:btih:{HASH}&dn=x", HASH),
            (f"MAGNET:?xt=urn:btih:{BASE32}", HASH),
            ("debian", "7" * 40),
            ("7", "7" * 40),
        ):
            self.run_command("dht", "find", word)
            self.assertEqual(self.asked(), {"info_hash": info_hash, "scrape": False}, word)

    def test_what_names_none(self):
        self.assertIn("no torrent 'fedora'", self.fails(4, "dht", "find", "fedora"))
        self.assertIn("has no info-hash", self.fails(2, "dht", "find", "magnet:?dn=x"))

    def test_refused(self):
        self.daemon.answers["tx_dht_find_peers"] = OFF_ERROR
        self.assertEqual(
            self.fails(1, "dht", "find", HASH),
            "txtorrent: system error: the DHT is off: turn dht_enabled on",
        )

    def test_it_may_take_its_time(self):
        self.answer("tx_dht_find_peers", **FOUND)
        connect, limits = Endpoint.connect, []

        def noted(endpoint, timeout):
            limits.append(timeout)
            return connect(endpoint, timeout)

        self.patch(Endpoint, "connect", noted)
        self.run_command("dht", "find", HASH)
        self.assertEqual(set(limits), {SEARCH_TIMEOUT})


ITEM = {
    "target": TARGET, "value": "Hello, world", "bencoded": "MTI6SGVsbG8sIHdvcmxk",
    "is_mutable": False, "public_key": "", "salt": "", "seq": 0, "signature": "",
}  # fmt: skip
SIGNED = {**ITEM, "is_mutable": True, "public_key": KEY, "salt": "6e657773", "seq": 4}


class Get(Case):
    def test_immutable(self):
        self.answer("tx_dht_get", item=ITEM)
        rows = self.rows("dht", "get", TARGET)
        self.assertEqual(rows, [f"Target {TARGET}", "Value Hello, world"])
        self.assertEqual(self.asked(), {"target": TARGET})
        self.assertEqual(self.json("dht", "get", TARGET, "--json"), ITEM)

    def test_mutable(self):
        self.answer("tx_dht_get", item=SIGNED)
        self.assertEqual(
            self.rows("dht", "get", "--key", KEY, "--salt", "news"),
            [f"Target {TARGET}", f"Key {KEY}", "Salt news", "Number 4", "Value Hello, world"],
        )
        self.assertEqual(self.asked(), {"public_key": KEY, "salt": "6e657773"})

    def test_values_and_salts_of_strangers(self):
        for changes, row in (
            ({"value": "\x1b[2J"}, "Value \\u001b[2J"),
            ({"value": {"a": [1, "ä"]}}, 'Value {"a": [1, "ä"]}'),
            ({"value": 7}, "Value 7"),
            ({"salt": "ff00"}, "Salt hex:ff00"),
        ):
            self.answer("tx_dht_get", item={**SIGNED, **changes})
            self.assertIn(row, self.rows("dht", "get", TARGET))

    def test_a_salt_that_is_no_text(self):
        self.answer("tx_dht_get", item=SIGNED)
        self.run_command("dht", "get", TARGET, "--salt", "hex:FF00")
        self.assertEqual(self.asked(), {"target": TARGET, "salt": "ff00"})

    def test_nothing_there(self):
        self.answer("tx_dht_get", item=None)
        self.assertIn("nothing was found", self.fails(1, "dht", "get", TARGET))

    def test_misused(self):
        for arguments, part in (
            ([], "TARGET or --key"),
            ([TARGET, "--key", KEY], "TARGET or --key"),
            (["00"], "write 40 hexadecimal digits"),
            ([TARGET[:-1] + "x"], "write 40 hexadecimal digits"),
            (["--key", TARGET], "write 64 hexadecimal digits"),
            ([TARGET, "--salt", "hex:"], "write hexadecimal digits behind hex:"),
        ):
            self.assertIn(part, self.fails(2, "dht", "get", *arguments), arguments)
        self.assertEqual(self.daemon.calls, [])


STORED = {"target": TARGET, "public_key": "", "seq": 0, "stored": 8}


class Put(Case):
    def setUp(self):
        super().setUp()
        self.answer("tx_dht_put", **STORED)
        self.path = os.path.join(self.daemon.folder, "key")

    def write(self, text, mode=0o600):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path, mode)

    def test_immutable(self):
        rows = self.rows("dht", "put", "Hello, world")
        self.assertEqual(rows, [f"Target {TARGET}", "Stored on 8 nodes"])
        self.assertEqual(self.asked(), {"value": "Hello, world"})
        self.run_command("dht", "put", "--bencoded", "aTFl")
        self.assertEqual(self.asked(), {"bencoded": "aTFl"})
        self.assertEqual(self.json("dht", "put", "x", "--json"), STORED)

    def test_signed(self):
        self.write(KEY + "\n")
        self.answer("tx_dht_put", **{**STORED, "public_key": "cd" * 32, "seq": 3, "stored": 1})
        rows = self.rows(
            "dht", "put", "--key-file", self.path, "--salt", "n", "--seq", 3, "--cas", 0, "x"
        )
        key = "cd" * 32
        self.assertEqual(rows, [f"Target {TARGET}", f"Key {key}", "Number 3", "Stored on 1 node"])
        self.assertEqual(
            self.asked(),
            {"value": "x", "private_key": KEY, "salt": "6e", "seq": 3, "cas": 0},
        )

    def test_new_key(self):
        self.run_command("dht", "put", "--key-file", self.path, "--new-key", "x")
        key = self.asked()["private_key"]
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)
        self.run_command("dht", "put", "--key-file", self.path, "x")
        self.assertEqual(self.asked()["private_key"], key)
        self.assertEqual(len(bytes.fromhex(key)), 32)

    def test_a_key_is_not_replaced(self):
        self.write(KEY)
        self.assertIn("there already", self.fails(2, "dht", "put", "--key-file", self.path,
                                                  "--new-key", "x"))  # fmt: skip
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(file.read(), KEY)

    def test_key_files_that_are_none(self):
        for text, mode, part in (
            (None, 0, "no such file; --new-key makes it"),
            (KEY, 0o640, "open to others"),
            (KEY, 0o604, "open to others"),
            (KEY[:-2], 0o600, "64 hexadecimal digits"),
            (KEY[:-1] + "g", 0o600, "64 hexadecimal digits"),
            ("\xff" * 64, 0o600, "64 hexadecimal digits"),
        ):
            if text is not None:
                self.write(text, mode)
            message = self.fails(2, "dht", "put", "--key-file", self.path, "x")
            self.assertIn(part, message)
            self.assertNotIn(KEY[:16], message)
        self.assertIn("Is a directory", self.fails(2, "dht", "put", "--key-file", "/", "x"))
        self.assertEqual(self.daemon.calls, [])

    def test_where_no_file_can_be(self):
        path = os.path.join(self.daemon.folder, "nowhere", "key")
        message = self.fails(1, "dht", "put", "--key-file", path, "--new-key", "x")
        self.assertIn("the key cannot be kept there: No such file", message)
        self.assertEqual(self.daemon.calls, [])

    def test_only_for_signed_items(self):
        for arguments in (["--new-key"], ["--salt", "n"], ["--seq", 0], ["--cas", 0]):
            self.assertIn("say --key-file", self.fails(2, "dht", "put", *arguments, "x"))
        self.assertEqual(self.daemon.calls, [])

    def test_nobody_took_it(self):
        self.answer("tx_dht_put", **{**STORED, "stored": 0})
        self.assertIn("see `txtorrent dht`", self.fails(1, "dht", "put", "x"))
        self.write(KEY)
        self.assertIn("--cas", self.fails(1, "dht", "put", "--key-file", self.path, "x"))


class Sample(Case):
    def test_shown(self):
        found = {"info_hashes": [HASH, TARGET], "total": 9, "asked": 5, "answered": 4}
        self.answer("tx_dht_sample", **found)
        rows = self.rows("dht", "sample", TARGET)
        self.assertEqual(
            rows, ["Info-hashes 2 of 9", "Nodes 5 asked, 4 answered", "", HASH, TARGET]
        )
        self.assertEqual(self.asked(), {"target": TARGET})
        self.assertEqual(self.json("dht", "sample", "--json"), found)

    def test_anywhere(self):
        self.answer("tx_dht_sample", info_hashes=[], total=0, asked=0, answered=0)
        targets = set()
        for _ in range(3):
            self.run_command("dht", "sample")
            targets.add(self.asked()["target"])
        self.assertEqual([len(bytes.fromhex(each)) for each in targets], [20, 20, 20])
