"""Bandwidth groups as the control API shows them; they are kept in the setting `groups`."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

_NAMES: Final = {
    "download_limit": "speed_limit_down",
    "download_limited": "speed_limit_down_enabled",
    "upload_limit": "speed_limit_up",
    "upload_limited": "speed_limit_up_enabled",
    "honors_session_limits": "honors_session_limits",
}
"""Names here, and those of the settings."""


@frozen
class Group:
    """Limits that the torrents of a group share; bytes/s."""

    name: str
    download_limit: int
    download_limited: bool
    upload_limit: int
    upload_limited: bool
    honors_session_limits: bool


def groups(setting: Mapping[str, Mapping[str, Any]]) -> dict[str, Group]:
    """All groups, by name."""
    return {
        name: Group(name, **{ours: values[theirs] for ours, theirs in _NAMES.items()})
        for name, values in setting.items()
    }


def with_group(
    setting: Mapping[str, Mapping[str, Any]], name: str, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The setting with a group made or changed."""
    group = dict(setting.get(name, {})) | {_NAMES[key]: value for key, value in changes.items()}
    return {**setting, name: group}
