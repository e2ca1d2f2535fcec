"""Imports go downwards only: the floors of the house, enforced on every import of every module.

The rule above all: add a room to FLOORS when one is built, and never an exception for one module.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent
PACKAGE = "txtorrent"

# The rooms of each floor, lowest first. Rooms of one floor do not know each other, but for the
# ground floor's. `tap` stands above all others: it puts them together.
FLOORS = (
    ("bencode", "bitfield", "address", "units", "errors"),
    ("metainfo", "config"),
    ("wire", "swarm", "storage", "waiting"),
    ("peer", "extension", "tracker", "dht", "discovery", "webseed"),
    ("torrent",),
    ("session", "supervised", "peersources", "settings", "seedbox"),
    ("control", "trackerserver", "cli", "daemon"),
    ("trackerservice",),
    ("tap", "trackertap"),
)
# Floors whose rooms may import each other: words that everyone uses, and all torrents.
OPEN_FLOORS = (0, 5)
# Rooms that may use less than all below them.
ONLY = {
    "trackerserver": (
        "bencode",
        "bitfield",
        "address",
        "units",
        "config",
        "wire",
        "supervised",
    ),
    "cli": ("bencode", "bitfield", "address", "units", "metainfo"),
}
# The only ones that may take the reactor from where Twisted keeps it.
REACTOR_ROOMS = ("tap", "trackertap", "cli")
# What floor 2 may use of Twisted: results that come later and logging, nothing that does I/O.
FLOOR_2_TWISTED = (
    "twisted.internet.defer",
    "twisted.internet.interfaces",
    "twisted.logger",
    "twisted.python",
)
PLUGIN_IMPORTS = ("twisted.application.service",)


@dataclass(frozen=True)
class Import:
    """Module `source` imports `target`; `names` are the names taken from it.

    `typing`: for the type checker only, so not at run time."""

    source: str
    line: int
    target: str
    names: tuple[str, ...] = ()
    typing: bool = False

    def __str__(self) -> str:
        names = f" ({', '.join(self.names)})" if self.names else ""
        return f"{self.source}:{self.line} imports {self.target}{names}"

    @property
    def targets(self) -> list[str]:
        """Every dotted name that may be a module: of `from a import b`, a and a.b."""
        return [self.target, *(f"{self.target}.{name}" for name in self.names)]


def imports_of(module: str, source: str, is_package: bool = False) -> Iterator[Import]:
    """All imports of a module, wherever in it they stand."""
    tree = ast.parse(source, module)
    typing = set(map(id, only_for_typing(tree)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, node.lineno, alias.name, (), id(node) in typing)
        elif isinstance(node, ast.ImportFrom):
            target = absolute(module, node, is_package)
            names = tuple(alias.name for alias in node.names)
            yield Import(module, node.lineno, target, names, id(node) in typing)


def only_for_typing(tree: ast.AST) -> Iterator[ast.AST]:
    """What stands in an `if TYPE_CHECKING:`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for each in node.body:
                yield from ast.walk(each)


def absolute(module: str, node: ast.ImportFrom, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join([*base, *([node.module] if node.module else [])])


def room_of(module: str) -> str | None:
    """The room of a module of ours; None for one of others and for the package itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 else None


def floor_of(room: str) -> int | None:
    return next((floor for floor, rooms in enumerate(FLOORS) if room in rooms), None)


def is_within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def rooms_imported(each: Import) -> list[str]:
    """Of `from txtorrent import session` as of `import txtorrent.session`."""
    targets = each.targets if each.target == PACKAGE else [each.target]
    return [room for target in targets if (room := room_of(target)) is not None]


def floor_faults(each: Import) -> Iterator[str]:
    """Why an import of ours by ours breaks the rule of the floors."""
    here = room_of(each.source)
    if here is None or (floor := floor_of(here)) is None:
        return
    for room in rooms_imported(each):
        below = floor_of(room)
        if room == here:
            continue
        if below is None:
            if each.target != PACKAGE:
                yield f"{each}: no floor has a room {room}"
        elif below > floor:
            yield f"{each}: upwards, from floor {floor} to {below}"
        elif below == floor and floor not in OPEN_FLOORS:
            yield f"{each}: sideways on floor {floor}"
        elif here in ONLY and room not in ONLY[here]:
            yield f"{each}: {here} uses {', '.join(ONLY[here])} only"


def twisted_faults(each: Import) -> Iterator[str]:
    """Why an import of Twisted breaks the rule of the floors."""
    here = room_of(each.source)
    if not is_within(each.target, ("twisted",)):
        return
    if "twisted.internet.reactor" in each.targets and here not in REACTOR_ROOMS:
        yield f"{each}: the reactor is passed in"
    floor = floor_of(here) if here is not None else 0
    if floor in (0, 1):
        yield f"{each}: no Twisted on floor {floor}"
    elif floor == 2 and not all(is_within(name, FLOOR_2_TWISTED) for name in leaves(each)):
        yield f"{each}: floor 2 uses {', '.join(FLOOR_2_TWISTED)} only"


def leaves(each: Import) -> list[str]:
    """The dotted names that an import gives."""
    return [f"{each.target}.{name}" for name in each.names] or [each.target]


def unknown_rooms(modules: Mapping[str, str]) -> Iterator[str]:
    for module in modules:
        room = room_of(module)
        if room is not None and floor_of(room) is None:
            yield f"{module}: on no floor"


def cycles(modules: Mapping[str, str], imports: list[Import]) -> Iterator[str]:
    """Modules that import each other in a circle, each circle once.

    Two modules of a room may name each other's types: that is no circle at run time."""
    graph: dict[str, list[str]] = {module: [] for module in modules}
    for each in imports:
        if each.typing:
            continue
        names = [f"{each.target}.{name}" for name in each.names]
        found = [name for name in names if name in graph]
        if each.target in graph and (len(found) < len(names) or not names):
            found.append(each.target)
        graph[each.source].extend(name for name in found if name != each.source)
    done: set[str] = set()
    for start in graph:
        yield from _circles(graph, start, [], done)


def _circles(
    graph: Mapping[str, list[str]], module: str, path: list[str], done: set[str]
) -> Iterator[str]:
    if module in path:
        yield " -> ".join([*path[path.index(module) :], module])
    elif module not in done:
        for target in graph[module]:
            yield from _circles(graph, target, [*path, module], done)
        done.add(module)


def faults(modules: Mapping[str, str], packages: frozenset[str] = frozenset()) -> list[str]:
    """All that is wrong with the imports of these modules (dotted name -> source)."""
    imports = [
        each
        for module, source in modules.items()
        for each in imports_of(module, source, module in packages)
    ]
    found = [*unknown_rooms(modules)]
    for each in imports:
        found += [*floor_faults(each), *twisted_faults(each)]
    return found + [f"a circle: {circle}" for circle in cycles(modules, imports)]


def plugin_faults(module: str, source: str) -> list[str]:
    """A plugin is read by every twistd on the machine: it imports next to nothing."""
    return [
        f"{each}: a plugin imports {', '.join(PLUGIN_IMPORTS)} only"
        for each in imports_of(module, source)
        if not any(is_within(name, PLUGIN_IMPORTS) for name in (each.target, *leaves(each)))
    ]


def read(folder: Path) -> tuple[dict[str, str], frozenset[str]]:
    """The modules beneath a folder, and which of them are packages."""
    modules: dict[str, str] = {}
    packages = set()
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules[name] = path.read_text(encoding="utf-8")
        if is_package:
            packages.add(name)
    return modules, frozenset(packages)


class House(SynchronousTestCase):
    """The real modules."""

    def test_floors(self):
        modules, packages = read(ROOT / PACKAGE)
        self.assertIn("txtorrent.bencode", modules)
        self.assertEqual(faults(modules, packages), [])

    def test_plugins(self):
        for path in sorted((ROOT / "twisted" / "plugins").glob("*.py")):
            self.assertEqual(plugin_faults(path.stem, path.read_text(encoding="utf-8")), [])


# (module, its source, a part of the fault it has; None: it has none)
PLANTED = [
    ("metainfo.files", "from txtorrent.bitfield import Bitfield", None),
    ("bitfield", "import txtorrent.address", None),
    ("wire.stream", "import txtorrent.metainfo.pieces", None),
    ("torrent.life", "from txtorrent.peer.protocol import PeerProtocol", None),
    ("session", "from txtorrent import torrent, settings", None),
    ("tap", "from txtorrent.session import Session", None),
    ("tap", "from txtorrent import control, session", None),
    ("peer.protocol", "from . import factory\nfrom .factory import x", None),
    ("cli", "from txtorrent.metainfo import create", None),
    ("bitfield", "from txtorrent.metainfo.files import File", "upwards, from floor 0 to 1"),
    ("wire.stream", "import txtorrent.peer.protocol", "upwards, from floor 2 to 3"),
    ("wire.stream", "from ..peer import protocol", "upwards, from floor 2 to 3"),
    ("wire.stream", "from txtorrent import peer", "upwards, from floor 2 to 3"),
    ("wire.stream", "from txtorrent.swarm.picker import x", "sideways on floor 2"),
    ("swarm", "from txtorrent.storage import disk", "sideways on floor 2"),
    ("storage.disk", "def f():\n    import txtorrent.swarm.picker", "sideways on floor 2"),
    ("peer", "from txtorrent.tracker.http import x", "sideways on floor 3"),
    ("webseed", "if TYPE_CHECKING:\n    from txtorrent.dht import node", "sideways on floor 3"),
    ("control.api", "from txtorrent.cli import main", "sideways on floor 6"),
    ("control.api", "from txtorrent.tap import Options", "upwards, from floor 6 to 8"),
    ("trackerserver", "from txtorrent.session import Session", "trackerserver uses"),
    ("trackerserver.config", "from txtorrent.settings.table import SETTINGS", "trackerserver uses"),
    ("trackerserver.config", "from txtorrent.config.records import Setting", None),
    ("cli", "from txtorrent.torrent.life import Torrent", "cli uses"),
    ("garage", "", "on no floor"),
    ("peer", "from txtorrent.garage import car", "no floor has a room garage"),
    ("address", "from twisted.python.compat import x", "no Twisted on floor 0"),
    ("metainfo.files", "import twisted.internet.defer", "no Twisted on floor 1"),
    ("storage.disk", "from twisted.internet.defer import Deferred", None),
    ("storage.disk", "from twisted.internet import defer, interfaces", None),
    ("storage.disk", "from twisted.python.failure import Failure", None),
    ("storage.disk", "from twisted.logger import Logger", None),
    ("storage.disk", "from twisted.internet import defer, task", "floor 2 uses"),
    ("storage.disk", "from twisted.internet.protocol import Protocol", "floor 2 uses"),
    ("storage.disk", "import twisted.internet", "floor 2 uses"),
    ("peer", "from twisted.internet.protocol import Protocol", None),
    ("peer", "from twisted.internet import reactor", "the reactor is passed in"),
    ("session", "import twisted.internet.reactor as r", "the reactor is passed in"),
    ("session", "from twisted.internet.reactor import callLater", "the reactor is passed in"),
    ("tap", "from twisted.internet import reactor", None),
    ("cli.main", "def main():\n    from twisted.internet import reactor", None),
]


class Planted(SynchronousTestCase):
    """What breaks the rules is found, and nothing else is."""

    def test_one_module(self):
        for module, source, fault in PLANTED:
            found = faults({f"{PACKAGE}.{module}": source})
            if fault is None:
                self.assertEqual(found, [], f"{module}: {source}")
            else:
                self.assertEqual(len(found), 1, f"{module}: {source}: {found}")
                self.assertIn(fault, found[0])

    def test_a_fault_says_where(self):
        found = faults({"txtorrent.wire.stream": "import os\nfrom txtorrent.peer import x"})
        self.assertTrue(found[0].startswith("txtorrent.wire.stream:2 imports txtorrent.peer (x)"))

    def test_relative_imports_of_a_package(self):
        modules = {"txtorrent.wire": "from ..peer import x\nfrom . import stream"}
        found = faults(modules, frozenset(modules))
        self.assertEqual(len(found), 1)
        self.assertIn("txtorrent.wire:1 imports txtorrent.peer", found[0])

    def test_circles(self):
        for sources, circle in [
            ({"a": "from txtorrent.wire import b", "b": "import os"}, []),
            (
                {"a": "from txtorrent.wire.b import x", "b": "from txtorrent.wire import a"},
                ["a circle: txtorrent.wire.a -> txtorrent.wire.b -> txtorrent.wire.a"],
            ),
            (
                {"a": "from . import b", "b": "from . import c", "c": "from .b import x"},
                ["a circle: txtorrent.wire.b -> txtorrent.wire.c -> txtorrent.wire.b"],
            ),
            ({"a": "from . import b, c", "b": "from . import c", "c": ""}, []),
            ({"a": "from . import b", "b": "if TYPE_CHECKING:\n    from . import a"}, []),
        ]:
            modules = {f"txtorrent.wire.{name}": source for name, source in sources.items()}
            self.assertEqual(faults(modules), circle)

    def test_plugin(self):
        for source, wrong in [
            ("from twisted.application.service import ServiceMaker", 0),
            ("from twisted.application import service", 0),
            ("import twisted.application.service", 0),
            ("from twisted.application import internet", 1),
            ("from txtorrent.tap import makeService", 1),
            ("import os, sys", 2),
        ]:
            self.assertEqual(len(plugin_faults("plugin", source)), wrong, source)
