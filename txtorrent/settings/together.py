"""What must be right of several settings together."""

from collections.abc import Callable
from typing import Any


class Contradiction(ValueError):
    """A setting makes no sense beside another; `name` is the one to be changed."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(reason)
        self.name = name


def contradiction(get: Callable[[str], Any]) -> None:
    """Raise the first Contradiction among the settings that `get` gives by name."""
    if get("incomplete_dir_enabled") and not get("incomplete_dir"):
        raise Contradiction("incomplete_dir_enabled", "incomplete_dir_enabled needs incomplete_dir")
    for one, other in (
        ("control_username", "control_password"),
        ("control_password", "control_username"),
    ):
        if get(one) and not get(other):
            raise Contradiction(one, f"{_key(one)} needs {_key(other)}")


def _key(name: str) -> str:
    return name.partition("_")[2]
