"""A client that changes a list of torrents at random, and remembers what was acknowledged."""

import copy
import os
import time

from attrs import define, field

from tests.crash.daemons import LOOK_EVERY, STUCK, Gone, Refused
from tests.testing import torrents
from tests.testing.loopback import OWN_SWARM
from txtorrent.metainfo.torrentfile import parse

MOST = 25
"""Torrents of a client, beyond which it removes more than it adds."""
FIELDS = ("hash_string", "id", "labels", "download_limit", "bandwidth_priority", "status",
          "queue_position", "download_dir", "name", "tx_waiting", "error_string")  # fmt: skip
STOPPED = 0


@define
class Kept:
    """What is to be found again of a torrent."""

    id: int
    labels: list
    download_limit: int = 0
    bandwidth_priority: int = 0
    running: bool = False
    directory: str = ""


@define
class Model:
    """Torrents by info-hash in hexadecimal, in the order of the queue, and a setting."""

    torrents: dict = field(factory=dict, eq=lambda torrents: list(torrents.items()))
    speed_limit: int = 100


@define(eq=False)
class Client:
    """`name` begins the names of its torrents, which it alone touches. What is asked for and not
    answered may have happened or not: then `possible` is what is if it has."""

    name: str
    random: object
    content: str
    has_setting: bool = False
    model: Model = field(factory=Model)
    possible: Model = field(factory=Model)
    acknowledged: int = 0
    highest_id: int = 0
    _number: int = 0

    def run(self, daemon, count=1_000_000_000):
        """Make changes until the daemon is gone, or so many were acknowledged."""
        while count:
            self.possible = copy.deepcopy(self.model)
            try:
                self._change(daemon)
            except Gone:
                return
            except Refused:
                continue
            self.model = self.possible
            self.acknowledged += 1
            count -= 1

    def compare(self, daemon):
        """Have the daemon's list be as it was acknowledged. AssertionError."""
        found = self._settled(daemon)
        found.sort(key=lambda each: each["queue_position"])
        shown = Model({each["hash_string"]: self._kept(each) for each in found})
        shown.speed_limit = self.model.speed_limit
        if self.has_setting:
            shown.speed_limit = daemon.call("session_get", fields=["speed_limit_down"])[
                "speed_limit_down"
            ]
        self._accept_new_id(shown)
        if shown not in (self.model, self.possible):
            raise AssertionError(f"{shown}\nis not {self.model}\nand not {self.possible}\n{found}")
        self.model = shown
        self.highest_id = max([self.highest_id, *(each["id"] for each in found)])

    def _settled(self, daemon):
        """Its torrents, when none of them is being moved any more."""
        deadline = time.monotonic() + STUCK
        while True:
            found = daemon.call("torrent_get", fields=list(FIELDS))["torrents"]
            mine = [each for each in found if each["name"].startswith(self.name)]
            if not any("mov" in each["tx_waiting"] for each in mine):
                return mine
            if time.monotonic() > deadline:
                raise AssertionError(f"the moves do not end: {mine}")
            time.sleep(LOOK_EVERY)

    def _accept_new_id(self, shown):
        """The id of one whose adding was not answered: any that nobody had."""
        for info_hash, kept in self.possible.torrents.items():
            if kept.id == 0 and info_hash in shown.torrents:
                kept.id = shown.torrents[info_hash].id
                assert kept.id > self.highest_id, "an id was given twice"

    @staticmethod
    def _kept(each):
        return Kept(
            each["id"], each["labels"], each["download_limit"], each["bandwidth_priority"],
            each["status"] != STOPPED, each["download_dir"],
        )  # fmt: skip

    # -- changes -----------------------------------------------------------------------------

    def _change(self, daemon):
        listed = self.possible.torrents
        changes = [self._add, self._set, self._start, self._stop, self._move]
        changes += [self._add] if len(listed) < MOST else [self._remove] * 3
        changes += [self._remove, self._set, self._set_setting, self._relocate]
        change = self.random.choice(changes)
        if change == self._add or change == self._set_setting or not listed:
            (self._set_setting if change == self._set_setting else self._add)(daemon)
        else:
            some = self.random.sample(sorted(listed), self.random.randint(1, min(4, len(listed))))
            change(daemon, some)

    def _add(self, daemon):
        self._number += 1
        name = f"{self.name}{self._number}"
        data = torrents.content(name, 20000)
        raw = torrents.make(data, name=name, info_extra=OWN_SWARM)
        if self.random.random() < 0.5:
            torrents.write_content(self.content, parse(raw), data)
        paused = self.random.random() < 0.5
        kept = Kept(0, [name], running=not paused, directory=self.content)
        self.possible.torrents[parse(raw).info_hash.hex()] = kept
        kept.id = daemon.add(raw, labels=[name], paused=paused)
        assert kept.id > self.highest_id, "an id was given twice"
        self.highest_id = kept.id

    def _remove(self, daemon, some):
        for each in some:
            del self.possible.torrents[each]
        daemon.call("torrent_remove", ids=some, delete_local_data=self.random.random() < 0.5)

    def _set(self, daemon, some):
        """Of several at once: one transaction."""
        values = {
            "labels": [str(self.random.random())],
            "download_limit": self.random.randrange(1000),
            "bandwidth_priority": self.random.choice((-1, 0, 1)),
        }
        for each in some:
            for name, value in values.items():
                setattr(self.possible.torrents[each], name, value)
        daemon.call("torrent_set", ids=some, **values)

    def _relocate(self, daemon, some):
        """Have content moved, or looked for elsewhere; to a directory that nobody uses."""
        self._number += 1
        directory = f"{self.content}/{self.name}{self._number}"
        for each in some:
            self.possible.torrents[each].directory = directory
        move = self.random.random() < 0.7
        if not move:
            os.mkdir(directory)
        daemon.call("torrent_set_location", ids=some, location=directory, move=move)

    def _start(self, daemon, some):
        self._run(daemon, some, True)

    def _stop(self, daemon, some):
        self._run(daemon, some, False)

    def _run(self, daemon, some, running):
        for each in some:
            self.possible.torrents[each].running = running
        daemon.call("torrent_start" if running else "torrent_stop", ids=some)

    def _move(self, daemon, some):
        """To an end of the queue: what is in between depends on what other clients have there."""
        where = self.random.choice(("top", "bottom"))
        chosen = {h: kept for h, kept in self.possible.torrents.items() if h in some}
        others = {h: kept for h, kept in self.possible.torrents.items() if h not in some}
        self.possible.torrents = chosen | others if where == "top" else others | chosen
        daemon.call(f"queue_move_{where}", ids=some)

    def _set_setting(self, daemon):
        if self.has_setting:
            self.possible.speed_limit = self.random.randrange(1, 100000)
            daemon.call("session_set", speed_limit_down=self.possible.speed_limit)
