"""How slow this machine is just now: the same small work, timed again and again.

Virtual machines share caches and memory with strangers. Within one day the same code took half as
long again here, so microseconds say little without what they were measured with.
"""

import socket
import time
from collections.abc import Sequence
from statistics import median
from typing import Final

USUAL: Final = 4.6
"""Microseconds of CPU that a step takes on the machine that the budgets were taken on."""
_BLOCK: Final = 16384
_STEPS: Final = 20_000


def step_time() -> float:
    """Microseconds of CPU to send and receive 16 KiB, and a little Python: a tenth of a second."""
    one, other = socket.socketpair()
    block, buffer, filed = bytes(_BLOCK), bytearray(_BLOCK), {}
    with one, other:
        began = time.thread_time()
        for number in range(_STEPS):
            one.send(block)
            other.recv_into(buffer)
            filed[number % 128] = bytes(buffer[:64])
        return (time.thread_time() - began) / _STEPS * 1e6


def slowness(times: Sequence[float]) -> float:
    """By what factor microseconds are longer here; never below 1, and 1 where nothing was timed."""
    return max(1.0, median(times) / USUAL) if times else 1.0
