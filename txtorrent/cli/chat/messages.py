"""How messages, and those who speak, look in lines. Pure.

Nicknames are anybody's. So the beginning of the key's fingerprint stands first, where nobody can
write anything else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from txtorrent.cli.errors import plain

Message = Mapping[str, Any]
"""As tx_chat_get has it."""
Paint = Callable[[str, str], str]
"""Text in a style of rich's."""
_GROUP: Final = 4
"""Letters of a fingerprint that are shown of a speaker."""
_DAY: Final = 24 * 3600


def line(message: Message, now: float, paint: Paint) -> str:
    """ "12:03 k7xq ada: hello"; with the date if that was not within the last day."""
    at = datetime.fromtimestamp(message["time"])
    form = "%H:%M" if abs(now - message["time"]) < _DAY else "%Y-%m-%d %H:%M"
    when = paint(f"{at.strftime(form)} {message['fingerprint'][:_GROUP]}", "dim")
    who = paint(plain(message["nickname"]), "bold green" if message["is_ours"] else "bold")
    return f"{when} {who}: {plain(message['text'])}"


def company(count: int) -> str:
    """How many hear us directly."""
    them = {0: "nobody who speaks chat is", 1: "1 peer that speaks chat is"}.get(
        count, f"{count} peers that speak chat are"
    )
    return f"{them} connected"


def about(found: Mapping[str, Any]) -> str:
    """Who we are and how many hear us, of an answer of tx_chat_get."""
    us = f"you are {plain(found['nickname'])}, {found['fingerprint']}"
    return f"{us}; {company(len(found['speakers']))}"


def who(found: Mapping[str, Any], now: float) -> Iterator[str]:
    """Everything about everybody, of an answer of tx_chat_get."""
    yield about(found)
    for speaker in found["speakers"]:
        host = speaker["address"]
        where = f"[{host}]" if ":" in host else host
        yield f"  {where}:{speaker['port']} {plain(speaker['client_name'])}"
    last = {each["author"]: each for each in found["messages"] if not each["is_ours"]}
    if last:
        yield "heard of late:"
    for each in last.values():
        at = datetime.fromtimestamp(each["time"]).strftime("%H:%M")
        yield f"  {each['fingerprint']} {plain(each['nickname'])}, last at {at}"
    if found["muted"]:
        yield "muted:"
    for each in found["muted"]:
        yield f"  {each['fingerprint']}"


def named(word: str, authors: Iterable[Message]) -> Sequence[str]:
    """Fingerprints of those of the authors that begin with a word, each once."""
    wanted = word.lower().replace("-", "")
    found = dict.fromkeys(each["fingerprint"] for each in authors)
    return [each for each in found if each.replace("-", "").startswith(wanted)]
