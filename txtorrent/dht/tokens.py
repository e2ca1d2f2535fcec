"""Tokens: a node that stores something with us has to be at the address that it asked from (BEP 5).

THREATS C2: nobody is signed up by others.
"""

from __future__ import annotations

from hashlib import blake2b
from hmac import compare_digest
from random import Random
from typing import Final

from txtorrent.address import packed

ROTATION: Final = 300.0
"""Seconds that a secret makes tokens; those of the one before are accepted as well."""
TOKEN_SIZE: Final = 8
"""Bytes: guessing takes longer than a secret lives, whatever the line."""
_SECRET_SIZE: Final = 32


class Tokens:
    """Makes and checks tokens. `random` must not be guessable (random.SystemRandom)."""

    def __init__(self, random: Random, now: float) -> None:
        self._random = random
        self._secrets = [random.randbytes(_SECRET_SIZE), random.randbytes(_SECRET_SIZE)]
        self._made_at = now

    def token(self, host: str, now: float) -> bytes:
        """The token for a node at this IP address."""
        self._rotate(now)
        return _digest(self._secrets[0], host)

    def is_good(self, token: bytes, host: str, now: float) -> bool:
        """Whether we gave this token to this IP address, at most ten minutes ago."""
        self._rotate(now)
        return any(compare_digest(_digest(secret, host), token) for secret in self._secrets)

    def _rotate(self, now: float) -> None:
        missed = int((now - self._made_at) / ROTATION)
        if missed > 0:
            self._made_at += missed * ROTATION
            for _ in range(min(missed, 2)):
                self._secrets = [self._random.randbytes(_SECRET_SIZE), self._secrets[0]]


def _digest(secret: bytes, host: str) -> bytes:
    return blake2b(packed(host), key=secret, digest_size=TOKEN_SIZE).digest()
