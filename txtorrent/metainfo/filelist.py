"""The file list of an `info` dict (BEP 3, attributes of BEP 47), checked and made safe."""

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from txtorrent.bencode import Value
from txtorrent.metainfo.errors import excessive, faulty
from txtorrent.metainfo.files import File
from txtorrent.metainfo.safepath import MAX_DEPTH, safe_component, unique_paths
from txtorrent.metainfo.text import choose_codec, decode_text

MAX_FILES: Final = 200_000
"""Files of a torrent: a few hundred bytes of memory each."""
MAX_TOTAL: Final = 2**48 - 1
"""Bytes of a torrent (256 TiB): keeps every offset well inside what pread takes."""


@frozen
class _Entry:
    """One file as the torrent has it."""

    path: tuple[bytes, ...]
    utf8: bool
    """The path came from `path.utf-8`."""
    length: int
    pad: bool
    executable: bool


def read_files(info: dict[bytes, Value], encoding: Value | None, nameless: str) -> tuple[File, ...]:
    """The files of `info`, laid end to end.

    `encoding` is the torrent's key of that name; `nameless` is the name when `info` has none
    that can be used. MetainfoError when the list is not well formed or beyond a limit.
    """
    name, name_is_utf8 = _name(info)
    entries = _entries(info)
    _check_total(entries)
    codec = choose_codec(_legacy_texts(entries, b"" if name_is_utf8 else name), encoding)
    root = safe_component(decode_text(name, "utf-8" if name_is_utf8 else codec), nameless)
    paths = [(root, *path) for path in _safe_paths(entries, codec)]
    # A pad is never on disk, so it cannot collide, and pads of one name are usual.
    real = [index for index, entry in enumerate(entries) if not entry.pad]
    for index, path in zip(real, unique_paths([paths[i] for i in real]), strict=True):
        paths[index] = path
    return tuple(_laid_out(entries, paths))


def _name(info: dict[bytes, Value]) -> tuple[bytes, bool]:
    """The torrent's name, empty when there is none, and whether it is from `name.utf-8`."""
    twin = info.get(b"name.utf-8")
    if isinstance(twin, bytes) and twin:
        return twin, True
    name = info.get(b"name")
    return (name if isinstance(name, bytes) else b""), False


def _entries(info: dict[bytes, Value]) -> list[_Entry]:
    listed = info.get(b"files")
    if listed is None:
        if b"length" not in info:
            raise faulty("the torrent has neither a length nor a list of files")
        return [_entry(info, (), False, "the file")]
    if not isinstance(listed, list) or not listed:
        raise faulty("the torrent's list of files is empty or no list")
    if len(listed) > MAX_FILES:
        raise excessive(f"the torrent has {len(listed)} files", f"{MAX_FILES}")
    return [_listed_entry(value, f"file {index}") for index, value in enumerate(listed, 1)]


def _listed_entry(value: Value, which: str) -> _Entry:
    if not isinstance(value, dict):
        raise faulty(f"{which} of the torrent's list is no dict")
    twin = _components(value.get(b"path.utf-8"))
    path = twin or _components(value.get(b"path"))
    if not path:
        raise faulty(f"{which} of the torrent's list has no path")
    if len(path) >= MAX_DEPTH:
        raise excessive(
            f"{which} of the torrent's list is {len(path)} folders deep", f"{MAX_DEPTH}"
        )
    return _entry(value, path, bool(twin), f"{which} of the torrent's list")


def _components(value: Value | None) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        return ()
    components = tuple(component for component in value if isinstance(component, bytes))
    return components if len(components) == len(value) else ()


def _entry(table: dict[bytes, Value], path: tuple[bytes, ...], utf8: bool, which: str) -> _Entry:
    attr = table.get(b"attr")
    flags = attr if isinstance(attr, bytes) else b""
    length = table.get(b"length", 0 if b"l" in flags else None)
    if not isinstance(length, int):
        raise faulty(f"{which} has no length")
    if length < 0:
        raise faulty(f"{which} has a negative length")
    # A link is never made. Should it claim to hold bytes, they are kept as those of a file:
    # peers have them, and zeros would be served in their place.
    link = b"l" in flags and length == 0
    pad = bool(path) and (b"p" in flags or link)
    return _Entry(path, utf8, length, pad, b"x" in flags)


def _check_total(entries: Sequence[_Entry]) -> None:
    total = sum(entry.length for entry in entries)
    if total == 0:
        raise faulty("the torrent holds no data")
    if total > MAX_TOTAL:
        raise excessive(f"the torrent claims {total} bytes", f"{MAX_TOTAL} bytes")


def _legacy_texts(entries: Sequence[_Entry], name: bytes) -> Iterator[bytes]:
    """The names whose encoding is in question."""
    yield name
    for entry in entries:
        if not entry.utf8:
            yield from entry.path


def _safe_paths(entries: Sequence[_Entry], codec: str) -> Iterator[tuple[str, ...]]:
    # Folders recur in path after path: their text is made once and shared.
    legacy: dict[bytes, str] = {}
    utf8: dict[bytes, str] = legacy if codec == "utf-8" else {}
    for entry in entries:
        known, entry_codec = (utf8, "utf-8") if entry.utf8 else (legacy, codec)
        for raw in entry.path:
            if raw not in known:
                known[raw] = safe_component(decode_text(raw, entry_codec))
        yield tuple(known[raw] for raw in entry.path)


def _laid_out(entries: Sequence[_Entry], paths: Sequence[tuple[str, ...]]) -> Iterator[File]:
    offset = 0
    for entry, path in zip(entries, paths, strict=True):
        yield File(path, entry.length, offset, entry.pad, entry.executable)
        offset += entry.length
