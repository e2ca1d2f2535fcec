"""The file with the key that items in the DHT are signed with: an ed25519 seed in hexadecimal.

The key itself is on no command line, where everybody on the machine could read it.
"""

import os
import secrets
import stat
from typing import Final

from txtorrent.cli.errors import Failed, Misused
from txtorrent.cli.octets import KEY_SIZE, digits

LONGEST: Final = 1024
"""Bytes that are read: the key and blanks around it."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def make(path: str) -> str:
    """Write a new key into a file that is not there yet, for its owner alone; the key."""
    key = secrets.token_hex(KEY_SIZE)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise Misused(f"{path} is there already: use it without --new-key") from None
    except OSError as error:
        raise Failed(f"{path}: the key cannot be kept there: {error.strerror}") from error
    return key


def read(path: str) -> str:
    """The key in a file. Misused: it is none, or others could have read it."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(LONGEST).decode("ascii", "replace")
    except FileNotFoundError:
        raise Misused(f"{path}: no such file; --new-key makes it") from None
    except OSError as error:
        raise Misused(f"{path}: {error.strerror}") from error
    if mode & _OTHERS:
        raise Misused(f"{path} is open to others, and so is the key: chmod 600 it")
    key = digits(text.strip())
    if len(key) != 2 * KEY_SIZE:
        raise Misused(f"{path} is no key file: that has {2 * KEY_SIZE} hexadecimal digits")
    return key
