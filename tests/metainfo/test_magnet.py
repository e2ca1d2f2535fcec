import contextlib
from base64 import b32encode

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.testing import torrents
from txtorrent.metainfo import torrentfile
from txtorrent.metainfo.magnet import (
    MAX_EACH,
    MAX_INDEX,
    MAX_LINK,
    MAX_RANGES,
    Magnet,
    MetainfoError,
    from_metainfo,
    info_hash_of,
    parse,
)
from txtorrent.metainfo.urls import MAX_URL

HASH = bytes(range(100, 120))
START = f"magnet:?xt=urn:btih:{HASH.hex()}"
ODD = "aA1-_.~ %&=+#?/:[]\u4e2d\u0301\U0001f600\u202e\x00\x1b\udc80"


class HashTests(SynchronousTestCase):
    def test_spellings(self) -> None:
        base32 = b32encode(HASH).decode()
        for link in (
            START,
            START.upper(),
            f"  {START}\n",
            f"magnet:?xt=urn:btih:{base32}",
            f"magnet:?xt=URN:BTIH:{base32.lower()}",
            f"magnet:?xt=urn%3Abtih%3A{HASH.hex()}",
            f"magnet:?kt=x&xt=urn:btih:{HASH.hex()}&",
            f"magnet:?xt.1=urn:btih:{HASH.hex()}&xt.2=urn:ed2k:{'a' * 32}",
            f"magnet:?xt=urn:btmh:1220{'a' * 64}&xt=urn:btih:{HASH.hex()}",
            f"{START}&xt=urn:btmh:1220{'a' * 64}",
            f"{START}&xt=urn:btih:{'a' * 40}",
            f"{START}&&=&x&dn&tr=&ws=&x.pe=",
        ):
            self.assertEqual(parse(link), Magnet(HASH), link)

    def test_by_itself(self) -> None:
        for text, found in [
            (HASH.hex(), HASH),
            (HASH.hex().upper(), HASH),
            (b32encode(HASH).decode(), HASH),
            (b32encode(HASH).decode().lower(), HASH),
            (HASH.hex()[1:], None),
            (HASH.hex() + "\n", None),
            ("1" * 32, None),
            ("g" * 40, None),
            ("\u0661" * 40, None),
            ("", None),
        ]:
            self.assertEqual(info_hash_of(text), found, text)

    def test_what_is_none(self) -> None:
        """(link, what the user is told)"""
        for link, told in [
            ("", "not a magnet link"),
            ("magnet:", "not a magnet link"),
            ("magnet:xt=urn:btih:" + HASH.hex(), "not a magnet link"),
            ("http://example.org/?xt=urn:btih:" + HASH.hex(), "begins with magnet:?xt=urn:btih:"),
            ("magnet:?", "has no info-hash"),
            ("magnet:?dn=x&tr=http://a/", "has no info-hash"),
            ("magnet:?xt=urn:btih:", "has 0 characters where 40 (or 32) are right"),
            (START[:-1], "has 39 characters"),
            (START + "a", "has 41 characters"),
            ("magnet:?xt=urn:btih:" + "g" * 40, "neither in hexadecimal nor in base32"),
            ("magnet:?xt=urn:btih:" + "1" * 32, "neither in hexadecimal nor in base32"),
            ("magnet:?xt=urn:btih:" + "a" * 39 + "&xt=urn:btih:" + HASH.hex(), "39 characters"),
            ("magnet:?xt=urn:btmh:1220" + "a" * 64, "v2-only torrent: not supported yet"),
            ("magnet:?xt=urn:ed2k:354B15E68FB8F36D7CD88FF94116CDC1", "not for BitTorrent"),
            ("magnet:?xt=urn:sha1:%1b[31m%e2%80%aeX", "'urn:sha1:[31mX' where urn:btih:"),
            ("magnet:?xt=", "not for BitTorrent"),
        ]:
            with self.assertRaises(MetainfoError, msg=link) as caught:
                parse(link)
            self.assertIn(told, str(caught.exception))
            self.assertTrue(str(caught.exception).isprintable())

    def test_what_to_do_is_said(self) -> None:
        for link, advice in [
            ("magnet:?dn=x", "copy the whole link again"),
            (START[:-1], "copy the whole link again"),
            ("magnet:?xt=urn:btmh:1220", "Look for a hybrid or v1 torrent"),
            ("magnet:?xt=urn:ed2k:a", "look for a torrent of it"),
            (START + "&so=x", "choose the files when it is added"),
            (START + "&dn=" + "a" * MAX_LINK, "look for another torrent"),
        ]:
            with self.assertRaises(MetainfoError, msg=link) as caught:
                parse(link)
            self.assertIn(advice, str(caught.exception))


class NameTests(SynchronousTestCase):
    def test_names(self) -> None:
        """(dn, the name)"""
        for written, name in [
            ("debian-12.iso", "debian-12.iso"),
            ("a+b%2Bc%20d", "a b+c d"),
            ("%E4%B8%AD", "\u4e2d"),
            ("\u4e2d", "\u4e2d"),
            ("100%", "100%"),
            ("a%2Fb%5Cc", "abc"),
            ("%2E%2E%2F%2E%2E%2Fetc", "....etc"),
            ("..", None),
            (".", None),
            ("%2F", None),
            ("", None),
            ("+", None),
            ("two%0Alines%09x", "two lines x"),
            ("%1b[31mred%07%00", "[31mred"),
            ("a%E2%80%AEgpj.exe", "agpj.exe"),
            ("%FF", "_"),
            ("x" * 300 + ".iso", "x" * 251 + ".iso"),
        ]:
            self.assertEqual(parse(f"{START}&dn={written}").name, name, written)

    def test_the_first_that_is_one(self) -> None:
        self.assertEqual(parse(f"{START}&dn=&dn=..&dn=a&dn=b").name, "a")

    def test_a_blank_is_written_as_plus_in_names_only(self) -> None:
        magnet = parse(f"{START}&dn=a+b&tr=http://t/a+b&ws=http://w/a+b")
        self.assertEqual((magnet.tiers, magnet.url_list), ((("http://t/a+b",),), ("http://w/a+b",)))


class UrlTests(SynchronousTestCase):
    def test_each_tracker_is_a_tier(self) -> None:
        magnet = parse(f"{START}&tr=http%3A%2F%2Fa%2Fx%3Fk%3D1%26l&tr.1=udp://b:1&tr=udp://b:1")
        self.assertEqual(magnet.tiers, (("http://a/x?k=1&l",), ("udp://b:1",)))

    def test_those_that_are_left_out(self) -> None:
        for bad in ("", "x", "http%3A", "http://a/%0ab", "http://a b/", "http://" + "a" * MAX_URL):
            magnet = parse(f"{START}&tr={bad}&ws={bad}&tr=http://t/&ws=http://w/")
            self.assertEqual(magnet.tiers, (("http://t/",),), bad)
            self.assertEqual(magnet.url_list, ("http://w/",), bad)

    def test_at_most_so_many(self) -> None:
        many = [f"&tr=udp://t{n}:1&ws=http://w{n}&x.pe=h{n}:1" for n in range(1000)]
        magnet = parse(START + "".join(many))
        self.assertEqual(magnet.tiers, tuple((f"udp://t{n}:1",) for n in range(MAX_EACH)))
        self.assertEqual(magnet.url_list, tuple(f"http://w{n}" for n in range(MAX_EACH)))
        self.assertEqual(magnet.peers, tuple((f"h{n}", 1) for n in range(MAX_EACH)))

    def test_the_longest_link(self) -> None:
        room = MAX_LINK - len(START) + len("magnet:?") - len("&dn=")
        self.assertEqual(parse(START + "&dn=" + "x" * room).info_hash, HASH)
        for longer in (START + "&dn=" + "x" * (room + 1), START + "&dn=" + "\u4e2d" * 30_000):
            with self.assertRaisesRegex(MetainfoError, "more than the limit of 64 KiB"):
                parse(longer)


class PeerTests(SynchronousTestCase):
    def test_peers(self) -> None:
        """(x.pe, the peer)"""
        for written, peer in [
            ("1.2.3.4:6881", ("1.2.3.4", 6881)),
            ("%5B2001:DB8::1%5D:1", ("2001:db8::1", 1)),
            ("[::ffff:1.2.3.4]:1", ("1.2.3.4", 1)),
            ("peer.example.org:65535", ("peer.example.org", 65535)),
            ("1.2.3.4", None),
            ("1.2.3.4:0", None),
            ("1.2.3.4:65536", None),
            ("2001:db8::1:1", None),
            ("[peer]:1", None),
            ("p%C3%A9:1", None),
            ("a" * 254 + ":1", None),
            ("a,b:1", None),
            (":1", None),
        ]:
            found = () if peer is None else (peer,)
            self.assertEqual(parse(f"{START}&x.pe={written}").peers, found, written)


class OnlyTests(SynchronousTestCase):
    def test_ranges(self) -> None:
        """(so, the ranges)"""
        for written, only in [
            ("0", ((0, 0),)),
            ("0,2,6-8", ((0, 0), (2, 2), (6, 8))),
            ("6%2D8%2C1", ((6, 8), (1, 1))),
            ("3-3", ((3, 3),)),
            ("1&so=4-5", ((1, 1), (4, 5))),
            (f"0-{MAX_INDEX}", ((0, MAX_INDEX),)),
        ]:
            self.assertEqual(parse(f"{START}&so={written}").only, only, written)
        self.assertIsNone(parse(START).only)

    def test_what_is_none(self) -> None:
        for bad in ("", "x", "-1", "1-", "2-1", "1,,2", "1,", "1-2-3", "0x1", "%D9%A1", "1e3"):
            with self.assertRaisesRegex(MetainfoError, "selects files"):
                parse(f"{START}&so={bad}")

    def test_limits(self) -> None:
        for bad in (str(MAX_INDEX + 1), f"0-{MAX_INDEX + 1}", "9" * 5000):
            with self.assertRaisesRegex(MetainfoError, f"from 0 to {MAX_INDEX}"):
                parse(f"{START}&so={bad}")
        ranges = ",".join("1" * MAX_RANGES)
        self.assertEqual(len(parse(f"{START}&so={ranges}").only or ()), MAX_RANGES)
        with self.assertRaisesRegex(MetainfoError, "10001 ranges of files, more than the limit"):
            parse(f"{START}&so={ranges},1")


class LinkTests(SynchronousTestCase):
    def test_written(self) -> None:
        magnet = Magnet(
            HASH,
            "a b&c",
            (("http://t/x?a=1",), ("udp://u:1",)),
            ("http://w/",),
            (("1.2.3.4", 5), ("::1", 6)),
            ((0, 0), (2, 4)),
        )
        self.assertEqual(
            magnet.link,
            f"{START}&dn=a%20b%26c&tr=http%3A%2F%2Ft%2Fx%3Fa%3D1&tr=udp%3A%2F%2Fu%3A1"
            "&ws=http%3A%2F%2Fw%2F&x.pe=1.2.3.4:5&x.pe=[::1]:6&so=0,2-4",
        )
        self.assertEqual(parse(magnet.link), magnet)
        self.assertEqual(Magnet(HASH).link, START)

    def test_of_a_torrent(self) -> None:
        raw = torrents.make(
            b"x",
            name="x +\u4e2d.bin",
            announce=[["http://a/", "http://b/"], ["udp://c:1"]],
            extra={b"url-list": [b"http://w/"]},
        )
        metainfo = torrentfile.parse(raw)
        magnet = parse(from_metainfo(metainfo).link)
        self.assertEqual(magnet, from_metainfo(metainfo))
        self.assertEqual(magnet.info_hash, metainfo.info_hash)
        self.assertEqual(magnet.name, "x +\u4e2d.bin")
        self.assertEqual(magnet.tiers, (("http://a/",), ("http://b/",), ("udp://c:1",)))
        self.assertEqual(magnet.url_list, ("http://w/",))

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["xt", "dn", "tr", "tr.1", "ws", "x.pe", "so", "kt", "", "xt.1.2"]),
                st.text(ODD, max_size=20)
                | st.binary(max_size=20).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw))
                | st.sampled_from(["http://a/", "1.2.3.4:5", "[::1]:6", "1-3,5", "a+b"]),
            ),
            max_size=8,
        )
    )
    @settings(deadline=None)
    def test_whatever_it_is(self, fields) -> None:
        """A MetainfoError or a link that says the same when it is written and read again."""
        link = START + "".join(f"&{key}={value}" for key, value in fields)
        with contextlib.suppress(MetainfoError):
            magnet = parse(link)
            self.assertEqual(parse(magnet.link), magnet)
            self.assertTrue(magnet.link.isascii())
            self.assertEqual((magnet.name or "").encode("utf-8", "ignore").count(b"\0"), 0)

    @given(st.text() | st.text(ODD) | st.text(ODD).map(lambda text: "magnet:?" + text))
    @settings(deadline=None)
    def test_any_text(self, text) -> None:
        with contextlib.suppress(MetainfoError):
            parse(text)
