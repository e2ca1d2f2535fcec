"""The methods that talk with the swarm of a torrent, all of them ours."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from txtorrent.control.chatview import ChatMessage
from txtorrent.control.context import Call
from txtorrent.control.dialect import Dialect
from txtorrent.control.method import IDS, Answer, Method, Result
from txtorrent.control.nested import Table, objects, spelt
from txtorrent.control.params import Param, text
from txtorrent.swarm.identity import fingerprint

MAX_ID: Final = 32
"""Digits of a message's id."""
MAX_AUTHOR: Final = 80
"""Characters of a key or of a fingerprint, however it is grouped."""


def _hex(attribute: str) -> Any:
    get = attrgetter(attribute)
    return lambda item: get(item).hex()


MESSAGE: Final[Table] = (
    ("id", "32 hexadecimal digits", _hex("id")),
    ("author", "key, 64 hexadecimal digits", _hex("author")),
    ("fingerprint", "string", attrgetter("fingerprint")),
    ("nickname", "string, not unique", attrgetter("nickname")),
    ("text", "string", attrgetter("text")),
    ("time", "epoch seconds, by the author's clock", attrgetter("time")),
    ("is_ours", "boolean", attrgetter("is_ours")),
)
SPEAKER: Final[Table] = (
    ("address", "string", attrgetter("address")),
    ("port", "integer", attrgetter("port")),
    ("client_name", "string", attrgetter("client")),
)
AUTHOR: Final[Table] = (
    ("author", "key, 64 hexadecimal digits", bytes.hex),
    ("fingerprint", "string", fingerprint),
)
COUNTERS: Final[Table] = tuple(
    (name, "integer", attrgetter(name))
    for name in (
        "sent", "accepted", "duplicates", "flooded", "crowded_out", "stale", "early", "muted",
        "empty", "forged", "later_version",
    )
)  # fmt: skip

CHAT_OBJECTS: Final[dict[str, Table]] = {
    "message, messages": MESSAGE,
    "speakers": SPEAKER,
    "muted": AUTHOR,
    "counters": COUNTERS,
}
"""For the documents."""


def shown(message: ChatMessage, dialect: Dialect) -> dict[str, Any]:
    """A message as clients get it, in answers and in events."""
    return _object(message, MESSAGE, dialect)


def send(call: Call) -> Answer:
    """Answered when it is on its way."""
    message = call.session.chat.send(call.only(), call.params["text"])
    return {"message": shown(message, call.dialect)}


def get(call: Call) -> Answer:
    """The oldest message first."""
    torrent, chat = call.only(), call.session.chat
    messages = _since(chat.history(torrent), call.params.get("since", ""))
    return {
        "messages": objects(messages, spelt(MESSAGE, call.dialect)),
        "speakers": objects(chat.speakers(torrent), spelt(SPEAKER, call.dialect)),
        "muted": objects(chat.muted, spelt(AUTHOR, call.dialect)),
        "counters": _object(chat.counters(torrent), COUNTERS, call.dialect),
        "author": chat.key.hex(),
        "fingerprint": chat.fingerprint,
        "nickname": chat.nickname,
    }


async def mute(call: Call) -> Answer:
    """Named by fingerprint or key."""
    return {"author": (await call.session.chat.mute(call.params["author"])).hex()}


async def unmute(call: Call) -> Answer:
    """The same."""
    return {"author": (await call.session.chat.unmute(call.params["author"])).hex()}


def _object(item: Any, table: Table, dialect: Dialect) -> dict[str, Any]:
    return objects([item], spelt(table, dialect))[0]


def _since(messages: Sequence[ChatMessage], known: str) -> Sequence[ChatMessage]:
    """Those behind the one that is known; all if that is forgotten."""
    for place, message in enumerate(messages):
        if message.id.hex() == known.lower():
            return messages[place + 1 :]
    return messages


_AUTHOR: Final = Param(
    "author",
    text(MAX_AUTHOR),
    "A fingerprint, of somebody who was heard since the daemon started, or a key.",
    required=True,
)
_KEY: Final = Result("author", "64 hexadecimal digits", "The key.")

CHAT_METHODS: Final[tuple[Method, ...]] = (
    Method(
        "tx_chat_send",
        "Say something to everybody in a torrent's swarm who speaks chat. An error if nobody who"
        " does is connected.",
        (
            IDS,
            Param(
                "text",
                text(),
                "At most 1000 characters; what cannot be seen is left out.",
                required=True,
            ),
        ),
        (Result("message", "object", "As it was sent."),),
        send,
    ),
    Method(
        "tx_chat_get",
        "Tell what was said in a torrent's swarm, and who can be talked to.",
        (IDS, Param("since", text(MAX_ID), "The id of a message: those behind it.")),
        (
            Result("messages", "list of objects", "At most 200, in the order of their coming."),
            Result("speakers", "list of objects", "The connected peers that speak chat."),
            Result("muted", "list of objects", "Authors who are not heard, in any torrent."),
            Result("counters", "object", "Messages, by what became of them."),
            Result("author", "64 hexadecimal digits", "Our key."),
            Result("fingerprint", "string", "Of our key."),
            Result("nickname", "string", "What others see us called."),
        ),
        get,
    ),
    Method(
        "tx_chat_mute",
        "Hear somebody no more, in any torrent, and pass on nothing of theirs. Kept as the setting"
        " `tx_chat_muted`.",
        (_AUTHOR,),
        (_KEY,),
        mute,
    ),
    Method("tx_chat_unmute", "Hear somebody again.", (_AUTHOR,), (_KEY,), unmute),
)
