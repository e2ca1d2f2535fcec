"""What a process needs once: clock, descriptors, signals."""

import gc
import os
import resource
import signal
import time

from attrs import define, field
from twisted.internet.error import ReactorNotRunning
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.daemon import process


@define
class FakeReactor:
    """Takes calls from a signal as a reactor does: not at once."""

    stops: int = 0
    calls: list = field(factory=list)

    def callFromThread(self, call):
        self.calls.append(call)

    def stop(self):
        if self.stops:
            raise ReactorNotRunning
        self.stops += 1


class Signals(SynchronousTestCase):
    def setUp(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            # Whoever runs the tests may ignore them.
            self.addCleanup(signal.signal, number, signal.signal(number, signal.SIG_DFL))
        self.exits = []
        self.patch(os, "_exit", self.exits.append)
        self.reactor = FakeReactor()

    def run_calls(self):
        while self.reactor.calls:
            self.reactor.calls.pop(0)()

    def test_the_first_ends_in_good_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                self.reactor = FakeReactor()
                process.end_at_signals(self.reactor)
                signal.raise_signal(number)
                self.assertEqual(self.reactor.stops, 0, "not from within a signal handler")
                self.run_calls()
                self.assertEqual((self.reactor.stops, self.exits), (1, []))

    def test_the_second_ends_at_once(self):
        process.end_at_signals(self.reactor)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        self.assertEqual(self.exits, [128 + signal.SIGINT])

    def test_while_it_ends_already(self):
        self.reactor.stops = 1
        process.end_at_signals(self.reactor)
        signal.raise_signal(signal.SIGTERM)
        self.run_calls()
        self.assertEqual(self.exits, [])

    def test_what_our_parent_ignores_stays_ignored(self):
        """As a shell has its background jobs ignore Ctrl-C."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        process.end_at_signals(self.reactor)
        signal.raise_signal(signal.SIGINT)
        self.run_calls()
        self.assertEqual(self.reactor.stops, 0)


class Descriptors(SynchronousTestCase):
    def test_raised_as_far_as_it_may(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
        self.assertEqual(process.raise_descriptor_limit(), before[1])
        self.assertEqual(resource.getrlimit(resource.RLIMIT_NOFILE), (before[1], before[1]))

    def test_connections_leave_room_for_files(self):
        for descriptors, files, wanted, given in (
            (1_048_576, 1000, 4000, 4000),
            (4096, 1000, 4000, 4096 - 1000 - process.RESERVED),
            (256, 100, 4000, 256 - 100 - process.RESERVED),
            (100, 100, 4000, 8),
        ):
            with self.subTest(descriptors):
                self.assertEqual(process.connections_within(descriptors, files, wanted), given)


class Clock(SynchronousTestCase):
    def test_monotonic(self):
        reactor = type("Reactor", (), {})()
        process.make_clock_monotonic(reactor)
        self.assertIs(reactor.seconds, time.monotonic)


class Memory(SynchronousTestCase):
    def test_without_glibc(self):
        def missing(name):
            raise OSError(name)

        self.patch(process.ctypes, "CDLL", missing)
        process.keep_freed_memory()

    def test_the_collector_looks_less_often(self):
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        process.collect_seldom()
        self.assertEqual(gc.get_threshold()[0], process.COLLECT_AFTER)
