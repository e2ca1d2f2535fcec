"""Reference peers in C, compiled with `cc` at first use."""

import os
import shutil
import subprocess
import tempfile
from typing import Final

HERE: Final = os.path.dirname(os.path.abspath(__file__))


def has_compiler() -> bool:
    """Whether there is a C compiler."""
    return shutil.which("cc") is not None


def compiled(name: str) -> str:
    """The program made of NAME.c in this directory; made anew when that is younger."""
    source = os.path.join(HERE, f"{name}.c")
    program = os.path.join(tempfile.gettempdir(), f"txtorrent-benchmarks-{os.getuid()}", name)
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(program), mode=0o700, exist_ok=True)
        subprocess.run(["cc", "-O2", "-o", program, source], check=True)
    return program
