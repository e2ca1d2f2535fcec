"""Items that the DHT stores: immutable ones, and mutable ones that are signed (BEP 44). Pure."""

from __future__ import annotations

from hashlib import sha1
from typing import Final

from attrs import frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from txtorrent.bencode import NETWORK_DEPTH, NETWORK_TOKENS, BencodeError, decode, encode

MAX_VALUE: Final = 1000
"""Bytes of a value in its bencoded form (BEP 44)."""
MAX_SALT: Final = 64
"""Bytes of a salt (BEP 44)."""
KEY_SIZE: Final = 32
"""Bytes of a public key, and of the seed of a private one."""
SIGNATURE_SIZE: Final = 64


@frozen
class Item:
    """`value` is bencoded. A mutable item has a key of 32 bytes and a signature of 64; an
    immutable one has neither, and no sequence number."""

    value: bytes
    key: bytes = b""
    signature: bytes = b""
    seq: int = 0
    salt: bytes = b""

    @property
    def is_mutable(self) -> bool:
        """Whether it is signed and may be replaced."""
        return bool(self.key)

    @property
    def target(self) -> bytes:
        """The 20 bytes that it is found under."""
        if self.is_mutable:
            return mutable_target(self.key, self.salt)
        return immutable_target(self.value)

    @property
    def is_canonical(self) -> bool:
        """Whether the value is what bencoding would make of it, as for keys out of order it is
        not."""
        try:
            value = decode(self.value, max_depth=NETWORK_DEPTH, max_tokens=NETWORK_TOKENS)
        except BencodeError:
            return False
        return encode(value) == self.value

    @property
    def is_signed(self) -> bool:
        """Whether the signature is the key's, of this value, salt and number; takes 0.1 ms."""
        try:
            key = Ed25519PublicKey.from_public_bytes(self.key)
            key.verify(self.signature, signed_bytes(self.value, self.seq, self.salt))
        except (InvalidSignature, ValueError):
            return False
        return True


def immutable_target(value: bytes) -> bytes:
    """Where an immutable item of this bencoded value is found."""
    return sha1(value).digest()


def mutable_target(key: bytes, salt: bytes) -> bytes:
    """Where the mutable item of a public key and a salt is found."""
    return sha1(key + salt).digest()


def signed_bytes(value: bytes, seq: int, salt: bytes) -> bytes:
    """What the signature of a mutable item is of (BEP 44, "Signature Verification")."""
    salted = b"4:salt%d:%s" % (len(salt), salt) if salt else b""
    return b"%s3:seqi%de1:v%s" % (salted, seq, value)


def public_key(private_key: bytes) -> bytes:
    """The public key of a private one, both of 32 bytes; ValueError for another length."""
    private = Ed25519PrivateKey.from_private_bytes(private_key)
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(private_key: bytes, value: bytes, seq: int, salt: bytes = b"") -> Item:
    """The mutable item of a bencoded value, signed with an ed25519 seed of 32 bytes.

    ValueError for a key of another length."""
    private = Ed25519PrivateKey.from_private_bytes(private_key)
    signature = private.sign(signed_bytes(value, seq, salt))
    return Item(value, public_key(private_key), signature, seq, salt)
