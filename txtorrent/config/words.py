"""Texts of settings that several programs have: each function gives the form to be kept.

ValueError says what is wrong.
"""

import re
from typing import Final

_ENDPOINT: Final = re.compile(r"[a-z0-9]+:.+", re.ASCII)


def endpoint(text: str) -> str:
    """A server endpoint string; what it means is known only where it is listened on."""
    if _ENDPOINT.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no endpoint: write one as tcp:9091:interface=127.0.0.1")
    return text
