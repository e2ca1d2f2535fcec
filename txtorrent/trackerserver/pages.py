"""What the tracker shows of itself: a page for people, and metrics for Prometheus.

To those addresses only that the settings name: how much is shared here is not everybody's business.
They are answered while the store is lost, too: then they are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import nlargest
from itertools import accumulate
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from txtorrent.trackerserver.interfaces import SIZES, Reason, Refused, Totals
from txtorrent.trackerserver.passkeys import Passkeys
from txtorrent.trackerserver.paths import ANNOUNCE, SCRAPE, split_path
from txtorrent.trackerserver.tracker import Tracker
from txtorrent.trackerserver.webrequest import WebRequest, WebResponse
from txtorrent.units import show_time
from txtorrent.wire.announce import Event

PAGE: Final = (b"/", b"/stats")
METRICS: Final = b"/metrics"
MAX_USERS: Final = 1000
"""Users on the page: nobody reads more, and a million of them would be 80 MB, and seconds in which
nobody's announce is answered. To find those who moved the most takes 0.1 us of each."""
ID_DIGITS: Final = 8
"""Of a user's id, on the page: a million users have one in common with few others."""
_NO_PAGE: Final = "announce at /announce, scrape at /scrape"
_WELCOME: Final = b"This is a BitTorrent tracker. It answers at /announce and /scrape.\n"


class Pages:
    """The pages. `uptime` gives the seconds since the tracker was started."""

    def __init__(self, tracker: Tracker, uptime: Callable[[], float]) -> None:
        self._tracker = tracker
        self._uptime = uptime

    def respond(self, request: WebRequest, host: bytes) -> WebResponse:
        """To one who asks from `host`, 4 or 16 bytes. Refused: a client asks where nothing is."""
        if request.path not in (*PAGE, METRICS):
            return self._no_page(request.path)
        if host not in self._tracker.policy.stats:
            return WebResponse(_WELCOME, 200 if request.path == PAGE[0] else 403)
        show = self._metrics if request.path == METRICS else self._page
        return show(self._tracker.store.totals())

    def _no_page(self, path: bytes) -> WebResponse:
        """People and their programs want a status; clients show a failure reason, and no other
        text."""
        if split_path(path)[1].startswith((ANNOUNCE, SCRAPE)):
            raise Refused(Reason.PATH, _NO_PAGE)
        self._tracker.statistics.http.refused[Reason.PATH] += 1
        return WebResponse(f"There is no such page: {_NO_PAGE}.\n".encode(), 404)

    def _metrics(self, totals: Totals) -> WebResponse:
        registry = CollectorRegistry()
        registry.register(_Figures(self._tracker, totals, self._uptime()))
        return WebResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST.encode())

    def _page(self, totals: Totals) -> WebResponse:
        return WebResponse(("\n".join(self._lines(totals)) + "\n").encode())

    def _lines(self, totals: Totals) -> Iterator[str]:
        intervals = self._tracker.intervals
        yield "txtorrent tracker"
        yield ""
        yield f"up            {show_time(self._uptime())}"
        if not self._tracker.store.is_up:
            yield "store         cannot be reached; what it last had:"
        yield f"torrents      {totals.torrents:,}"
        yield f"seeds         {totals.seeders:,}"
        yield f"leechers      {totals.leechers:,}"
        yield from _sizes(totals)
        yield f"announces/s   {intervals.rate:,.1f}"
        yield f"interval      {show_time(intervals.current)}"
        for way, counts in self._tracker.statistics.ways.items():
            yield ""
            yield f"over {way.upper()}"
            for event, count in zip(Event, counts.announces, strict=True):
                yield f"  announces, {event.name.lower():<12}{count:>14,}"
            yield f"  scrapes                {counts.scrapes:>14,}"
            for reason, count in sorted(counts.refused.items(), key=lambda item: item[0].value):
                yield f"  refused, {reason.value:<14}{count:>14,}"
            for why, count in sorted(counts.dropped.items()):
                yield f"  not answered, {why:<18}{count:>5,}"
        if self._tracker.policy.passkeys is not None:
            yield from _users(self._tracker.policy.passkeys)


class _Figures(Collector):
    """All figures at one moment, by the names that Prometheus's users expect."""

    def __init__(self, tracker: Tracker, totals: Totals, uptime: float) -> None:
        self._tracker = tracker
        self._totals = totals
        self._uptime = uptime

    def collect(self) -> Iterator[Metric]:
        """What Prometheus's library asks for."""
        yield from self._gauges()
        announces = _counter("announces", "Announces answered.", ["transport", "event"])
        scrapes = _counter("scrapes", "Scrapes answered.", ["transport"])
        connects = _counter("connects", "Connection ids given, over UDP.", ["transport"])
        refused = _counter("refused", "Requests answered with a failure.", ["transport", "reason"])
        dropped = _counter("dropped", "Requests not answered.", ["transport", "reason"])
        for way, counts in self._tracker.statistics.ways.items():
            for event, count in zip(Event, counts.announces, strict=True):
                announces.add_metric([way, event.name.lower()], count)
            scrapes.add_metric([way], counts.scrapes)
            for reason in Reason:
                refused.add_metric([way, reason.value], counts.refused[reason])
            for why, count in counts.dropped.items():
                dropped.add_metric([way, why], count)
        connects.add_metric(["udp"], self._tracker.statistics.udp.connects)
        yield from (announces, scrapes, connects, refused, dropped)

    def _gauges(self) -> Iterator[Metric]:
        totals, intervals = self._totals, self._tracker.intervals
        for name, value, doc in (
            ("torrents", totals.torrents, "Torrents that are known."),
            ("seeders", totals.seeders, "Peers that have everything."),
            ("leechers", totals.leechers, "Peers that do not."),
            ("interval_seconds", intervals.current, "What peers are told to wait."),
            ("uptime_seconds", self._uptime, "Since the tracker was started."),
            ("store_up", self._tracker.store.is_up, "Whether the store can be reached: 1 or 0."),
        ):
            yield GaugeMetricFamily(f"txtorrent_tracker_{name}", doc, value)
        bounds = [*map(str, SIZES), "+Inf"]
        yield HistogramMetricFamily(
            "txtorrent_tracker_swarm_peers",
            "Peers of a torrent that has some.",
            list(zip(bounds, accumulate(totals.sizes), strict=True)),
            totals.seeders + totals.leechers,
        )


def _sizes(totals: Totals) -> Iterator[str]:
    """How many torrents have how many peers."""
    least = 1
    for most, count in zip(SIZES, totals.sizes, strict=False):
        of = "1 peer" if most == 1 else f"{least:,} to {most:,} peers"
        yield f"  of {of:<24}{count:>10,}"
        least = most + 1
    yield f"  of more{'':<19}{totals.sizes[-1]:>10,}"


def _users(passkeys: Passkeys) -> Iterator[str]:
    """Who moved the most comes first. Several may have one name: the id tells them apart."""
    users = list(passkeys.users())
    yield ""
    yield f"{'user':<24}{'id':<{ID_DIGITS}}{'uploaded':>20}{'downloaded':>20}{'ratio':>8}"
    for user in nlargest(MAX_USERS, users, key=lambda user: user.uploaded + user.downloaded):
        ratio = "-" if user.ratio is None else f"{user.ratio:.2f}"
        who = f"{user.name:<23} {user.id[:ID_DIGITS]}"
        yield f"{who}{user.uploaded:>20,}{user.downloaded:>20,}{ratio:>8}"
    if len(users) > MAX_USERS:
        yield f"and {len(users) - MAX_USERS:,} more"


def _counter(name: str, doc: str, labels: list[str]) -> CounterMetricFamily:
    return CounterMetricFamily(f"txtorrent_tracker_{name}", doc, labels=labels)
