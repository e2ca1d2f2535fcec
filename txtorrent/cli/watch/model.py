"""What the screen shows: the torrents, the one that is chosen, filter, order, rates so far. Pure.

The chosen torrent stays chosen by its hash, wherever the order puts it.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

from attrs import define, field

from txtorrent.cli import state
from txtorrent.cli.api import NAMES, Torrent
from txtorrent.cli.columns import USUAL, fields, ordered

HISTORY: Final = 120
"""Rates kept for the graphs, one a question: two minutes."""
ORDERS: Final = ("name", "state", "done", "down", "up", "ratio", "size", "added", "queue")
"""Columns that the key for the order goes through."""
KINDS: Final = ("", "active", "downloading", "seeding", "stopped", "incomplete", "warning")
"""States that the key for the state goes through; "" is all."""
FIELDS: Final = tuple(
    sorted({*NAMES, *fields(USUAL), *state.FIELDS, "added_date", "queue_position"})
)


@define
class Model:
    """State of the screen. Change it by its methods."""

    order: str = "name"
    backwards: bool = False
    text: str = ""
    """Only names with this in them."""
    kind: str = ""
    """Only torrents of this state, one of KINDS."""
    chosen: str | None = None
    """Hash of the torrent that keys act on."""
    message: str = ""
    """One line below the table: what was done, or went wrong."""
    rates: deque[tuple[float, float]] = field(factory=lambda: deque(maxlen=HISTORY))
    """Down and up of all torrents together, bytes/s, the newest last."""
    _torrents: dict[int, Torrent] = field(factory=dict)
    _rows: list[Torrent] = field(factory=list)

    def replace(self, torrents: Iterable[Torrent]) -> None:
        """These are all torrents that there are."""
        self._torrents = {torrent["id"]: torrent for torrent in torrents}
        self._measure()

    def update(self, changed: Iterable[Torrent], removed: Iterable[int]) -> None:
        """These have changed or are new, and those are gone."""
        self._torrents.update((torrent["id"], torrent) for torrent in changed)
        for number in removed:
            self._torrents.pop(number, None)
        self._measure()

    def _measure(self) -> None:
        torrents = self._torrents.values()
        down = sum(torrent.get("rate_download") or 0 for torrent in torrents)
        up = sum(torrent.get("rate_upload") or 0 for torrent in torrents)
        self.rates.append((down, up))
        self.arrange()

    def arrange(self) -> None:
        """Filter and sort anew, and choose a torrent if the chosen one is not among the rows."""
        at = self.index
        folded = self.text.casefold()
        self._rows = ordered(
            (
                torrent
                for torrent in self._torrents.values()
                if folded in torrent["name"].casefold()
                and (not self.kind or state.matches(torrent, self.kind))
            ),
            self.order,
            self.backwards,
        )
        if self.index is None and self._rows:
            self.choose(at or 0)
        elif not self._rows:
            self.chosen = None

    @property
    def rows(self) -> Sequence[Torrent]:
        """The torrents shown, in order."""
        return self._rows

    @property
    def count(self) -> int:
        """Torrents that there are, shown or not."""
        return len(self._torrents)

    @property
    def index(self) -> int | None:
        """The row of the chosen torrent."""
        for index, torrent in enumerate(self._rows):
            if torrent["hash_string"] == self.chosen:
                return index
        return None

    @property
    def current(self) -> Torrent | None:
        """The chosen torrent."""
        index = self.index
        return None if index is None else self._rows[index]

    def choose(self, index: int) -> None:
        """The torrent of a row, or of the first or last if there is no such row."""
        if self._rows:
            within = min(max(index, 0), len(self._rows) - 1)
            self.chosen = self._rows[within]["hash_string"]

    def move(self, rows: int) -> None:
        """Choose the torrent so many rows further down."""
        self.choose((self.index or 0) + rows)

    def next_order(self) -> None:
        self.order = _after(ORDERS, self.order)
        self.arrange()

    def turn(self) -> None:
        """The order the other way round."""
        self.backwards = not self.backwards
        self.arrange()

    def next_kind(self) -> None:
        self.kind = _after(KINDS, self.kind)
        self.arrange()

    def filter(self, text: str) -> None:
        self.text = text
        self.arrange()

    def window(self, height: int) -> tuple[int, Sequence[Torrent]]:
        """The rows that fit, with the chosen one in the middle where that is possible, and the
        number of the first."""
        first = max(0, min((self.index or 0) - height // 2, len(self._rows) - height))
        return first, self._rows[first : first + height]


def _after(values: Sequence[Any], value: Any) -> Any:
    return values[(values.index(value) + 1) % len(values)]
