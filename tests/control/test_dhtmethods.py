"""The methods on the DHT and on the other sources of peers, in both dialects."""

from base64 import b64encode

from attrs import evolve

from tests.control.case import ControlCase
from tests.control.fakedht import (
    HASH,
    ID,
    KEY,
    SEED,
    SIGNATURE,
    TARGET,
    FakeDhtStatus,
    FakeItem,
    FakeLocal,
    FakeMapping,
)
from txtorrent.errors import Code

BASE32 = "AIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQC"
BAD_HEX = ("", "00", "zz" * 20, "01" * 19 + "0 1", " " + "01" * 20, 7, None, "\u0661" * 40)


def encoded(value):
    return b64encode(value).decode()


class Sources(ControlCase):
    def test_told(self):
        found = self.result("tx_sources_get")
        (family,) = found.pop("dht_families")
        self.assertEqual(
            found,
            {
                "tcp_port": 51413, "udp_port": 51413, "dht_enabled": True, "dht_trouble": "",
                "dht_read_only": False, "dht_torrents": 5, "dht_announcing": 1,
                "dht_next_announce": 1700000060, "pex_enabled": True, "lpd": None,
                "port_mapping": [],
                "external": [
                    {"host": "203.0.113.9", "votes": 3, "weight": 10, "is_believed": True}
                ],
            },
        )  # fmt: skip
        self.assertEqual(
            family,
            {
                "family": "ipv4", "node_id": "ab" * 20, "host": "203.0.113.9", "good": 120,
                "questionable": 7, "queries_in": 1, "replies_out": 2, "queries_out": 3,
                "responses_in": 4, "refused": 5, "unanswered": 6, "bytes_in": 9, "bytes_out": 10,
                "blocked": 11, "waiting": 12, "lookups": 13, "peers": 14, "torrents": 15,
                "items": 16, "dropped": {"dropped: too many": 8},
            },
        )  # fmt: skip

    def test_what_is_off_by_default(self):
        self.session.peer_sources.local = FakeLocal()
        self.session.peer_sources.mappings = [FakeMapping(), FakeMapping("ipv4", "udp", "failed")]
        found = self.result("tx_sources_get")
        self.assertEqual(
            found["lpd"],
            {"torrents": 4, "sent": 1, "received": 2, "dropped": {"malformed": 1},
             "listening": ["239.192.152.143"], "errors": {}},
        )  # fmt: skip
        self.assertEqual(
            found["port_mapping"][0],
            {"family": "ipv4", "protocol": "tcp", "state": "mapped", "port": 51413, "method": "PCP",
             "external_host": "203.0.113.9", "external_port": 7000, "lifetime": 3600.0,
             "error": ""},
        )  # fmt: skip
        self.assertEqual(found["port_mapping"][1]["state"], "failed")

    def test_off(self):
        self.session.peer_sources.dht = FakeDhtStatus(False, "UDP port 1 is in use", families=[])
        found = self.result("tx_sources_get")
        self.assertEqual(
            (found["dht_enabled"], found["dht_trouble"], found["dht_families"]),
            (False, "UDP port 1 is in use", []),
        )

    def test_an_address_that_is_not_known(self):
        self.session.peer_sources.dht.families[0].status.host = None
        self.assertEqual(self.result("tx_sources_get")["dht_families"][0]["host"], "")

    def test_legacy(self):
        found = self.legacy("tx-sources-get")["arguments"]
        self.assertEqual(found["dht-families"][0]["nodeId"], "ab" * 20)
        self.assertEqual(found["external"][0]["isBelieved"], True)


class Tables(ControlCase):
    def test_nodes(self):
        node = {
            "family": "ipv4", "address": "192.0.2.5", "port": 6881, "id": "ab" * 20,
            "state": "good", "last_seen": 1700000000, "rtt": 0.042, "fits": True,
        }  # fmt: skip
        self.assertEqual(self.result("tx_dht_table_get"), {"nodes": [node]})

    def test_lookups(self):
        lookup = {
            "family": "ipv6", "target": "01" * 20, "method": "get_peers", "asked": 9,
            "answered": 4, "started": 1700000000,
        }  # fmt: skip
        self.assertEqual(self.result("tx_dht_lookups_get"), {"lookups": [lookup]})

    def test_off(self):
        self.session.dht.refusal = "the DHT is off"
        self.assertEqual(self.error("tx_dht_table_get"), (Code.SYSTEM_ERROR, "the DHT is off"))


class FindPeers(ControlCase):
    def test_found(self):
        found = self.result("tx_dht_find_peers", info_hash="02" * 20)
        peers = [{"address": "192.0.2.7", "port": 1}, {"address": "2001:db8::7", "port": 2}]
        self.assertEqual(
            found,
            {"peers": peers, "asked": 9, "answered": 4, "hops": 3, "seeds": None, "leeches": None},
        )
        self.assertEqual(self.session.calls, [("find_peers", HASH, False)])

    def test_estimates(self):
        found = self.result("tx_dht_find_peers", info_hash=BASE32.lower(), scrape=True)
        self.assertEqual((found["seeds"], found["leeches"]), (12, 0))
        self.assertEqual(self.session.calls, [("find_peers", HASH, True)])

    def test_refused(self):
        for info_hash in (*BAD_HEX, "1" * 32):
            code, text = self.error("tx_dht_find_peers", info_hash=info_hash)
            self.assertEqual(code, Code.INVALID_PARAMS)
            self.assertIn("info_hash: wants", text)
        self.assertEqual(self.error("tx_dht_find_peers")[0], Code.INVALID_PARAMS)
        self.assertEqual(self.session.calls, [])
        self.session.dht.refusal = "the DHT is off"
        error = self.error("tx_dht_find_peers", info_hash="02" * 20)
        self.assertEqual(error, (Code.SYSTEM_ERROR, "the DHT is off"))


class Get(ControlCase):
    def test_immutable(self):
        found = self.result("tx_dht_get", target="01" * 20)["item"]
        self.assertEqual(
            found,
            {"target": "01" * 20, "value": "Hello, world", "bencoded": encoded(b"12:Hello, world"),
             "is_mutable": False, "public_key": "", "salt": "", "seq": 0, "signature": ""},
        )  # fmt: skip
        self.assertEqual(self.session.calls, [("get", TARGET, b"")])

    def test_mutable(self):
        self.session.dht.item = FakeItem(b"i5e", KEY, SIGNATURE, 2**60, b"\xff\0", TARGET, True)
        found = self.result("tx_dht_get", public_key="CD" * 32, salt="FF00")["item"]
        self.assertEqual(
            found,
            {"target": "01" * 20, "value": 5, "bencoded": encoded(b"i5e"), "is_mutable": True,
             "public_key": "cd" * 32, "salt": "ff00", "seq": 2**60, "signature": "99" * 64},
        )  # fmt: skip
        self.result("tx_dht_get", target="01" * 20, salt="ff00")
        self.assertEqual(
            self.session.calls,
            [("get_mutable", KEY, b"\xff\0"), ("get", TARGET, b"\xff\0")],
        )

    def test_values(self):
        for value, shown in (
            (b"3:\xc3\xa4x", "äx"),
            (b"2:\xff\0", "ff00"),
            (b"d1:ali1e1:xee", {"a": [1, "x"]}),
            (b"d1:\xffi1ee", {"ff": 1}),
            (b"le", []),
        ):
            self.session.dht.item = evolve(FakeItem(), value=value)
            found = self.result("tx_dht_get", target="01" * 20)["item"]
            self.assertEqual((found["value"], found["bencoded"]), (shown, encoded(value)))

    def test_nothing(self):
        self.session.dht.item = None
        self.assertEqual(self.result("tx_dht_get", target="01" * 20), {"item": None})

    def test_refused(self):
        for params in (
            {},
            {"target": "01" * 20, "public_key": "cd" * 32},
            {"target": "01" * 20, "salt": "0"},
            {"target": "01" * 20, "salt": "00" * 65},
            *({"target": each} for each in BAD_HEX),
            *({"public_key": each} for each in BAD_HEX),
        ):
            self.assertEqual(self.error("tx_dht_get", **params)[0], Code.INVALID_PARAMS, params)
        self.assertEqual(self.session.calls, [])


class Put(ControlCase):
    def test_immutable(self):
        found = self.result("tx_dht_put", value="äx")
        self.assertEqual(found, {"target": "01" * 20, "public_key": "", "seq": 0, "stored": 8})
        self.result("tx_dht_put", bencoded=encoded(b"d1:ali1e1:xee"))
        self.assertEqual(self.session.calls, [("put", b"\xc3\xa4x"), ("put", {b"a": [1, b"x"]})])

    def test_mutable(self):
        found = self.result("tx_dht_put", value="x", private_key="ef" * 32)
        self.assertEqual((found["public_key"], found["seq"]), ("cd" * 32, 1))
        self.result(
            "tx_dht_put", bencoded=encoded(b"i5e"), private_key="ef" * 32, salt="6e", seq=0,
            cas=2**63 - 1,
        )  # fmt: skip
        self.assertEqual(
            self.session.calls,
            [("put_mutable", SEED, b"x", b"", None, None),
             ("put_mutable", SEED, 5, b"n", 0, 2**63 - 1)],
        )  # fmt: skip

    def test_legacy(self):
        found = self.legacy("tx-dht-put", value="x", **{"private-key": "ef" * 32})["arguments"]
        self.assertEqual(found["public-key"], "cd" * 32)

    def test_refused(self):
        key = "ef" * 32
        for params, part in (
            ({}, "either value or bencoded"),
            ({"value": "x", "bencoded": "aTVl"}, "either value or bencoded"),
            ({"value": 5}, "value: wants text"),
            ({"value": "x" * 2001}, "value: wants text"),
            ({"bencoded": "zz!"}, "base64 of a bencoded value"),
            ({"bencoded": "aT!Vl"}, "base64 of a bencoded value"),
            ({"bencoded": "ä"}, "base64 of a bencoded value"),
            ({"bencoded": encoded(b"i5")}, "bencoded: the data ends early"),
            ({"bencoded": encoded(b"l" * 9 + b"e" * 9)}, "bencoded: nested too deep"),
            ({"value": "x", "salt": "6e"}, "salt: for a mutable item"),
            ({"value": "x", "seq": 1}, "seq: for a mutable item"),
            ({"value": "x", "cas": 1}, "cas: for a mutable item"),
            ({"value": "x", "private_key": key, "seq": -1}, "seq: wants a whole number"),
            ({"value": "x", "private_key": key, "seq": 2**63}, "seq: wants a whole number"),
            ({"value": "x", "private_key": key, "salt": "x"}, "salt: wants at most 128"),
        ):
            code, text = self.error("tx_dht_put", **params)
            self.assertEqual(code, Code.INVALID_PARAMS)
            self.assertIn(part, text)
        self.assertEqual(self.session.calls, [])

    def test_a_wrong_key_is_not_repeated(self):
        code, text = self.error("tx_dht_put", value="x", private_key="ef" * 31 + "e")
        self.assertEqual(
            (code, text), (Code.INVALID_PARAMS, "private_key: wants 64 hexadecimal digits")
        )


class Sample(ControlCase):
    def test_found(self):
        self.assertEqual(
            self.result("tx_dht_sample", target="01" * 20),
            {"info_hashes": [HASH.hex(), ID.hex()], "total": 7, "asked": 9, "answered": 4},
        )
        self.assertEqual(self.session.calls, [("sample", TARGET)])
        self.assertEqual(self.error("tx_dht_sample")[0], Code.INVALID_PARAMS)


class Settings(ControlCase):
    """The flags of Transmission's, where the session has them."""

    NAMES = ("dht_enabled", "pex_enabled", "lpd_enabled", "port_forwarding_enabled")

    def setUp(self):
        super().setUp()
        self.session.settings.values |= dict.fromkeys(self.NAMES, True)

    def test_told_and_set(self):
        for name in self.NAMES:
            self.assertEqual(self.result("session_get", fields=[name]), {name: True})
            self.result("session_set", **{name: False})
            self.assertEqual(self.session.settings.values[name], False)

    def test_legacy(self):
        for name in self.NAMES:
            spelt = name.replace("_", "-")
            told = self.legacy("session-get", fields=[spelt])["arguments"]
            self.assertEqual(told, {spelt: True})
            self.legacy("session-set", **{spelt: 0})
            self.assertEqual(self.session.settings.values[name], False)
