"""Folders for the storage's tests, and torrents laid out by a table."""

import os
import shutil
import subprocess
import tempfile

from txtorrent.metainfo.files import File
from txtorrent.metainfo.pieces import Geometry
from txtorrent.storage.content import Content
from txtorrent.storage.filepool import FilePool


def folder(test):
    """A new folder's path, of this test only."""
    os.makedirs(os.path.dirname(test.mktemp()), exist_ok=True)
    return tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(test.mktemp())))


def memory_folder(test):
    """A new folder where an fsync costs nothing, if this machine has one."""
    if not os.access("/dev/shm", os.W_OK):
        return folder(test)
    path = tempfile.mkdtemp(dir="/dev/shm")
    test.addCleanup(shutil.rmtree, path, ignore_errors=True)
    return path


def tmpfs(test, size):
    """A folder with a file system of its own, of `size` bytes, for as long as the test runs."""
    path = folder(test)
    if os.getuid():
        test.skipTest("only root may mount a file system")
    options = f"size={size}"
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", path], capture_output=True, check=False
    )
    if mount.returncode:
        test.skipTest("this machine lets nothing be mounted")
    unmount_after(test, path)
    return path


def unmount_after(test, path):
    """Have a mounted file system go with the test, also when something of it is still open."""
    test.addCleanup(subprocess.run, ["umount", "-l", path], capture_output=True, check=False)


def files(*rows):
    """Files end to end, from rows of ("a/path", length); a path of "" is a pad."""
    found, offset = [], 0
    for path, length in rows:
        components = tuple(path.split("/")) if path else (".pad", str(length))
        found.append(File(components, length, offset, pad=not path))
        offset += length
    return tuple(found)


def content(root, rows, piece_length=16384, pool=None):
    """A torrent's content; nothing is created."""
    laid = files(*rows)
    return Content(root, laid, Geometry(piece_length, laid[-1].end), pool or FilePool(8))


def noise(length, seed=0):
    """Bytes that look random and are always the same."""
    import random

    return random.Random(seed).randbytes(length)


def plant(root, *paths):
    """Make files of a few bytes, and the folders above them."""
    for path in paths:
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as file:
            file.write(path)


def tree(root):
    """Every path below `root`, sorted."""
    found = []
    for folder_path, folders, names in os.walk(root):
        found += [os.path.relpath(os.path.join(folder_path, n), root) for n in folders + names]
    return sorted(found)


def open_descriptors():
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))
