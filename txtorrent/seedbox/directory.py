"""Where new content may go: links are followed first, then the directory is made.

Control compares texts only; whether a path stays in the allowed roots is known when the links in
it have been followed, and it is told before anything is changed.
"""

import os
from collections.abc import Sequence

from txtorrent.errors import Code, RequestError
from txtorrent.settings.settings import is_beneath


def check_directory(path: str, roots: Sequence[str]) -> str:
    """Where it really is. Blocks. RequestError: the text of `path` is beneath one of `roots`, and a
    link in it leads out of all of them."""
    real = os.path.realpath(path)
    if is_beneath(path, roots) and not is_beneath(real, map(os.path.realpath, roots)):
        raise RequestError(
            Code.INVALID_PARAMS, f"{path} leads to {real}, which is not in an allowed directory"
        )
    return real


def make_directory(path: str, roots: Sequence[str]) -> None:
    """The same, and make it where it is missing. RequestError: it cannot be made."""
    real = check_directory(path, roots)
    try:
        os.makedirs(real, exist_ok=True)
    except OSError as error:
        where = error.filename or path
        raise RequestError(Code.SYSTEM_ERROR, f"{where}: {error.strerror or error}") from None
