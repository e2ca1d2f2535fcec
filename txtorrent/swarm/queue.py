"""Which torrents run: the download queue and the seed queue.

The governing rule: nothing flaps. As time passes torrents are only started. One that runs keeps
its place until it ends, the user stops it, or the user makes the queue shorter. A torrent that is
complete leaves the one queue and needs a place in the other.
"""

from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Final, Generic, TypeVar

from attrs import define, field, frozen

K = TypeVar("K", bound=Hashable)


class Queue(Enum):
    """Which queue a torrent stands in."""

    DOWNLOAD = "download"
    SEED = "seed"


@frozen
class Entry(Generic[K]):
    """A torrent that is to run, now or when there is a place. Those that are stopped have none.

    `needs` is the queue for what it does or would do; `runs_in` the queue that let it run,
    None while it waits. `idle` is how many seconds it has run without progress: pieces while
    downloading, uploaded blocks while seeding. `forced` is one that was started "now": it runs
    at once, and takes a place all the same.
    """

    key: K
    position: int
    needs: Queue
    runs_in: Queue | None = None
    idle: float = 0.0
    forced: bool = False


@frozen
class Rules:
    """How many may run (None: all), and after how many seconds without progress one no longer
    counts (None: never)."""

    downloads: int | None = None
    seeds: int | None = None
    stalled: float | None = None

    def places(self, queue: Queue) -> int | None:
        """How many may run in a queue."""
        return self.downloads if queue is Queue.DOWNLOAD else self.seeds


@define
class Decision(Generic[K]):
    """What is to be done: torrents that are to run from now on in the queue that they need
    (those that run already need only be noted as such), and those that are to wait."""

    run: list[K] = field(factory=list)
    wait: list[K] = field(factory=list)


def decide(entries: Iterable[Entry[K]], rules: Rules, shorten: bool = False) -> Decision[K]:
    """Who is to run and who is to wait, as things stand.

    `shorten`: the user changed the rules, so also those that run too many are to wait, the last
    positions first.
    """
    decision: Decision[K] = Decision()
    sorted_out: dict[Queue, list[Entry[K]]] = {queue: [] for queue in Queue}
    for entry in entries:
        sorted_out[entry.needs].append(entry)
    for queue, standing in sorted_out.items():
        _decide(standing, queue, rules, shorten, decision)
    return decision


def is_stalled(entry: Entry[K], rules: Rules) -> bool:
    """Whether it runs and no longer counts."""
    runs = entry.runs_in is entry.needs
    return runs and rules.stalled is not None and entry.idle >= rules.stalled


def _decide(
    standing: list[Entry[K]], queue: Queue, rules: Rules, shorten: bool, decision: Decision[K]
) -> None:
    """For one queue."""
    newcomers = [each for each in standing if each.runs_in is not queue]
    forced = [each for each in newcomers if each.forced]
    places = rules.places(queue)
    if places is None:
        decision.run.extend(each.key for each in newcomers)
        return
    counted = [e for e in standing if e.runs_in is queue and not is_stalled(e, rules)]
    free = places - len(counted) - len(forced)
    waiting = sorted((e for e in newcomers if not e.forced), key=_position)
    decision.run.extend(each.key for each in forced)
    decision.run.extend(each.key for each in waiting[: max(0, free)])
    decision.wait.extend(e.key for e in waiting[max(0, free) :] if e.runs_in is not None)
    if shorten and free < 0:
        leaving = sorted((e for e in counted if not e.forced), key=_position)
        decision.wait.extend(each.key for each in leaving[free:])


def _position(entry: Entry[K]) -> int:
    return entry.position


# -- positions -----------------------------------------------------------------------------------


class Move(Enum):
    """Where torrents go in the order of the queue; among themselves they keep theirs."""

    TOP = "top"
    UP = "up"
    DOWN = "down"
    BOTTOM = "bottom"


_AHEAD: Final = (Move.TOP, Move.UP)


def moved(order: Sequence[K], chosen: AbstractSet[K], move: Move) -> list[K]:
    """The order after a move of the chosen ones."""
    if move not in _AHEAD:
        mirrored = Move.TOP if move is Move.BOTTOM else Move.UP
        return moved(order[::-1], chosen, mirrored)[::-1]
    if move is Move.TOP:
        return sorted(order, key=lambda key: key not in chosen)
    result = list(order)
    for index in range(1, len(result)):
        if result[index] in chosen and result[index - 1] not in chosen:
            result[index - 1 : index + 1] = result[index], result[index - 1]
    return result


def placed(order: Sequence[K], key: K, position: int) -> list[K]:
    """The order after one torrent went to a position from 0; beyond the end is the end."""
    result = [each for each in order if each != key]
    result.insert(max(0, position), key)
    return result
