"""The talk itself: waits for lines and for messages, sends the ones and shows the others.

A message is shown once, however often it comes: as the answer to what was sent, as an event, and
again when a connection was broken.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from select import select
from typing import Any, Final

from txtorrent.cli.api import Torrent
from txtorrent.cli.chat.listening import Listening
from txtorrent.cli.chat.messages import Message, Paint, about, company, line, named, who
from txtorrent.cli.chat.typing import Typing
from txtorrent.cli.errors import Failed, plain
from txtorrent.cli.shell import Shell
from txtorrent.cli.stream import Event

_REFUSED: Final = "Invalid params: "
"""What the API says first of all refusals; who has just typed a line knows that it is about it."""
_REMEMBERED: Final = 1000
"""Messages that are recognised when they come again; the daemon keeps 200."""
HELP: Final = (
    "/who                who is there, who was heard, who is muted",
    "/mute FINGERPRINT   hear somebody no more; the beginning of it will do",
    "/unmute FINGERPRINT",
    "/nick NAME          be called so from now on, in all torrents; without NAME: as what",
    "/quit               leave; Ctrl-D does the same",
    "//...               a line that begins with a slash",
)


class Talk:
    """One torrent's. `is_lively`: somebody is there to read more than messages, to give commands
    and to try again."""

    def __init__(
        self, shell: Shell, torrent: Torrent, typing: Typing, paint: Paint | None, is_lively: bool
    ) -> None:
        """Without `paint` messages are shown as JSON."""
        self._shell = shell
        self._torrent = torrent
        self._typing = typing
        self._paint = paint
        self._is_lively = is_lively
        self._is_left = False
        self._is_cut = False
        self._company = 0
        self._known: deque[str] = deque(maxlen=_REMEMBERED)
        self._waiting: list[Event | str] = []

    def run(self) -> None:
        """Until there are no more lines, or the user leaves. Failed: it cannot go on."""
        listening = Listening(self._shell)
        listening.begin()
        try:
            self._go_on(listening)
        finally:
            listening.end()

    def _go_on(self, listening: Listening) -> None:
        while not any(isinstance(each, Event) for each in self._waiting):
            self._waiting += listening.news()
        self._greet()
        self._hear(self._waiting)
        while not (self._is_left or self._typing.is_over):
            sources: list[Listening | Typing] = [listening, self._typing]
            readable, _, _ = select(sources, [], [])
            if listening in readable:
                self._hear(listening.news())
            if self._typing in readable:
                for text in self._typing.read():
                    self._typed(text)

    # -- what comes ----------------------------------------------------------------------------

    def _greet(self) -> None:
        """Show what was said before; a program that sends is not asked to read it."""
        found = self._ask()
        if not self._is_lively:
            self._known.extend(each["id"] for each in found["messages"])
            return
        for message in found["messages"]:
            self._show(message)
        self._company = len(found["speakers"])
        self._note(about(found))

    def _hear(self, news: list[Event | str]) -> None:
        for each in news:
            if isinstance(each, str):
                self._note(each)
                self._is_cut = True
                continue
            if self._is_cut:
                self._note("connected again")
                self._is_cut = False
            if each.kind == "reset":
                for message in self._ask(since=self._known[-1] if self._known else "")["messages"]:
                    self._show(message)
            elif each.data.get("hash_string") == self._torrent["hash_string"]:
                self._happened(each.kind, each.data)

    def _happened(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "chat_message":
            self._show(data["message"])
        elif kind == "torrent_removed":
            raise Failed(f"{self._torrent['name']} was removed")
        fields = data.get("fields", {})
        if fields.get("tx_chat") is False:
            self._note("chat was turned off: nothing is heard or sent until it is on again")
        count = fields.get("tx_chat_speakers", self._company)
        if self._is_lively and count != self._company:
            self._company = count
            self._note(company(count))

    # -- what is typed -------------------------------------------------------------------------

    def _typed(self, text: str) -> None:
        if not text.strip() or self._is_left:
            return
        try:
            if self._is_lively and text.startswith("/") and not text.startswith("//"):
                self._command(*text[1:].strip().partition(" ")[::2])
            else:
                self._send(text[1:] if self._is_lively and text.startswith("//") else text)
        except Failed as error:
            if not self._is_lively:
                raise
            self._note(error.message.removeprefix(_REFUSED))

    def _send(self, text: str) -> None:
        sent = self._shell.api.on("tx_chat_send", [self._torrent], text=text)
        self._show(sent["message"])

    def _command(self, name: str, argument: str) -> None:
        command = _COMMANDS.get(name)
        if command is None:
            self._note(f"there is no /{name}: /help lists what there is")
        else:
            command(self, argument.strip())

    def who(self, argument: str) -> None:
        for each in who(self._ask(), self._shell.now()):
            self._note(each)

    def mute(self, argument: str) -> None:
        found = self._ask()
        others = [each for each in found["messages"] if not each["is_ours"]]
        self._change_hearing("mute", argument, others)

    def unmute(self, argument: str) -> None:
        self._change_hearing("unmute", argument, self._ask()["muted"])

    def _change_hearing(self, what: str, word: str, among: list[Message]) -> None:
        """Fingerprints may be cut short where they fit one author only."""
        fitting = named(word, among) if word else []
        if len(fitting) > 1:
            self._note(f"{len(fitting)} fit {word!r}: {', '.join(fitting)}")
        elif word:
            author = fitting[0] if fitting else word
            self._shell.api.call(f"tx_chat_{what}", author=author)
            self._note(f"{author} is {what}d")
        else:
            self._note(f"/{what}: whom? /who shows fingerprints")

    def nick(self, argument: str) -> None:
        if argument:
            self._shell.api.call("session_set", tx_chat_nickname=argument)
        self._note(f"you are {self._ask()['nickname']}")

    def help(self, argument: str) -> None:
        for each in HELP:
            self._note(each)

    def quit(self, argument: str) -> None:
        self._is_left = True

    # -- inside --------------------------------------------------------------------------------

    def _ask(self, **params: Any) -> dict[str, Any]:
        return self._shell.api.on("tx_chat_get", [self._torrent], **params)

    def _show(self, message: Message) -> None:
        if message["id"] not in self._known:
            self._known.append(message["id"])
            self._typing.show(
                json.dumps(message)
                if self._paint is None
                else line(message, self._shell.now(), self._paint)
            )

    def _note(self, text: str) -> None:
        """Something that nobody has said."""
        self._typing.note(plain(text))


_COMMANDS: Final[dict[str, Callable[[Talk, str], None]]] = {
    "who": Talk.who,
    "mute": Talk.mute,
    "unmute": Talk.unmute,
    "nick": Talk.nick,
    "help": Talk.help,
    "quit": Talk.quit,
}
