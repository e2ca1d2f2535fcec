"""Chat among real daemons, by the command as users run it: three in a line, the ends of which know
each other only by what the middle passes on, and transmission among them.
"""

import os
import shutil
import sys
from tempfile import mkdtemp
from typing import Any, Final

from twisted.internet.threads import deferToThread

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.clients import Transmission, Txtorrent
from tests.interop.programs import Program
from txtorrent.cli import endpoint
from txtorrent.cli.api import Api
from txtorrent.cli.client import Client

_COMMAND: Final = "from txtorrent.cli.main import main; main()"


class Talker(Txtorrent):
    """A daemon that tells nobody of others, and its user."""

    settings = "pex_enabled = false\ndht_enabled = false\n"

    def __init__(self, case: InteropCase) -> None:
        super().__init__(case)
        runtime = mkdtemp(prefix="tx-")  # a socket's path has room for 107 bytes only
        case.addCleanup(shutil.rmtree, runtime)
        self.control = f"unix:{os.path.join(runtime, 'control.sock')}"
        self._api = Api(Client(endpoint.parse(self.control)))

    def chat(self, *options: str) -> Program:
        """The command, which gets lines by `tell`."""
        argv = (sys.executable, "-c", _COMMAND, "--control", self.control, "chat", "1", *options)
        return self.case.run_program(Program("chat", argv, self.work))

    async def turn_on(self) -> None:
        """As a script would."""
        done = self.chat("--on")
        ended = done.ended(asked=True)
        done.transport.closeStdin()
        await ended
        self.case.assertEqual((done.status, done.output), (0, ""))

    async def ask(self, *fields: str) -> dict[str, Any]:
        """Fields of the torrent."""
        found: list[dict[str, Any]] = await deferToThread(self._api.torrents, fields)
        return found[0]

    async def speakers(self) -> int:
        return int((await self.ask("tx_chat_speakers"))["tx_chat_speakers"])

    async def history(self) -> list[str]:
        """What was said."""
        params = {"ids": [1]}
        found = await deferToThread(self._api.client.call, "tx_chat_get", params)
        return [each["text"] for each in found["messages"]]

    async def neighbours(self) -> set[str]:
        """Addresses that it is connected to."""
        return {peer["address"] for peer in (await self.ask("peers"))["peers"]}


class Chat(InteropCase):
    async def test_three_in_a_line(self) -> None:
        """And transmission, where it is installed, which downloads as if nothing was said."""
        other = Transmission(self) if Transmission.absent() is None else None
        sample, got = samples.make(self.work, "single"), self.folder("got")
        talkers = first, middle, last = Talker(self), Talker(self), Talker(self)
        places = [sample.write(self.folder("content")) for _ in talkers]
        if other is not None:
            await other.leech(sample, got)
        others = {other.host} if other is not None else set()
        await first.seed(sample, places[0], (other.address,) if other is not None else ())
        await last.seed(sample, places[2])
        await middle.seed(sample, places[1], (first.address, last.address))
        for talker in (first, last, middle):  # who turns it on last dials the others again
            await talker.turn_on()
        await self.until("the middle has company", lambda: self.has(middle, 2))
        await self.converse(first, middle, last)
        self.assertEqual(await first.neighbours(), {middle.host} | others)
        self.assertEqual(await last.neighbours(), {middle.host})
        if other is not None:
            await self.until("transmission has everything", other.is_complete)
            self.assertEqual(sample.differences(got), [])
            await other.stop()
        for talker in talkers:
            await talker.stop()

    async def has(self, talker: Talker, count: int) -> bool:
        return await talker.speakers() == count

    async def converse(self, first: Talker, middle: Talker, last: Talker) -> None:
        one = first.chat()
        one.tell("is anybody there? ☃")
        await self.until("the daemon took it", lambda: "there? ☃" in one.output)

        async def came() -> bool:
            return await last.history() == ["is anybody there? ☃"]

        await self.until("it comes to the last", came)
        two = last.chat("--json")
        two.tell("yes")
        await self.until("the answer comes to the first", lambda: ": yes\n" in one.output)
        one.tell("good")
        await self.until("and an answer to that", lambda: '"text": "good"' in two.output)
        self.assertEqual(await middle.history(), ["is anybody there? ☃", "yes", "good"])
        for program in (one, two):
            ended = program.ended(asked=True)
            program.transport.closeStdin()
            await ended
            self.assertEqual(program.status, 0, program.story())
        self.assertEqual(len(one.output.splitlines()), 3, one.output)
