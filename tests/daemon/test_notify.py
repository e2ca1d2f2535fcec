"""What the service manager hears of us."""

import os
import socket

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.daemon.notify import READY, ServiceManager


class Manager(SynchronousTestCase):
    def test_by_a_name_that_is_no_file(self):
        name = f"txtorrent-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.setblocking(False)
            manager.bind(f"\0{name}")
            ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).tell(READY)
            self.assertEqual(manager.recv(100), b"READY=1")

    def test_nobody_wants_to_know(self):
        with capturedLogs() as events:
            ServiceManager({}).tell(READY)
        self.assertEqual(events, [])

    def test_one_that_is_gone_is_a_warning(self):
        with capturedLogs() as events:
            ServiceManager({"NOTIFY_SOCKET": os.path.abspath("gone")}).tell(READY)
        self.assertEqual(events[-1]["log_level"].name, "warn")
        self.assertIn("No such file", str(events[-1]["error"]))
