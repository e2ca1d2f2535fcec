"""Which torrent is meant: by id, by hash, or by a part of its name.

In this order, and the first that fits decides: the id; the whole info-hash or the whole name; the
beginning of an info-hash or a part of a name, upper and lower case alike, if it fits one torrent
only.
"""

import shlex
from collections.abc import Iterable, Sequence
from typing import Final

import click
from click.shell_completion import CompletionItem

from txtorrent.cli.api import NAMES, Api, Torrent
from txtorrent.cli.errors import Misused, NoSuchTorrent, plain
from txtorrent.cli.shell import Shell

CANDIDATES: Final = 10
"""Torrents listed of those that an ambiguous name fits: more do not help to choose."""
SHORT_HASH: Final = 8
"""Digits of an info-hash that are shown; few enough to be typed."""
_COMPLETION_TIMEOUT: Final = 1.0
"""Seconds: somebody has pressed a key and waits."""


def choose(word: str, torrents: Sequence[Torrent]) -> Torrent:
    """The torrent that `word` names. NoSuchTorrent when it is none, or several."""
    for fits in (_by_id, _by_identity, _by_part):
        found = [torrent for torrent in torrents if fits(word, torrent)]
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(word, found)
    raise NoSuchTorrent(f"no torrent {word!r}: `txtorrent list` shows those that there are")


def _by_id(word: str, torrent: Torrent) -> bool:
    return word == str(torrent["id"])


def _by_identity(word: str, torrent: Torrent) -> bool:
    return word.lower() == torrent["hash_string"] or word == str(torrent["name"])


def _by_part(word: str, torrent: Torrent) -> bool:
    lower = word.casefold()
    return bool(word) and (
        torrent["hash_string"].startswith(lower) or lower in torrent["name"].casefold()
    )


def _ambiguous(word: str, found: Sequence[Torrent]) -> NoSuchTorrent:
    lines = [f"{len(found)} torrents fit {word!r}: name one by its id or hash"]
    for torrent in found[:CANDIDATES]:
        short = torrent["hash_string"][:SHORT_HASH]
        lines.append(f"  {torrent['id']:>5}  {short}  {torrent['name']}")
    if len(found) > CANDIDATES:
        lines.append(f"  and {len(found) - CANDIDATES} more")
    return NoSuchTorrent("\n".join(lines))


def resolve(api: Api, words: Iterable[str]) -> list[Torrent]:
    """The torrents that the words name, each once, with the fields in NAMES.

    NoSuchTorrent before anything is done to any when one of the words does not fit.
    """
    torrents = api.torrents(NAMES)
    chosen = [choose(word, torrents) for word in words]
    return list({torrent["hash_string"]: torrent for torrent in chosen}.values())


def resolve_or_all(api: Api, words: Sequence[str], everything: bool) -> list[Torrent]:
    """The torrents that are named, or with --all each that there is; it has to be either."""
    if bool(words) == everything:
        raise Misused("name torrents, or say --all")
    return list(api.torrents(NAMES)) if everything else resolve(api, words)


def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names for the shell's completion; none when no daemon answers at once."""
    shell = ctx.ensure_object(Shell)
    shell.control = ctx.find_root().params.get("control") or shell.control
    try:
        shell.api.client.timeout = _COMPLETION_TIMEOUT
        torrents = shell.api.torrents(NAMES)
    except click.ClickException:
        return []
    part = incomplete.casefold()
    # bash inserts what it is given, other shells quote it themselves.
    in_bash = shell.environ.get("_TXTORRENT_COMPLETE", "").startswith("bash")
    return [
        CompletionItem(shlex.quote(torrent["name"]) if in_bash else torrent["name"])
        for torrent in torrents
        if torrent["name"].casefold().startswith(part) and _can_be_typed(torrent["name"])
    ]


def _can_be_typed(name: str) -> bool:
    """The script that click makes for bash does not bring backslashes through."""
    return name.isprintable() and "\\" not in name


def show_names(torrents: Sequence[Torrent]) -> str:
    """ "a, b and 3 more", for questions and reports."""
    names = [plain(torrent["name"]) for torrent in torrents]
    shown = ", ".join(names[:CANDIDATES])
    return f"{shown} and {len(names) - CANDIDATES} more" if len(names) > CANDIDATES else shown
