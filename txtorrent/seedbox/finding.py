"""Where peers are found besides trackers, as the settings say, also while the daemon runs."""

from collections.abc import Callable, Collection

from txtorrent.address import split_host_port
from txtorrent.dht.dht import DhtOptions
from txtorrent.session import Session
from txtorrent.settings.settings import Settings


class Finding:
    """Turns the sources of a session on and off."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._settings = settings
        sources = session.sources
        self._switches: dict[str, Callable[[bool], None]] = {
            "dht_enabled": sources.turn_dht,
            "lpd_enabled": sources.turn_local,
            "port_forwarding_enabled": sources.turn_mapping,
            "pex_enabled": self._turn_exchange,
        }

    def open(self) -> None:
        """Take the settings over, and follow them."""
        self._settings.listen(self._settings_changed)
        self._settings_changed(self._switches)

    def _settings_changed(self, names: Collection[str]) -> None:
        for name, turn in self._switches.items():
            if name in names:
                turn(self._settings.get(name))

    def _turn_exchange(self, on: bool) -> None:
        if on != self._session.pex_enabled:
            self._session.pex_enabled = on
            self._session.refresh_extensions()


def dht_options(settings: Settings) -> DhtOptions:
    """How the DHT is run: this may not change while the daemon runs."""
    get = settings.get
    interface = get("interface")
    return DhtOptions(
        routers=tuple(split_host_port(each) for each in get("dht_routers")),
        read_only=get("dht_read_only"),
        rate=get("dht_rate"),
        ipv4=":" not in interface,
        ipv6=get("ipv6") and (":" in interface or not interface),
    )
