"""Hours of the week, as pictures: a character for every two hours, a word for every day."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.schedule import DAYS, Scheduler, Window, is_on, next_change

ALL = DAYS
NONE = "............"


def week(*windows):
    return [
        "".join(".#"[is_on(windows, day, hour * 60)] for hour in range(0, 24, 2))
        for day in range(7)
    ]


class Windows(SynchronousTestCase):
    def test_between(self):
        for days, begin, end, monday, tuesday in (
            (["mon"], "08:00", "12:00", "....##......", NONE),
            (["mon"], "22:00", "06:00", "...........#", "###........."),
            (["mon"], "20:00", "24:00", "..........##", NONE),
            (["mon"], "20:00", "00:00", "..........##", NONE),
            (["mon"], "00:00", "24:00", "############", NONE),
            (["mon"], "00:00", "00:00", "############", NONE),
            (["mon"], "12:00", "12:00", "......######", "######......"),
            (["mon", "tue"], "22:00", "06:00", "...........#", "###........#"),
            (["sun"], "22:00", "06:00", "###.........", NONE),
            (["tue"], "24:00", "04:00", NONE, "##.........."),
        ):
            with self.subTest(f"{days} {begin} {end}"):
                found = week(Window.between(days, begin, end))
                self.assertEqual((found[0], found[1]), (monday, tuesday))

    def test_to_the_minute(self):
        window = Window.between(["wed"], "08:15", "08:30")
        for minute, on in ((494, False), (495, True), (509, True), (510, False)):
            self.assertEqual(window.covers(2, minute), on, minute)

    def test_of_transmission(self):
        for begin, end, days, on in (
            (480, 720, 1, "sun"),
            (480, 720, 2, "mon"),
            (480, 720, 64, "sat"),
            (480, 720, 127, ALL),
            (480, 720, 0, ()),
            (480, 480, 127, ()),
        ):
            with self.subTest(f"{begin} {end} {days}"):
                found = week(Window.of_transmission(begin, end, days))
                picture = ["....##......" if day in on else NONE for day in DAYS]
                self.assertEqual(found, picture)

    def test_of_transmission_over_midnight(self):
        found = week(Window.of_transmission(1320, 360, 64))
        self.assertEqual(found[5:] + found[:1], ["...........#", "###.........", NONE])

    def test_any_of_them(self):
        windows = (
            Window.between(["mon"], "00:00", "04:00"),
            Window.between(["mon"], "02:00", "06:00"),
        )
        self.assertEqual(week(*windows)[0], "###.........")
        self.assertEqual(week(), [NONE] * 7)


class Changes(SynchronousTestCase):
    def test_next(self):
        night = Window.between(ALL, "22:00", "06:00")
        early = Window.between(["mon"], "06:00", "07:00")
        once = Window.between(["wed"], "12:00", "13:00")
        for windows, now, then in (
            ([night], (0, 0), (0, 360)),
            ([night], (0, 359), (0, 360)),
            ([night], (0, 360), (0, 1320)),
            ([night], (6, 1320), (0, 360)),
            ([night, early], (0, 0), (0, 420)),
            ([night, early], (1, 0), (1, 360)),
            ([once], (2, 780), (2, 720)),
            ([once], (2, 720), (2, 780)),
            ([once], (3, 0), (2, 720)),
            ([], (0, 0), None),
            ([Window.between(ALL, "00:00", "24:00")], (3, 77), None),
            ([Window.of_transmission(5, 5, 127)], (3, 77), None),
        ):
            with self.subTest(f"{windows} {now}"):
                self.assertEqual(next_change(windows, *now), then)

    def test_next_is_right_at_every_hour(self):
        """Beside minute after minute of looking."""
        windows = [
            Window.between(["mon", "thu"], "21:30", "02:30"),
            Window.between(["fri", "sun"], "02:00", "02:00"),
        ]
        on = [is_on(windows, *divmod(minute, 1440)) for minute in range(7 * 1440)]
        for now in range(0, len(on), 60):
            later = next(i for i in range(1, len(on)) if on[(now + i) % len(on)] != on[now])
            expected = divmod((now + later) % len(on), 1440)
            self.assertEqual(next_change(windows, *divmod(now, 1440)), expected)


class Turns(SynchronousTestCase):
    def setUp(self):
        self.scheduler = Scheduler([Window.between(ALL, "08:00", "12:00")])

    def test_at_the_start_and_at_each_change(self):
        told = [self.scheduler.look(0, minute) for minute in range(420, 780, 60)]
        self.assertEqual(told, [False, True, None, None, None, False])

    def test_it_starts_within(self):
        self.assertEqual(self.scheduler.look(0, 500), True)

    def test_a_change_that_nobody_looked_at(self):
        """The clock went from 7:59 to 13:00, or the machine slept."""
        self.scheduler.look(0, 479)
        self.assertIsNone(self.scheduler.look(0, 780))
        self.assertEqual(self.scheduler.look(1, 600), True)

    def test_other_windows(self):
        self.scheduler.look(0, 500)
        self.scheduler.windows = [Window.between(ALL, "09:00", "10:00")]
        self.assertEqual(self.scheduler.look(0, 501), False)

    def test_no_windows_any_more_turns_off_once(self):
        self.scheduler.look(0, 500)
        self.scheduler.windows = []
        self.assertEqual(self.scheduler.look(0, 501), False)
        self.assertIsNone(self.scheduler.look(0, 502))

    def test_without_windows_nothing_is_touched(self):
        self.assertIsNone(Scheduler().look(0, 0))
