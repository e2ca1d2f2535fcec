"""Connection ids of UDP trackers, of which nothing has to be remembered (BEP 15).

An id is when it was given, and a keyed hash of that and of the address it was given to. Who has one
has received our answer there, so packets with it have no false sender.
"""

from __future__ import annotations

from hashlib import blake2b
from hmac import compare_digest
from typing import Final

LIFE: Final = 120
"""Seconds for which an id is good (BEP 15); clients use one for half of that."""
SECRET_SIZE: Final = 32
"""Bytes."""
_STAMP_SIZE: Final = 2
"""Bytes of an id that say when: seconds, of which the higher ones follow from what time it is."""
_STAMPS: Final = 1 << 8 * _STAMP_SIZE
_HASH_SIZE: Final = 6
"""Bytes of an id that nobody can guess: with 100,000 packets a second it would take 90 years."""


class ConnectionIds:
    """Gives ids and knows them again. Times are whole seconds of one clock."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = blake2b(key=secret, digest_size=_HASH_SIZE)

    def issue(self, host: bytes, now: int) -> bytes:
        """The 8 bytes for who asks from this address, 4 or 16 bytes."""
        stamp = (now % _STAMPS).to_bytes(_STAMP_SIZE, "big")
        return stamp + self._hash(now.to_bytes(8, "big") + host)

    def is_valid(self, connection: bytes, host: bytes, now: int) -> bool:
        """Whether an id was given to this address within `LIFE`."""
        age = (now - (connection[0] << 8 | connection[1])) % _STAMPS
        if age > LIFE or age > now:
            return False
        expected = self._hash((now - age).to_bytes(8, "big") + host)
        return compare_digest(connection[_STAMP_SIZE:], expected)

    def _hash(self, issued: bytes) -> bytes:
        keyed = self._keyed.copy()
        keyed.update(issued)
        return keyed.digest()
