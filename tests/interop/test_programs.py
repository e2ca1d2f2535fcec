"""The ground under the other tests: programs that hang, fail or fall silent do not hold them up."""

import sys

from tests.interop.case import InteropCase
from tests.interop.programs import Program

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(600)"


class ProgramTests(InteropCase):
    def program(self, code: str) -> Program:
        argv = [sys.executable, "-u", "-c", code]
        return self.run_program(Program("python", argv, self.work))

    async def test_who_does_not_listen_is_killed(self) -> None:
        program = self.program(STUBBORN)
        await self.until("it is up", lambda: "up" in program.output)
        await program.end(grace=0.1)
        self.assertEqual(-9, program.status)

    async def test_a_failure_shows_what_the_program_said(self) -> None:
        self.program("raise SystemExit('no luck today')")
        with self.assertRaises(self.failureException) as caught:
            await self.until("pigs fly", lambda: False)
        self.assertIn("ended while waiting for: pigs fly", str(caught.exception))
        self.assertIn("no luck today", str(caught.exception))
        self.assertIn("ended with 1", str(caught.exception))

    async def test_waiting_ends(self) -> None:
        self.program(STUBBORN.replace("SIG_IGN", "SIG_DFL"))
        with self.assertRaises(self.failureException) as caught:
            await self.until("pigs fly", lambda: False, limit=0.3)
        self.assertIn("waited 0 s for: pigs fly", str(caught.exception))
