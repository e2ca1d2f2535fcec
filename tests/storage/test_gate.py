from threading import Event, Thread

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.storage.gate import Gate


class GateTests(SynchronousTestCase):
    def setUp(self):
        self.gate = Gate()
        self.seen = []

    def thread(self, work):
        thread = Thread(target=work, daemon=True)
        thread.start()
        return thread

    def test_many_pass_together(self):
        both = Event()

        def inside():
            with self.gate.passing():
                both.wait(10)

        with self.gate.passing():
            thread = self.thread(inside)
            both.set()
        thread.join(10)
        self.assertFalse(thread.is_alive())

    def test_shut_waits_for_those_inside(self):
        entered, leave = Event(), Event()

        def inside():
            with self.gate.passing():
                entered.set()
                leave.wait(10)
                self.seen.append("left")

        def shut():
            self.gate.shut()
            self.seen.append("shut")

        threads = [self.thread(inside)]
        entered.wait(10)
        threads.append(self.thread(shut))
        leave.set()
        for thread in threads:
            thread.join(10)
        self.assertEqual(self.seen, ["left", "shut"])

    def test_nobody_enters_until_it_is_opened(self):
        self.gate.shut()

        def enter():
            with self.gate.passing():
                self.seen.append("entered")

        thread = self.thread(enter)
        self.seen.append("open")
        self.gate.open()
        thread.join(10)
        self.assertEqual(self.seen, ["open", "entered"])

    def test_an_error_inside_leaves(self):
        with self.assertRaises(KeyError), self.gate.passing():
            raise KeyError
        self.gate.shut()
        self.gate.open()
