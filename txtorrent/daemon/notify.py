"""Tell the service manager how far we are, sd_notify(3): for units of ``Type=notify``."""

import socket
from collections.abc import Mapping
from typing import Final

from twisted.logger import Logger

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
VARIABLE: Final = "NOTIFY_SOCKET"
"""Path of a datagram socket; "@" begins one that is not in the file system."""

_log = Logger()


class ServiceManager:
    """Who started us; where nobody wants to know, nothing is sent."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        path = environ.get(VARIABLE, "")
        self._address = "\0" + path[1:] if path.startswith("@") else path

    def tell(self, state: str) -> None:
        """Send one line, at once; a manager that cannot be told is a warning, no more."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(state.encode("ascii"), self._address)
        except OSError as error:
            _log.warn(
                "could not tell the service manager {state}: {error}", state=state, error=error
            )
