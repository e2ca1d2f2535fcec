"""The tracker's example settings file: up to date, and all of it can be read."""

import os
from typing import ClassVar

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.trackerserver.config import default, read
from txtorrent.trackerserver.example import SAMPLES, example
from txtorrent.trackerserver.table import SETTINGS

EXAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "etc", "tracker.toml")


class Example(SynchronousTestCase):
    maxDiff: ClassVar = None

    def read(self, text):
        path = self.mktemp() + ".toml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return read(path)

    def test_is_generated(self):
        with open(EXAMPLE, encoding="utf-8") as file:
            self.assertEqual(file.read(), example(), "python -m txtorrent.trackerserver.example")

    def test_sets_nothing(self):
        self.assertEqual(self.read(example()), default())

    def test_uncommented_it_sets_the_defaults(self):
        text = example()
        for sample in SAMPLES.values():
            text = text.replace("\n".join(f"#{line}" for line in sample), "")
        lines = [line[1:] if line[:1] == "#" and line[1:2] not in (" ", "") else line
                 for line in text.splitlines()]  # fmt: skip
        config = self.read("\n".join(lines))
        self.assertEqual(config.http, ("tcp:6969:interface=\\:\\:",))
        self.assertEqual(config.udp, (("::", 6969),))
        self.assertEqual(evolve(config, http=None, udp=None, state_file=None), default())

    def test_samples(self):
        short = f'info_hash = "{"00" * 20}"\n' + "\n".join(SAMPLES["peers"])
        self.assertEqual(len(self.read(short).torrents[0].peers), 1)
        (torrent,) = self.read("\n".join(SAMPLES["torrents"])).torrents
        self.assertEqual((len(torrent.peers), torrent.is_live), (2, False))

    def test_lines_fit(self):
        self.assertEqual([line for line in example().splitlines() if len(line) > 100], [])

    def test_every_setting_has_its_line(self):
        lines = example().splitlines()
        for name in SETTINGS:
            written = (f"#{name} =", f"#[[{name}]]")
            self.assertTrue(any(line.startswith(written) for line in lines), name)
