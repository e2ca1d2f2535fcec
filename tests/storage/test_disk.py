import threading

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.testing.disk import InlineLane, inline_disk
from txtorrent.storage.disk import READ_THREADS, Disk, LaneStopped, ThreadLane


def divide(a, b):
    return a // b


class ThreadLaneTests(TestCase):
    def lane(self, threads=1):
        lane = ThreadLane(reactor, threads, "test")
        lane.start()
        self.addCleanup(lane.stop)
        return lane

    async def test_result_comes_back_on_the_reactors_thread(self):
        lane = self.lane()
        seen = []
        job = lane.run(threading.current_thread)
        job.addCallback(lambda thread: seen.append((thread, threading.current_thread())))
        await job
        self.assertEqual(seen[0][0].name, "test-0")
        self.assertIs(seen[0][1], threading.current_thread())

    async def test_failure_comes_back(self):
        job = self.lane().run(divide, 1, b=0)
        await self.assertFailure(job, ZeroDivisionError)

    async def test_one_thread_keeps_the_order(self):
        lane = self.lane()
        order = []
        await gatherResults([lane.run(order.append, i) for i in range(50)])
        self.assertEqual(order, list(range(50)))

    async def test_threads_work_side_by_side(self):
        lane = self.lane(2)
        both = threading.Barrier(2, timeout=30)
        await gatherResults([lane.run(both.wait), lane.run(both.wait)])

    async def test_a_job_cancelled_while_it_waits_is_not_run(self):
        lane = self.lane()
        gate = threading.Event()
        first = lane.run(gate.wait, 30)
        ran = []
        second = lane.run(ran.append, 1)
        second.cancel()
        gate.set()
        await self.assertFailure(second, CancelledError)
        await first
        await lane.run(lambda: None)
        self.assertEqual(ran, [])

    async def test_the_result_of_a_job_cancelled_while_it_runs_is_dropped(self):
        lane = self.lane()
        begun, gate = threading.Event(), threading.Event()

        def work():
            begun.set()
            gate.wait(30)

        job = lane.run(work)
        begun.wait(30)
        job.cancel()
        gate.set()
        await self.assertFailure(job, CancelledError)
        await lane.run(lambda: None)

    async def test_stop_waits_for_what_was_given_and_leaves_no_thread(self):
        before = threading.active_count()
        lane = self.lane(3)
        gate = threading.Event()
        done = []
        jobs = [lane.run(gate.wait, 30)] + [lane.run(done.append, i) for i in range(5)]
        stops = [lane.stop(), lane.stop()]
        self.assertNoResult(stops[0])
        gate.set()
        await gatherResults(stops)
        self.assertEqual(sorted(done), [0, 1, 2, 3, 4])
        self.assertTrue(all(job.called for job in jobs))
        self.assertEqual(threading.active_count(), before)

    async def test_a_stopped_lane_refuses_and_can_be_started_again(self):
        lane = ThreadLane(reactor, 1, "test")
        self.failureResultOf(lane.run(divide, 4, 2), LaneStopped)
        self.successResultOf(lane.stop())
        lane.start()
        self.assertRaises(RuntimeError, lane.start)
        self.assertEqual(await lane.run(divide, 4, 2), 2)
        await lane.stop()
        self.failureResultOf(lane.run(divide, 4, 2), LaneStopped)
        lane.start()
        self.assertEqual(await lane.run(divide, 6, 2), 3)
        await lane.stop()

    async def test_a_disk_has_a_lane_for_each_kind_of_work(self):
        before = threading.active_count()
        disk = Disk.threaded(reactor, 2)
        disk.start()
        names = [(await lane.run(threading.current_thread)).name for lane in self.lanes(disk)]
        self.assertEqual([name.split("-")[0] for name in names], ["write", "read", "state"])
        self.assertEqual([lane.threads for lane in self.lanes(disk)], [2, READ_THREADS, 1])
        await disk.stop()
        self.assertEqual(threading.active_count(), before)

    def lanes(self, disk):
        return disk.write, disk.read, disk.state


class InlineLaneTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.lane = InlineLane(self.clock, delay=2.0)

    def test_runs_at_once_and_answers_later(self):
        ran = []
        job = self.lane.run(ran.append, 1)
        self.assertEqual(ran, [1])
        self.assertNoResult(job)
        self.clock.advance(2.0)
        self.successResultOf(job)

    def test_never_answers_within_the_call(self):
        job = InlineLane(self.clock).run(divide, 8, 2)
        self.assertNoResult(job)
        self.clock.advance(0)
        self.assertEqual(self.successResultOf(job), 4)

    def test_failures(self):
        self.lane.fail_next(OSError(28, "full"))
        jobs = [self.lane.run(divide, 1, 1), self.lane.run(divide, 1, 0)]
        self.clock.advance(2.0)
        self.failureResultOf(jobs[0], OSError)
        self.failureResultOf(jobs[1], ZeroDivisionError)

    def test_stall_and_release(self):
        ran = []
        self.lane.stall()
        jobs = [self.lane.run(ran.append, i) for i in range(3)]
        self.clock.advance(100)
        self.assertEqual(ran, [])
        jobs[1].cancel()
        self.failureResultOf(jobs[1], CancelledError)
        self.lane.release()
        self.assertEqual(ran, [0, 2])
        self.clock.advance(2.0)
        self.successResultOf(jobs[0])
        self.successResultOf(jobs[2])

    def test_cancel_drops_the_result(self):
        jobs = [self.lane.run(divide, 1, 1), self.lane.run(divide, 1, 0)]
        for job in jobs:
            job.cancel()
            self.failureResultOf(job, CancelledError)
        self.clock.advance(2.0)

    def test_disk(self):
        disk = inline_disk(self.clock)
        disk.start()
        self.assertEqual(disk.state.threads, 1)
        self.assertIsInstance(disk.write.run(divide, 1, 1), Deferred)
        self.clock.advance(0)
        self.successResultOf(disk.stop())
