"""Making a torrent of version 1 of files on disk (BEP 3, 12, 19, 27; pads of BEP 47).

The governing rule: what is made here is loaded by `torrentfile` with every name as it is on disk,
or it is not made. That, and every limit, is checked before the first byte is hashed. How files are
found is `contents`', how they are hashed `hashing`'s.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from txtorrent.bencode import Value, encode
from txtorrent.metainfo.contents import Contents, Found
from txtorrent.metainfo.errors import CreateError
from txtorrent.metainfo.filelist import MAX_FILES, MAX_TOTAL
from txtorrent.metainfo.files import File
from txtorrent.metainfo.hashing import Progress, hash_pieces, thread_count
from txtorrent.metainfo.pieces import Geometry
from txtorrent.metainfo.safepath import safe_component, unique_paths
from txtorrent.metainfo.text import MAX_TEXT
from txtorrent.metainfo.torrentfile import MAX_FILE_SIZE, Metainfo, parse
from txtorrent.metainfo.urls import MAX_URLS

SMALLEST_PIECE: Final = 16 * 1024
"""Bytes: a block. Nothing smaller is ever requested."""
LARGEST_CHOSEN: Final = 16 * 1024 * 1024
"""Bytes: a piece of more takes a slow peer minutes, and some clients refuse it."""
LARGEST_PIECE: Final = 256 * 1024 * 1024
"""Bytes, if the user wants them: with them 16 TB are a .torrent file of a megabyte."""
USUAL_PIECES: Final = 2_000
"""Pieces at the most while pieces can grow, which makes 1,000 the least: few enough that the
.torrent file and the bitfields are small, enough that peers soon have something to share."""
PIECE_LENGTHS: Final = tuple(
    SMALLEST_PIECE << power for power in range((LARGEST_CHOSEN // SMALLEST_PIECE).bit_length())
)
"""Those that are chosen by themselves: 16 KiB up to 32 MB of content, 1 MiB up to 2 GB, 16 MiB
above 16 GB."""
_HASH: Final = 20
"""Bytes of a SHA-1."""


@frozen(kw_only=True)
class Recipe:
    """What a torrent is made with, besides its content."""

    name: str | None = None
    """None: as the content is called on disk."""
    piece_length: int | None = None
    """Bytes; None: chosen by how much there is."""
    tiers: tuple[tuple[str, ...], ...] = ()
    """Trackers (BEP 12)."""
    url_list: tuple[str, ...] = ()
    """Web seeds (BEP 19)."""
    private: bool = False
    """No peers but those of its trackers (BEP 27)."""
    source: str | None = None
    """In `info`, so that one content has another info-hash at another tracker."""
    comment: str | None = None
    created_by: str | None = None
    creation_date: int | None = None
    """Seconds since 1970."""
    pad_files: bool = False
    """Whether every file begins with a piece, behind a pad (BEP 47)."""


@frozen
class Plan:
    """A torrent but for its hashes."""

    files: tuple[File, ...]
    sources: tuple[Found | None, ...]
    """Where each file is; None: a pad."""
    geometry: Geometry
    recipe: Recipe
    is_folder: bool

    def document(self, piece_hashes: bytes) -> bytes:
        """The .torrent file."""
        recipe = self.recipe
        document: dict[bytes, Value | None] = {
            b"comment": _text(recipe.comment),
            b"created by": _text(recipe.created_by),
            b"creation date": recipe.creation_date,
            b"info": self._info(piece_hashes),
            b"url-list": [url.encode() for url in recipe.url_list] or None,
        }
        urls = [url for tier in recipe.tiers for url in tier]
        if urls:
            document[b"announce"] = urls[0].encode()
        if len(urls) > 1:
            document[b"announce-list"] = [[url.encode() for url in each] for each in recipe.tiers]
        return encode({key: value for key, value in document.items() if value is not None})

    def _info(self, piece_hashes: bytes) -> dict[bytes, Value]:
        info: dict[bytes, Value | None] = {
            b"name": self.files[0].path[0].encode(),
            b"piece length": self.geometry.piece_length,
            b"pieces": piece_hashes,
            b"private": 1 if self.recipe.private else None,
            b"source": _text(self.recipe.source),
        }
        if self.is_folder:
            info[b"files"] = [_listed(file) for file in self.files]
        else:
            info[b"length"] = self.files[0].length
        return {key: value for key, value in info.items() if value is not None}


def choose_piece_length(total: int) -> int:
    """Bytes of a piece for so many bytes of content: 1,000 to 2,000 pieces, where PIECE_LENGTHS
    reach."""
    fitting = (length for length in PIECE_LENGTHS if total <= length * USUAL_PIECES)
    return next(fitting, LARGEST_CHOSEN)


def check_piece_length(length: int) -> int:
    """The length itself. CreateError unless it is a power of two that other clients take."""
    if not SMALLEST_PIECE <= length <= LARGEST_PIECE or length & (length - 1):
        raise CreateError(
            f"pieces of {length:,} bytes: choose a power of two from {SMALLEST_PIECE >> 10} KiB to"
            f" {LARGEST_PIECE >> 20} MiB"
        )
    return length


def check_name(name: str) -> str:
    """The name itself. CreateError unless a torrent can have it, and keep it."""
    if not _is_utf8(name) or not name or safe_component(name, "") != name:
        raise CreateError(f"{name!r} is no name that a torrent can have: choose another")
    return name


def plan(contents: Contents, recipe: Recipe) -> Plan:
    """The torrent of `contents`, but for its hashes; it is certain that it can be loaded.

    CreateError when it could not, or not as it is on disk.
    """
    total = sum(found.size for found in contents.files)
    _check_total(contents, total)
    wanted = recipe.piece_length
    length = choose_piece_length(total) if wanted is None else check_piece_length(wanted)
    _check_texts(recipe)
    paths = _safe_paths(contents, recipe.name)
    laid_out = list(_laid_out(contents.files, paths, length if recipe.pad_files else 1))
    files = tuple(file for file, _ in laid_out)
    if len(files) > MAX_FILES:
        raise CreateError(
            f"{len(files):,} files with their pads, more than {MAX_FILES:,}: do without pads"
        )
    sources = tuple(source for _, source in laid_out)
    drafted = Plan(files, sources, Geometry(length, files[-1].end), recipe, contents.is_folder)
    _check_loadable(drafted)
    return drafted


def create(planned: Plan, progress: Progress, threads: int | None = None) -> Metainfo:
    """The torrent, whose `raw` is the .torrent file. Blocks while all is read and hashed.

    CreateError, naming the file, when one cannot be read or changes meanwhile.
    """
    count = thread_count() if threads is None else threads
    hashes = hash_pieces(planned.files, planned.sources, planned.geometry, progress, count)
    # Also what was hashed long ago, and files without a byte.
    for source in planned.sources:
        if source is not None:
            source.check()
    return parse(planned.document(hashes))


def _text(text: str | None) -> bytes | None:
    return text.encode() if text else None


def _listed(file: File) -> Value:
    path: list[Value] = [component.encode() for component in file.path[1:]]
    listed: dict[bytes, Value] = {b"length": file.length, b"path": path}
    if file.pad:
        listed[b"attr"] = b"p"
    return listed


def _check_total(contents: Contents, total: int) -> None:
    if total == 0:
        raise CreateError(f"{contents.path}: there is not a byte in it to share")
    if total > MAX_TOTAL:
        raise CreateError(f"{contents.path}: {total:,} bytes, more than a torrent may have")


def _check_texts(recipe: Recipe) -> None:
    texts = {"comment": recipe.comment, "source": recipe.source, "creator": recipe.created_by}
    for which, text in texts.items():
        if text is None:
            continue
        if not _is_utf8(text):
            raise CreateError(f"the {which} is not UTF-8")
        if len(text) > MAX_TEXT:
            raise CreateError(f"the {which} has more than {MAX_TEXT:,} characters: shorten it")


def _is_utf8(text: str) -> bool:
    """Names on disk and arguments that are not come with surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _safe_paths(contents: Contents, name: str | None) -> list[tuple[str, ...]]:
    """The path of each file in the torrent; all are what a loader makes of them."""
    root = check_name(contents.name if name is None else name)
    safe: set[str] = set()
    for found in contents.files:
        for component in found.components:
            if component not in safe:
                _check_component(component, found.path)
                safe.add(component)
    paths = [(root, *found.components) for found in contents.files]
    for found, path, unique in zip(contents.files, paths, unique_paths(paths), strict=True):
        if path != unique:
            raise CreateError(
                f"{found.path}: where upper and lower case or forms of Unicode are not told apart"
                " it has the name of another: rename or exclude one of them"
            )
    return paths


def _check_component(component: str, path: str) -> None:
    if not _is_utf8(component):
        raise CreateError(f"{path}: {component!r} is not UTF-8: rename or exclude it")
    if safe_component(component) != component:
        raise CreateError(
            f"{path}: {component!r} would not keep its name (control characters, such that are"
            " not seen, a backslash): rename or exclude it"
        )


def _laid_out(
    found: Sequence[Found], paths: Sequence[tuple[str, ...]], alignment: int
) -> Iterator[tuple[File, Found | None]]:
    """The files end to end, and a pad before each that has bytes, as libtorrent lays them."""
    offset = 0
    for each, path in zip(found, paths, strict=True):
        gap = -offset % alignment if each.size else 0
        if gap:
            yield File((path[0], ".pad", str(gap)), gap, offset, pad=True), None
            offset += gap
        yield File(path, each.size, offset), each
        offset += each.size


def _check_loadable(drafted: Plan) -> None:
    """By loading what it will be, with other hashes."""
    raw = drafted.document(bytes(drafted.geometry.piece_count * _HASH))
    if len(raw) > MAX_FILE_SIZE:
        raise CreateError(
            f"the .torrent file would have {len(raw):,} bytes, more than {MAX_FILE_SIZE >> 20} MiB:"
            f" choose pieces of more than {drafted.geometry.piece_length >> 10} KiB, or fewer files"
        )
    loaded = parse(raw)
    if loaded.announce_tiers != drafted.recipe.tiers:
        raise CreateError(f"a tracker is named twice, or there are more than {MAX_URLS}")
    if loaded.url_list != drafted.recipe.url_list:
        raise CreateError(f"a web seed is named twice, or there are more than {MAX_URLS}")
    assert loaded.files == drafted.files
