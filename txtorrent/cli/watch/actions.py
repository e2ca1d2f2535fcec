"""What a key does: one table, which the screen's help is made from too.

Most keys act at once. `/` takes text until Enter, and what removes asks first: until then the
answer, and not the table, gets the keys.
"""

from collections.abc import Callable
from typing import Final

from attrs import define

from txtorrent.cli import state
from txtorrent.cli.api import Api, Torrent
from txtorrent.cli.errors import Failed, plain
from txtorrent.cli.watch.model import Model

_LONGEST_FILTER: Final = 200
"""Characters: what is pasted by mistake has an end."""


@define
class Keys:
    """Gives keys their meaning. `page` is how many rows the screen has now."""

    model: Model
    api: Api
    page: int = 10
    is_over: bool = False
    is_typing: bool = False
    """Keys are the text of the filter."""
    _question: Callable[[], None] | None = None

    def press(self, key: str) -> None:
        """Do what the key is for; what goes wrong is the model's message."""
        if key == "interrupt":
            self.is_over = True
        elif self._question is not None:
            self._answer(key)
        elif self.is_typing:
            self._type(key)
        else:
            self.model.message = ""
            self._do(key)

    @property
    def is_asking(self) -> bool:
        """Whether a question waits for y or n."""
        return self._question is not None

    def _do(self, key: str) -> None:
        move = self._moves().get(key)
        if move is not None:
            self.model.move(move)
        elif key in _VIEW:
            _VIEW[key](self)
        elif key in _ACTS and self.model.current is not None:
            self._try(lambda torrent: _ACTS[key](self, torrent))

    def _moves(self) -> dict[str, int]:
        everything = len(self.model.rows)
        return {
            "up": -1, "k": -1, "down": 1, "j": 1, "pageup": -self.page, "pagedown": self.page,
            "home": -everything, "g": -everything, "end": everything, "G": everything,
        }  # fmt: skip

    def _try(self, act: Callable[[Torrent], None]) -> None:
        torrent = self.model.current
        if torrent is None:
            return
        try:
            act(torrent)
        except Failed as error:
            self.model.message = plain(error.message.replace("\n", " "))

    # -- the filter ----------------------------------------------------------------------------

    def type_filter(self) -> None:
        self.is_typing = True

    def _type(self, key: str) -> None:
        text = self.model.text
        if key == "enter":
            self.is_typing = False
        elif key == "escape":
            self.is_typing = False
            self.model.filter("")
        elif key == "backspace":
            self.model.filter(text[:-1])
        elif len(key) == 1 and len(text) < _LONGEST_FILTER:
            self.model.filter(text + key)

    # -- what is done to the chosen torrent ------------------------------------------------------

    def toggle(self, torrent: Torrent) -> None:
        if state.is_running(torrent):
            self.order("torrent_stop", "stopped", torrent)
        else:
            self.order("torrent_start", "started", torrent)

    def order(self, method: str, done: str, torrent: Torrent) -> None:
        self.api.on(method, [torrent])
        self.model.message = f"{done} {plain(torrent['name'])}"

    def ask_to_remove(self, torrent: Torrent, delete_data: bool) -> None:
        what = "and DELETE ITS CONTENT" if delete_data else "(its content stays)"
        self.model.message = f"remove {plain(torrent['name'])} {what}? y/n"
        self._question = lambda: self._remove(torrent, delete_data)

    def _remove(self, torrent: Torrent, delete_data: bool) -> None:
        self.api.on("torrent_remove", [torrent], delete_local_data=delete_data)
        self.model.message = f"removed {plain(torrent['name'])}"
        self.model.update((), [torrent["id"]])

    def _answer(self, key: str) -> None:
        question, self._question = self._question, None
        self.model.message = ""
        if key in ("y", "Y") and question is not None:
            self._try(lambda torrent: question())

    def leave(self) -> None:
        self.is_over = True


_VIEW: Final[dict[str, Callable[[Keys], None]]] = {
    "q": Keys.leave,
    "/": Keys.type_filter,
    "escape": lambda keys: keys.model.filter(""),
    "o": lambda keys: keys.model.next_order(),
    "r": lambda keys: keys.model.turn(),
    "f": lambda keys: keys.model.next_kind(),
}
_ACTS: Final[dict[str, Callable[[Keys, Torrent], None]]] = {
    " ": Keys.toggle,
    "enter": Keys.toggle,
    "n": lambda keys, torrent: keys.order("torrent_start_now", "started", torrent),
    "v": lambda keys, torrent: keys.order("torrent_verify", "verifying", torrent),
    "a": lambda keys, torrent: keys.order("torrent_reannounce", "announcing", torrent),
    "+": lambda keys, torrent: keys.order("queue_move_up", "up in the queue:", torrent),
    "-": lambda keys, torrent: keys.order("queue_move_down", "down in the queue:", torrent),
    "x": lambda keys, torrent: keys.ask_to_remove(torrent, False),
    "X": lambda keys, torrent: keys.ask_to_remove(torrent, True),
}
HELP: Final = (
    ("↑↓", "choose"), ("space", "start/stop"), ("/", "filter"), ("f", "state"), ("o", "order"),
    ("r", "reverse"), ("n", "start now"), ("v", "verify"), ("a", "announce"), ("+-", "queue"),
    ("x", "remove"), ("X", "with content"), ("q", "quit"),
)  # fmt: skip
"""Keys and what they are for, the most wanted first."""
