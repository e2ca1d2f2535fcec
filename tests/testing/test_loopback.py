"""Addresses of processes that run at once are different, and this machine's."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

import socket
from ipaddress import ip_address, ip_network

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.loopback import NETWORK, _prefix, free_port, next_host


class Addresses(SynchronousTestCase):
    def test_a_network_for_each_process(self) -> None:
        """As many as 62,500 in a row."""
        for first in (0, 4_194_304 - 62_500):  # up to the highest there is
            prefixes = {_prefix(pid) for pid in range(first, first + 62_500)}
            self.assertEqual(len(prefixes), 62_500)
            for prefix in prefixes:
                self.assertTrue(ip_address(f"{prefix}.1").is_loopback)
            self.assertFalse(any(prefix.startswith("127.0.") for prefix in prefixes))

    def test_of_this_process(self) -> None:
        first, second = next_host(), next_host()
        self.assertNotEqual(first, second)
        for host in (first, second):
            self.assertIn(ip_address(host), ip_network(NETWORK))
            with socket.create_server((host, free_port(host))):
                pass
