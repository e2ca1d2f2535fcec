"""One after the other, by key."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.seedbox.turns import Turns


class TurnsOfAKey(SynchronousTestCase):
    def setUp(self):
        self.turns = Turns()
        self.begun = []
        self.working = {}

    def work(self, key, name):
        async def work():
            self.begun.append(name)
            self.working[name] = Deferred()
            return await self.working[name]

        return Deferred.fromCoroutine(self.turns.run(key, work))

    def test_one_after_the_other(self):
        first, second, third = (self.work("x", number) for number in range(3))
        self.work("y", "other")
        self.assertEqual(self.begun, [0, "other"])
        self.working[0].callback("done")
        self.assertEqual(self.successResultOf(first), "done")
        self.assertEqual(self.begun, [0, "other", 1])
        self.working[1].errback(ValueError())
        self.failureResultOf(second, ValueError)
        self.working[2].callback(3)
        self.assertEqual(self.successResultOf(third), 3)
        self.working["other"].callback(None)
        self.assertEqual(self.turns._locks, {})
