"""The reference of the API in `docs/control-api.rst`, written from the tables.

python -m txtorrent.control.reference docs/control-api.rst
"""

import sys
from collections.abc import Iterable, Iterator
from typing import Final

from txtorrent.control import nested
from txtorrent.control.chatmethods import CHAT_OBJECTS
from txtorrent.control.dhtmethods import DHT_OBJECTS
from txtorrent.control.dialect import legacy_field, legacy_key
from txtorrent.control.fields import FIELDS, Field
from txtorrent.control.method import Method
from txtorrent.control.methods import METHODS
from txtorrent.control.nested import Table
from txtorrent.control.params import Param
from txtorrent.control.preferences import PREFERENCES, Preference
from txtorrent.control.sourcemethods import SOURCE_OBJECTS
from txtorrent.errors import Code

MARK: Final = ".. Written by txtorrent.control.reference from here on: change the tables instead."
OBJECTS: Final[dict[str, Table]] = {
    "files": nested.FILE,
    "file_stats": nested.FILE_STATS,
    "peers": nested.PEER,
    "peers_from": nested.PEERS_FROM,
    "trackers": nested.TRACKER,
    "tracker_stats": nested.TRACKER_STATS,
    "webseeds_ex": nested.WEBSEED,
    "tx_move": nested.MOVE,
    **SOURCE_OBJECTS,
    **DHT_OBJECTS,
    **CHAT_OBJECTS,
}


def render() -> str:
    """Everything behind the mark."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from _heading("Methods", "-")
    for method in METHODS.values():
        yield from _method(method)
    yield from _heading("Fields of torrents", "-")
    for field in FIELDS.values():
        yield from _field(field)
    yield from _heading("Objects in them", "-")
    for name, table in OBJECTS.items():
        yield from _heading(name, "^")
        for member, type_, _ in table:
            yield from _item(member, legacy_field(member), type_, ())
    yield from _heading("Settings and facts of the session", "-")
    for preference in PREFERENCES.values():
        yield from _preference(preference)
    yield from _heading("Codes of errors", "-")
    for code in Code:
        yield f"``{code.value}``"
        yield f"    {code.name.lower().replace('_', ' ')}"
        yield ""


def _heading(text: str, line: str) -> Iterator[str]:
    yield from (text, line * len(text), "")


def _method(method: Method) -> Iterator[str]:
    yield from _heading(method.name, "^")
    yield f"{method.doc} Legacy: ``{legacy_key(method.name)}``."
    yield ""
    yield from _section("Parameters", (_param(param) for param in method.params))
    yield from _section(
        "Answers",
        (
            _item(
                result.name,
                legacy_field(result.name) if result.is_field else legacy_key(result.name),
                result.type,
                [result.doc],
            )
            for result in method.results
        ),
    )


def _section(title: str, items: Iterable[Iterable[str]]) -> Iterator[str]:
    lines = [line for item in items for line in item]
    if lines:
        yield from (f"{title}:", "", *lines)


def _param(param: Param) -> Iterator[str]:
    spelt = legacy_field(param.name) if param.is_field else legacy_key(param.name)
    needed = ["Required."] if param.required else []
    return _item(param.name, spelt, param.kind.text, [param.doc, *needed])


def _field(field: Field) -> Iterator[str]:
    return _item(field.name, legacy_field(field.name), field.type, [field.doc])


def _preference(preference: Preference) -> Iterator[str]:
    words = [preference.doc] if preference.is_settable else [preference.doc, "Read only."]
    name = preference.name
    return _item(name, legacy_key(name), preference.kind.text, words)


def _item(name: str, spelt: str, type_: str, words: Iterable[str]) -> Iterator[str]:
    """A term of a definition list, with its legacy spelling where that is another one."""
    other = f", legacy ``{spelt}``" if spelt != name else ""
    yield f"``{name}``{other}" + (f": {type_}" if type_ else "")
    yield "    " + (" ".join(_quoted(word) for word in words) or "\\ ")
    yield ""


def _quoted(text: str) -> str:
    """Names that are marked for readers of the source, marked for Sphinx."""
    return text.replace("`", "``")


def rewritten(page: str) -> str:
    """A page with what is behind its mark made anew."""
    return page.partition(MARK)[0] + MARK + "\n\n" + render()


def main(path: str) -> None:
    """Write it."""
    with open(path, encoding="utf-8") as file:
        page = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(rewritten(page))


if __name__ == "__main__":
    main(sys.argv[1])
