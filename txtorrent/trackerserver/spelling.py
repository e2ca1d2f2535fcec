"""Keys of a settings file in snake_case or in camelCase: read alike, and named as written.

Only for files in which no name is the user's own.
"""

import re
from typing import Any, Final

from txtorrent.config.document import Keys
from txtorrent.config.records import Bad

_HUMP: Final = re.compile(r"(?<=[a-z0-9])[A-Z]", re.ASCII)


def snake_case(name: str) -> str:
    """torrent_file of torrentFile; what is neither stays as it is."""
    return _HUMP.sub(lambda hump: f"_{hump[0].lower()}", name)


def in_snake_case(value: Any, keys: Keys = ()) -> Any:
    """A document with all its keys so. Bad, whose path is as written, when a key is there in both
    spellings."""
    if isinstance(value, list):
        return [in_snake_case(each, (*keys, index)) for index, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    spelled: dict[str, Any] = {}
    for name, each in value.items():
        snake = snake_case(name)
        if snake in spelled:
            raise Bad((*keys, name), f"{snake!r} is there twice, in two spellings: write one")
        spelled[snake] = in_snake_case(each, (*keys, name))
    return spelled


def as_written(document: Any, keys: Keys) -> Keys:
    """The way through the document as it was written, of one through `in_snake_case` of it."""
    written: list[str | int] = []
    for key in keys:
        if isinstance(document, dict):
            if key not in document:
                key = next((name for name in document if snake_case(name) == key), key)
            document = document.get(key)
        elif isinstance(document, list) and isinstance(key, int):
            document = document[key]
        written.append(key)
    return tuple(written)
