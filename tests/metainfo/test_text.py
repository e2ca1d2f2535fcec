from twisted.trial.unittest import SynchronousTestCase

from txtorrent.metainfo.text import MAX_TEXT, choose_codec, decode_text, display_text

CHINESE = "\u4e2d\u6587\u540d\u5b57"
RUSSIAN = "\u043f\u0440\u0438\u0432\u0435\u0442"


class CodecTests(SynchronousTestCase):
    def test_the_declared_encoding_reads_what_is_not_utf8(self) -> None:
        rows = [
            (b"GBK", "gbk", CHINESE),
            (b"gb2312", "gb2312", CHINESE),
            (b"GB18030", "gb18030", CHINESE),
            (b"cp936", "gbk", CHINESE),
            (b"Big5", "big5", CHINESE),
            (b"windows-1251", "cp1251", RUSSIAN),
            (b"CP-1251", "cp1251", RUSSIAN),
            (b"KOI8-R", "koi8_r", RUSSIAN),
            (b" Shift_JIS ", "shift_jis", "\u65e5\u672c"),
            (b"EUC-KR", "euc_kr", "\ud55c\uad6d"),
            (b"ISO-8859-1", "latin_1", "\xe9t\xe9"),
        ]
        for declared, codec, text in rows:
            raw = text.encode(codec)
            chosen = choose_codec([b"plain", raw], declared)
            self.assertEqual(decode_text(raw, chosen), text, declared)

    def test_utf8_is_utf8_whatever_is_declared(self) -> None:
        raw = CHINESE.encode()
        for declared in (None, b"UTF-8", b"GBK", b"ISO-8859-1", b"nonsense", 7, [b"GBK"]):
            self.assertEqual(decode_text(raw, choose_codec([raw], declared)), CHINESE)

    def test_one_name_decides_for_all(self) -> None:
        # These bytes pass for UTF-8 as well, but their neighbour does not.
        doubtful = b"\xc1\xaa\xcd\xa8"
        raw = [CHINESE.encode("gbk"), doubtful]
        self.assertEqual(choose_codec(raw, b"GBK"), "gbk")

    def test_only_known_encodings_are_looked_up(self) -> None:
        bad = [b"idna", b"punycode", b"unicode_escape", b"zlib", b"rot13", b"utf-7", b"utf-16"]
        for declared in [*bad, b"", b"\xff", b"../../os", b"x" * 100_000]:
            self.assertEqual(choose_codec([b"\xff"], declared), "utf-8", declared[:20])

    def test_unreadable_bytes_are_replaced(self) -> None:
        self.assertEqual(decode_text(b"a\xffb", "utf-8"), "a\ufffdb")
        self.assertEqual(decode_text(b"a\xed\xa0\x80b", "utf-8").encode().count(b"\xed"), 0)


class DisplayTests(SynchronousTestCase):
    def test_control_and_bidi_characters_are_left_out(self) -> None:
        rows = [
            (b"plain", "plain"),
            (b" two\r\nlines\t", "two lines"),
            (b"\x1b[31mred\x07\x00", "[31mred"),
            ("a\u202egpj.exe".encode(), "agpj.exe"),
            ("a\u2028b\u0085c\u200bd".encode(), "abcd"),
            (b"\xff", "\ufffd"),
        ]
        for raw, shown in rows:
            self.assertEqual(display_text(raw, "utf-8"), shown)

    def test_length(self) -> None:
        self.assertEqual(len(display_text(b"x" * 1_000_000, "utf-8")), MAX_TEXT)
        self.assertEqual(len(display_text("\u4e2d".encode() * 20_000, "utf-8")), MAX_TEXT)
