"""A gate that many pass together, until somebody needs to be alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from attrs import define, field


@define(eq=False)
class Gate:
    """Thread safe.  Who holds it shut need not be the thread that shut it."""

    _inside: int = field(init=False, default=0)
    _shut: bool = field(init=False, default=False)
    _changed: Condition = field(init=False, factory=Condition)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Within it the gate is not shut.  Blocks while it is.  Not to be nested."""
        with self._changed:
            self._changed.wait_for(lambda: not self._shut)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within it nobody passes."""
        self.shut()
        try:
            yield
        finally:
            self.open()

    def shut(self) -> None:
        """Let nobody in, and wait until all have left.  Blocks also while another has it shut."""
        with self._changed:
            self._changed.wait_for(lambda: not self._shut)
            self._shut = True
            self._changed.wait_for(lambda: not self._inside)

    def open(self) -> None:
        """Let them in again.  Never blocks for long."""
        with self._changed:
            self._shut = False
            self._changed.notify_all()
