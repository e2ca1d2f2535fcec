"""What the connections of one torrent ask, in one direction, before a block passes.

What must stay true: a block passes when every limit that applies has been paid for it, and each
waiter stands in one line at a time: that of the first limit, in their order, that has no room. The
limits before that one it has paid already, so that waiting for one never costs it its part of
another: it gets the least of what each of them alone would give it.
"""

from collections.abc import Sequence

from txtorrent.metainfo.pieces import BLOCK
from txtorrent.peer.limit import Limit, Waiter
from txtorrent.swarm.waitingline import Priority


class Limiter:
    """Keeps `limits`, the torrent's own first; `rate` is the least of theirs, 0 if none has one.

    A waiter is called once, when its turn has come: it spends what one block needs and waits
    again if it has more. Nothing need be asked while `rate` is 0.
    """

    __slots__ = ("_binding", "_limits", "_paid", "_priority", "_standing", "rate")

    def __init__(self, *limits: Limit) -> None:
        self.rate: float = 0
        self._limits: tuple[Limit, ...] = ()
        self._binding: tuple[Limit, ...] = ()
        self._priority = Priority.NORMAL
        self._standing: dict[Waiter, int] = {}
        self._paid = 0
        self.keep(limits)

    def keep(self, limits: Sequence[Limit], priority: Priority = Priority.NORMAL) -> None:
        """From now on keep these limits, one at the least; `priority` counts where others wait
        too."""
        waiting = self.pause()
        for limit in self._limits:
            limit.forget(self)
        for limit in limits:
            limit.keep(self)
        self._limits, self._priority = tuple(limits), priority
        self.go_on(waiting)

    # -- what passes -------------------------------------------------------------------------

    def take(self, size: int) -> bool:
        """Whether `size` bytes may pass now; never before those who wait in line."""
        if not self.rate:
            return True
        for limit in self._binding:
            if not limit.has_room:
                return False
        self._pay(size)
        return True

    def spend(self, size: int) -> None:
        """Let `size` bytes pass, in a waiter's turn."""
        paid, self._paid = self._paid, 0
        self._pay(size - paid)

    def give_back(self, size: int) -> None:
        """Bytes that were taken and did not pass after all."""
        for limit in self._binding:
            limit.give_back(size)

    # -- waiting -----------------------------------------------------------------------------

    def wait(self, waiter: Waiter) -> None:
        """Call `waiter` in its turn, when something may pass."""
        if waiter not in self._standing and self._pays(waiter, 0):
            self.give_back(BLOCK)
            self._stand(waiter, 0)

    def leave(self, waiter: Waiter) -> None:
        """Do not call `waiter` any more."""
        number = self._standing.pop(waiter, None)
        if number is not None:
            self._binding[number].leave(self, waiter)
            for limit in self._binding[:number]:
                limit.give_back(BLOCK)

    # -- peer.limit.Limited --------------------------------------------------------------------

    def pause(self) -> Sequence[Waiter]:
        """Have nobody wait, and give back what they paid; who waited."""
        waiting = tuple(self._standing)
        for waiter in waiting:
            self.leave(waiter)
        return waiting

    def go_on(self, waiting: Sequence[Waiter]) -> None:
        """Have them wait where they have to, now that a rate has changed.

        Without any rate the first limit is there to stand at: its turns come at once.
        """
        binding = tuple(limit for limit in self._limits if limit.rate)
        self.rate = min((limit.rate for limit in binding), default=0)
        self._binding = binding or self._limits[:1]
        for waiter in waiting:
            self.wait(waiter)

    def turn(self, waiter: Waiter) -> None:
        """The limit at which it stood lets a block pass: on to the next one, or through."""
        number = self._standing.pop(waiter)
        self._binding[number].spend(BLOCK)
        if self._pays(waiter, number + 1):
            self._paid = BLOCK
            try:
                waiter()
            finally:
                if self._paid:
                    self.give_back(self._paid)
                    self._paid = 0

    # -- inside ------------------------------------------------------------------------------

    def _pays(self, waiter: Waiter, first: int) -> bool:
        """Pay the limits from the one numbered `first` on; False: one of them makes it wait."""
        for number in range(first, len(self._binding)):
            if not self._binding[number].has_room:
                self._stand(waiter, number)
                return False
            self._binding[number].spend(BLOCK)
        return True

    def _stand(self, waiter: Waiter, number: int) -> None:
        self._standing[waiter] = number
        self._binding[number].wait(self, waiter, self._priority)

    def _pay(self, size: int) -> None:
        for limit in self._binding:
            limit.spend(size)
