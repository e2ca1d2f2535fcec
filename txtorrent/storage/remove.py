"""Deleting a torrent's data: its own files, then folders of its own that are empty by then.

Never the root, never what is not the torrent's: a link or a folder where a file should be stays,
and so does a folder that holds anything else.  Doing it again after a kill ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

from attrs import define, field

from txtorrent.storage.beneath import Beneath, Path
from txtorrent.storage.disk import Lane

# Files of a job: a torrent may have 200,000, and the lane has others waiting.
JOB_FILES = 200


async def remove(beneath: Beneath, paths: Sequence[Path], lane: Lane) -> None:
    """Delete the regular files at `paths`, then the folders above them that are empty, durably.

    What cannot be deleted does not keep the rest from it; then the first such error is raised, an
    OSError.  StorageMissing when the root is not there.
    """
    job = _Removal(beneath)
    files = iter(paths)
    while batch := list(islice(files, JOB_FILES)):
        await lane.run(job.remove_files, batch)
    # The deepest first: what is emptied by that can go itself.
    folders = iter(sorted(folders_of(paths), key=len, reverse=True))
    while batch := list(islice(folders, JOB_FILES)):
        await lane.run(job.remove_folders, batch)
    await lane.run(job.sync)
    if job.error is not None:
        raise job.error


def folders_of(paths: Iterable[Path]) -> set[Path]:
    """Every folder above the paths, without the root."""
    found: set[Path] = set()
    for path in paths:
        for above in _above(path):
            if above in found:
                break
            found.add(above)
    return found


def _above(path: Path) -> Iterator[Path]:
    return (path[:depth] for depth in range(len(path) - 1, 0, -1))


@define(eq=False)
class _Removal:
    beneath: Beneath
    error: OSError | None = field(init=False, default=None)  # the first

    def remove_files(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self._attempt(self.beneath.unlink, path)

    def remove_folders(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self._attempt(self.beneath.remove_folder, path)

    def sync(self) -> None:
        for folder in sorted(self.beneath.take_changed()):
            self._attempt(self._sync_folder, folder)

    def _sync_folder(self, folder: Path) -> None:
        with suppress(FileNotFoundError):  # somebody else removed it
            self.beneath.sync_folder(folder)

    def _attempt(self, act: Callable[[Path], object], path: Path) -> None:
        try:
            act(path)
        except OSError as error:
            self.error = self.error or error
