"""Text in a torrent: which encoding its bytes are in, and what of it is fit to be shown.

BEP 3 says UTF-8. Older torrents name another encoding under `encoding`, or repeat a text under
a key that ends in `.utf-8`.
"""

import re
from collections.abc import Iterable
from encodings.aliases import aliases
from typing import Final

from txtorrent.bencode import Value

MAX_TEXT: Final = 10_000
"""Characters kept of a comment: it is held as long as the torrent is."""

# fmt: off
# The only encodings looked up by name, because the name is a stranger's: some codecs of Python
# take quadratic time (idna, punycode), others are no text encodings at all.
_LEGACY: Final = frozenset((
    "ascii", "big5", "big5hkscs", "cp437", "cp850", "cp852", "cp866", "cp874", "cp932",
    "cp949", "cp950", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256",
    "cp1257", "cp1258", "euc_jp", "euc_kr", "gb2312", "gb18030", "gbk", "iso8859_1",
    "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8",
    "iso8859_9", "iso8859_10", "iso8859_11", "iso8859_13", "iso8859_14", "iso8859_15",
    "iso8859_16", "koi8_r", "koi8_u", "latin_1", "shift_jis", "shift_jis_2004", "tis_620",
))
# fmt: on

# Marks that turn the direction of text around, or are not seen at all, make one name look like
# another; a lone surrogate cannot be encoded.
INVISIBLE: Final = "\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
CONTROL: Final = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_UNFIT = re.compile(f"[{INVISIBLE}{CONTROL}]")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _declared_codec(declared: Value | None) -> str:
    if not isinstance(declared, bytes):
        return "utf-8"
    name = re.sub("[^a-z0-9]+", "_", declared[:40].decode("ascii", "replace").strip().lower())
    for spelling in (name, name.replace("_", "")):
        codec = aliases.get(spelling, spelling)
        if codec in _LEGACY:
            return codec
    return "utf-8"


def choose_codec(texts: Iterable[bytes], declared: Value | None) -> str:
    """The encoding that `texts`, all names of a torrent, are in.

    UTF-8 when every one of them is valid UTF-8, whatever `declared`, the torrent's `encoding`,
    says: it is often wrong, and text in another encoding hardly ever passes for UTF-8.
    """
    codec = _declared_codec(declared)
    if codec == "utf-8" or all(map(_is_utf8, texts)):
        return "utf-8"
    return codec


def decode_text(text: bytes, codec: str) -> str:
    """`text` with a replacement character (U+FFFD) for what `codec` cannot read."""
    return text.decode(codec, "replace")


def display_text(text: bytes, codec: str) -> str:
    """`text` fit for a terminal, a log line or a page: no control characters, at most MAX_TEXT
    characters."""
    return one_line(decode_text(text[: 4 * MAX_TEXT], codec)[:MAX_TEXT])


def one_line(text: str) -> str:
    """`text` without what is not seen, ends a line, turns the direction around, or is no
    character at all."""
    return _UNFIT.sub("", text.replace("\r", "").replace("\n", " ").replace("\t", " ")).strip()
