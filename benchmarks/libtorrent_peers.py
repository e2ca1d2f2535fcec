"""libtorrent sessions in a process of their own: python libtorrent_peers.py JOB, a JSON object.

They are the reference peers of every client under test, and libtorrent as a client under
test. Lines "EVENT SECONDS" (monotonic clock) say `adding`, `ready`, `first` payload byte, and
`done`. On standard input "connect HOST PORT" has each dial, and its end ends the process.
"""

import json
import os
import sys
import threading
import time
from typing import Any, Final

LOOK_EVERY: Final = 0.005
DIAL_EVERY: Final = 0.25
"""Seconds: libtorrent's own tries to connect again are farther apart."""


def settings(host: str, port: int, connections: int) -> dict[str, Any]:
    """Plain TCP at full speed on one address, and nothing that looks for peers elsewhere.

    libtorrent's preset for fast seeds, with its traps mended: 7 MiB of disk queue stalls a
    leecher, and more than 500 requests a peer cost it CPU in its send buffer.
    """
    import libtorrent as lt

    return {
        **lt.high_performance_seed(),
        "listen_interfaces": f"{host}:{port}",
        "outgoing_interfaces": host,
        # A local peer counts as one and a half.
        "connections_limit": 2 * connections,
        "max_peerlist_size": connections,
        "alert_mask": int(lt.alert.category_t.status_notification),
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": False,
        "enable_outgoing_utp": False,
        "in_enc_policy": 2,
        "out_enc_policy": 2,
        "max_queued_disk_bytes": 256 << 20,
        "max_out_request_queue": 500,
        "max_allowed_in_request_queue": 20_000,
        "aio_threads": 4,
        "hashing_threads": os.cpu_count() or 1,
        "suggest_mode": 0,
        "max_failcount": 1000,
        "min_reconnect_time": 1,
        "peer_timeout": 120,
        "request_timeout": 60,
        "inactivity_timeout": 600,
        "close_redundant_connections": False,
    }


def add(session: Any, job: dict[str, Any], directory: str) -> Any:
    """Add the torrent. What is there is really hashed first.

    To call it complete would start faster, but the check is what has libtorrent map the content
    into its memory: without it, it would do that while it serves, at a third more CPU.
    """
    import libtorrent as lt

    wanted = lt.add_torrent_params()
    wanted.ti = lt.torrent_info(job["torrent"])
    wanted.save_path = directory
    flags = lt.torrent_flags
    wanted.flags = flags.disable_dht | flags.disable_lsd | flags.disable_pex
    return session.add_torrent(wanted)


def say(event: str) -> None:
    print(f"{event} {time.monotonic():.6f}", flush=True)


class Peers:
    """All sessions of this process."""

    def __init__(self, job: dict[str, Any]) -> None:
        import libtorrent as lt

        self._finished_kind = lt.torrent_finished_alert
        self._sessions = [
            lt.session(settings(host, port, job["connections"])) for host, port in job["addresses"]
        ]
        say("adding")
        self._handles = [
            add(session, job, directory)
            for session, directory in zip(self._sessions, job["directories"], strict=True)
        ]
        self._seeds = bool(job["seeds"])
        self._is_reference = bool(job["is_reference"])
        self._has_moved = False
        self._target: tuple[str, int] | None = None
        self._dialled_at = 0.0
        self._finished: set[int] = set()
        self._over = threading.Event()

    def wait_ready(self) -> None:
        """Return once all seed, or all want something."""
        while not all(map(self._is_ready, self._handles)):
            time.sleep(LOOK_EVERY)
        say("ready")

    def _is_ready(self, handle: Any) -> bool:
        status = handle.status()
        if self._seeds:
            return bool(status.is_seeding)
        return str(status.state) == "downloading"

    def obey(self) -> None:
        """Carry out what standard input says, and end with it."""
        for line in sys.stdin:
            word = line.split()
            if word[:1] == ["connect"]:
                self._target = (word[1], int(word[2]))
        self._over.set()

    def run(self) -> None:
        """Dial, and tell what happens, until it is over."""
        while not self._over.wait(LOOK_EVERY):
            if self._is_reference:
                self._dial()
                self._look_for_payload()
            if not self._seeds:
                self._look_for_end()

    def _dial(self) -> None:
        now = time.monotonic()
        if self._target is None or now - self._dialled_at < DIAL_EVERY:
            return
        self._dialled_at = now
        for number, handle in enumerate(self._handles):
            if number not in self._finished and not handle.status().num_peers:
                handle.connect_peer(self._target)

    def _look_for_payload(self) -> None:
        if self._has_moved:
            return
        for handle in self._handles:
            status = handle.status()
            if status.total_payload_upload or status.total_payload_download:
                self._has_moved = True
                say("first")
                return

    def _look_for_end(self) -> None:
        for number, session in enumerate(self._sessions):
            for alert in session.pop_alerts():
                if isinstance(alert, self._finished_kind):
                    self._finished.add(number)
        if len(self._finished) == len(self._sessions):
            say("done")
            self._over.wait()


def main() -> None:
    peers = Peers(json.loads(sys.argv[1]))
    peers.wait_ready()
    threading.Thread(target=peers.obey, daemon=True).start()
    peers.run()
    os._exit(0)  # libtorrent's farewell takes seconds


if __name__ == "__main__":
    main()
