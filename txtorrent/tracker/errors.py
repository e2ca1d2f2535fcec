"""What goes wrong before a tracker's answer is there, in words that may be logged.

The texts are our own: those of the libraries may hold a URL, and with it a passkey.
"""

from __future__ import annotations

from collections.abc import Iterator

from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet import error as network
from twisted.internet.defer import CancelledError

from txtorrent.wire.announce import TrackerError


class UnreachableError(TrackerError):
    """Nothing came back, or no connection could be made: the host's fault or the network's."""


class TimedOutError(UnreachableError):
    """Nothing came back in time."""


class RestingError(UnreachableError):
    """Not even asked, since the host did not answer others lately; `wait` seconds from now."""

    def __init__(self, text: str, wait: float) -> None:
        super().__init__(text, wait)
        self.wait = wait


_TEXTS: tuple[tuple[type[Exception], type[TrackerError], str], ...] = (
    (VerificationError, TrackerError, "its TLS certificate is for another host"),
    (TLSError, TrackerError, "its TLS certificate was not accepted"),
    (network.ConnectionRefusedError, UnreachableError, "the connection was refused"),
    (network.TimeoutError, TimedOutError, "the connection timed out"),
    (network.DNSLookupError, UnreachableError, "its name cannot be resolved"),
    (network.ConnectBindError, UnreachableError, "the interface's address cannot be used"),
    (network.ConnectError, UnreachableError, "there is no way to it"),
    (network.ConnectionClosed, UnreachableError, "the connection ended before the answer did"),
)


def explained(error: Exception) -> Exception:
    """Give the TrackerError for what an HTTP request failed with.

    A cancelled request stays one; what is not known here is a fault of ours, unchanged.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, TrackerError):
            return cause
        if isinstance(cause, CancelledError | network.ConnectingCancelledError):
            return CancelledError()
    for kind, fault, text in _TEXTS:
        for cause in causes:
            if isinstance(cause, kind):
                return fault(f"the tracker does not answer: {_detailed(text, cause)}")
    if len(causes) > 1:
        return TrackerError("the tracker does not answer in proper HTTP")
    return error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give the error and what Twisted's HTTP client has wrapped into it."""
    yield error
    for reason in getattr(error, "reasons", ()):
        yield from _causes(reason.value)


def _detailed(text: str, cause: BaseException) -> str:
    """Add OpenSSL's reason, as in "certificate verify failed"."""
    if isinstance(cause, TLSError) and cause.args and isinstance(cause.args[0], list):
        reasons = ", ".join(entry[-1] for entry in cause.args[0])
        return f"{text} ({reasons})" if reasons else text
    return text
