"""Who says something to a swarm: an Ed25519 key (RFC 8032) that an installation makes once.

A key is its owner's name: nicknames are anybody's, and so people are shown a key's fingerprint.
"""

from base64 import b32encode
from hashlib import sha256
from secrets import token_bytes
from typing import Final, Self

from attrs import Factory, field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

SECRET: Final = 32
"""Bytes of a private key."""
_FINGERPRINT: Final = 10
"""Bytes of a key's digest that people see: to make another key with the same 80 bits takes longer
than anybody has, and 16 letters can be read out."""
_GROUP: Final = 4


@frozen
class Identity:
    """A key that signs. `secret` is kept by its owner, where nobody else may read it."""

    secret: bytes = field(repr=False)
    """32 bytes, or it is a ValueError."""
    _key: Ed25519PrivateKey = field(
        default=Factory(lambda self: Ed25519PrivateKey.from_private_bytes(self.secret), True),
        init=False,
        repr=False,
        eq=False,
    )

    @classmethod
    def make(cls) -> Self:
        """A new one. From the system's randomness, always: whoever guesses it can speak for us."""
        return cls(token_bytes(SECRET))

    @property
    def public(self) -> bytes:
        """32 bytes: what others know it by."""
        return self._key.public_key().public_bytes_raw()

    @property
    def fingerprint(self) -> str:
        """See the function."""
        return fingerprint(self.public)

    @property
    def nickname(self) -> str:
        """For who has chosen none."""
        return nickname(self.public)

    def sign(self, data: bytes) -> bytes:
        """A signature of 64 bytes."""
        return self._key.sign(data)


def is_genuine(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the key `public` (32 bytes) has signed `data`. Takes about 130 us."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public: bytes) -> str:
    """A key as people see and compare it: `k7xq-2fza-m4ue-owp3`."""
    letters = b32encode(sha256(public).digest()[:_FINGERPRINT]).decode().lower()
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def nickname(public: bytes) -> str:
    """What a key's owner is called who has chosen no name."""
    return f"guest-{fingerprint(public)[:_GROUP]}"
