"""The peers that are C programs, compiled at first use."""

import os
import shutil
import subprocess
import sys
import tempfile
from typing import Final

HERE: Final = os.path.dirname(os.path.abspath(__file__))


def compiler() -> str | None:
    """The path of a C compiler, if there is one."""
    return shutil.which("cc")


def no_compiler() -> str | None:
    """Why a work that has to have one cannot be done here, or None."""
    return None if compiler() else "its peers are C programs, and there is no compiler (install cc)"


def compiled(name: str) -> str:
    """The program of NAME.c in this directory, compiled again when that is newer."""
    source = os.path.join(HERE, f"{name}.c")
    program = os.path.join(tempfile.gettempdir(), f"txtorrent-benchmarks-{os.getuid()}", name)
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(program), mode=0o700, exist_ok=True)
        new = f"{program}.{os.getpid()}"
        subprocess.run([compiler() or "cc", "-O2", "-o", new, source], check=True)
        os.rename(new, program)  # another process may want to run it just now
    return program


def sink_command() -> list[str]:
    """sink.c, compiled, or sink.py where there is no C compiler."""
    if compiler() is None:
        return [sys.executable, os.path.join(HERE, "sink.py")]
    return [compiled("sink")]


def sink_name() -> str:
    """For titles: it matters which one it is."""
    return "sink.c" if compiler() else "sink.py (slower than sink.c: install cc)"
