"""How fast a torrent may be: its own limits, those of its group, and those of the session."""

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from txtorrent.peer.limit import Limit
from txtorrent.peer.limiter import Limiter
from txtorrent.swarm.waitingline import Priority


@frozen(eq=False)
class CommonLimits:
    """Limits, both ways, of what torrents move together: all of a session, or a group of them."""

    download: Limit
    upload: Limit

    @classmethod
    def of(cls, clock: IReactorTime, download: float = 0, upload: float = 0) -> "CommonLimits":
        """Rates are bytes/s; 0 is no limit, `ratelimit.NOTHING` lets nothing pass."""
        return cls(Limit(download, clock), Limit(upload, clock))

    def set(self, download: float, upload: float) -> None:
        """Change both, at once."""
        self.download.rate, self.upload.rate = download, upload


@frozen
class Allowance:
    """What one torrent may. Rates are bytes/s, as in `CommonLimits.of`; with `honors_session` the
    session's limits hold as well, and the `group`'s in any case. `priority` decides who is first
    when a limit is too small for all that share it."""

    download: float = 0
    upload: float = 0
    honors_session: bool = True
    group: CommonLimits | None = None
    priority: Priority = Priority.NORMAL


class Limits:
    """The limits of one torrent. Its connections ask `download` and `upload`; what is shared with
    other torrents is known to it between `begin` and `end` only."""

    def __init__(self, allowance: Allowance, session: CommonLimits, clock: IReactorTime) -> None:
        self.allowance = allowance
        self._session = session
        self._own = CommonLimits.of(clock, allowance.download, allowance.upload)
        self._runs = False
        self.download = Limiter(self._own.download)
        self.upload = Limiter(self._own.upload)

    def set(self, allowance: Allowance) -> None:
        """Let it be so from now on, for what is under way too."""
        self.allowance = allowance
        self._own.set(allowance.download, allowance.upload)
        self._keep()

    def begin(self) -> None:
        """The torrent runs."""
        self._runs = True
        self._keep()

    def end(self) -> None:
        """It does not run any more: nobody else is to remember it."""
        self._runs = False
        self._keep()

    def _keep(self) -> None:
        allowance = self.allowance
        session = self._session if allowance.honors_session else None
        shared = (allowance.group, session) if self._runs else ()
        chain = [self._own, *(limits for limits in shared if limits is not None)]
        self.download.keep([limits.download for limits in chain], allowance.priority)
        self.upload.keep([limits.upload for limits in chain], allowance.priority)
