"""The works that only we are measured at: what one scenario of them is, and all of them."""

from collections.abc import Callable
from typing import Final

from attrs import frozen

from benchmarks.budgets import OURS
from benchmarks.native import no_compiler
from benchmarks.work import Bench

MANY_PEERS: Final = ("--max-peers", "300")
"""Options: more than any scenario has."""


@frozen
class OwnScenario:
    """`measure` makes one run and returns its figures; `lacks` says why it cannot be done here."""

    name: str
    title: str
    measure: Callable[[Bench], dict[str, float]]
    lacks: Callable[[], str | None] = no_compiler
    client: str = OURS
    """Under what name it is filed."""
