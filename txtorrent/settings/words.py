"""Texts of settings that must have a certain form: each function gives the form to be kept.

ValueError says what is wrong. A command or a list is looked at as a whole, and not changed.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from txtorrent.address import canonical_host, split_host_port
from txtorrent.metainfo.text import one_line
from txtorrent.wire.announce import TrackerError, TrackerUrl
from txtorrent.wire.chat import MAX_NICKNAME

MAX_NAME: Final = 200
"""Characters of a label's or group's name: what lists can still show."""
_HOST: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)
_KEY: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def label(text: str) -> str:
    """A label: no comma, since clients and scripts get them apart by commas."""
    if "," in text:
        raise ValueError(f"{text!r}: a label must not hold a comma")
    return group_name(text)


def group_name(text: str) -> str:
    """A name that a line can show."""
    name = text.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise ValueError(f"{text!r} is no name: 1 to {MAX_NAME} characters that can be shown")
    return name


def host(text: str) -> str:
    """A host name, in lower case and without the last dot."""
    name = text.lower().removesuffix(".")
    if _HOST.fullmatch(name) is None or len(name) > 253:
        raise ValueError(f"{text!r} is not a host name")
    return name


def tracker_host(text: str) -> str:
    """The host of a tracker's URL: a name or an IP address."""
    try:
        return canonical_host(text)
    except ValueError:
        return host(text)


def interface(text: str) -> str:
    """An IP address, or nothing."""
    if not text:
        return text
    try:
        return canonical_host(text)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address: write one that this machine has") from None


def router(text: str) -> str:
    """A host name or IP address, and a port other than 0."""
    name, port = split_host_port(text)
    if not port:
        raise ValueError(f"{text!r}: nobody can be reached at port 0")
    return f"{tracker_host(name)}:{port}" if ":" not in name else f"[{name}]:{port}"


def announce_list(text: str) -> str:
    """URLs of trackers, one a line; an empty line between tiers. The white space is tidied."""
    lines = [line.strip() for line in text.strip().splitlines()]
    for number, line in enumerate(lines, 1):
        try:
            if line:
                TrackerUrl.parse(line)
        except TrackerError as error:
            raise ValueError(f"line {number} of the URLs: {error}") from None
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def nickname(text: str) -> str:
    """A name to speak by, without what cannot be seen; or nothing."""
    name = one_line(text)
    if len(name) > MAX_NICKNAME:
        raise ValueError(f"{name!r}: a nickname has at most {MAX_NICKNAME} characters")
    return name


def author_key(text: str) -> str:
    """A public key of 32 bytes in hexadecimal, lower case."""
    key = text.lower()
    if _KEY.fullmatch(key) is None:
        raise ValueError(f"{text!r} is no key: write 64 hexadecimal digits")
    return key


def port_check(text: str) -> str:
    """A URL with the port's place in it, or nothing."""
    if text and not (text.startswith(("http://", "https://")) and "{port}" in text):
        raise ValueError(f"{text!r} is no http or https URL with {{port}} in it")
    return text


def argv(words: Sequence[str]) -> None:
    """A command: the program's absolute path first, since no shell looks for it."""
    if words and not words[0].startswith("/"):
        raise ValueError(f"{words[0]!r}: the first word must be a program's absolute path")


def days(names: Sequence[str]) -> None:
    """Days of the week: one at least."""
    if not names:
        raise ValueError("there is no day in it: leave days out for every day")


def directories_differ(watched: Sequence[dict[str, Any]]) -> None:
    """Watched directories: each once."""
    seen = set()
    for each in watched:
        if each["directory"] in seen:
            raise ValueError(f"{each['directory']} is watched twice")
        seen.add(each["directory"])
