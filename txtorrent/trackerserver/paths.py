"""The paths of a tracker's URLs: /announce and /scrape, with a passkey in front /KEY/announce."""

from __future__ import annotations

from typing import Final

ANNOUNCE: Final = b"announce"
SCRAPE: Final = b"scrape"


def split_path(path: bytes) -> tuple[bytes | None, bytes]:
    """The passkey of a path, None where it has none, and its last part. A slash at the end, which
    people write behind any URL, is passed over."""
    folder, _, last = path.removesuffix(b"/").rpartition(b"/")
    return folder.removeprefix(b"/") or None, last


def passkey_of(target: bytes) -> bytes | None:
    """The passkey of a URL's path and query."""
    return split_path(target.partition(b"?")[0])[0] if target else None
