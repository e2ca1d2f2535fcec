"""The life of a torrent as a state graph. Everything that may change its state is here.

    new -> loading -> checking -> downloading <-> seeding
               \\________________/        |          |
       any of them -> failed (tries again when told) and -> stopping -> stopped

What is done in a state is `Torrent`'s business; here is only what may follow what.
"""

from enum import Enum
from typing import Protocol

from automat import TypeMachineBuilder


class State(Enum):
    """Where a torrent is in its life; the values are what users read."""

    NEW = "new"
    LOADING = "loading"
    CHECKING = "checking"
    DOWNLOADING = "downloading"
    SEEDING = "seeding"
    FAILED = "error"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Life(Protocol):
    """What can happen to a torrent."""

    def start(self) -> None:
        """The user, or the session, wants it to run."""

    def check_needed(self) -> None:
        """Something on disk has to be hashed before it can be believed."""

    def found_incomplete(self) -> None:
        """What is on disk is known, and pieces are missing."""

    def found_complete(self) -> None:
        """What is on disk is known, and it is everything that is wanted."""

    def last_piece(self) -> None:
        """The last wanted piece was verified, or those that are missing are wanted no more."""

    def more_wanted(self) -> None:
        """Pieces are wanted that are missing."""

    def fail(self) -> None:
        """The disk does not do its work."""

    def try_again(self) -> None:
        """What failed may work now."""

    def stop(self) -> None:
        """The user, or the session, wants it to end."""

    def all_stopped(self) -> None:
        """Every part has ended."""


class Stages(Protocol):
    """What a torrent does as its life goes on; each returns at once."""

    def load(self) -> None:
        """Find out what the journal and the disk hold."""

    def announce_check(self) -> None:
        """Say that a check begins."""

    def begin_leeching(self) -> None:
        """Exchange pieces."""

    def begin_seeding(self) -> None:
        """Serve pieces."""

    def turn_seed(self) -> None:
        """From leeching to seeding, without a pause."""

    def turn_leech(self) -> None:
        """From seeding to leeching, without a pause."""

    def give_up(self) -> None:
        """End every part, and look now and then whether it can go on."""

    def wind_down(self) -> None:
        """End every part in good order."""

    def rest(self) -> None:
        """Nothing is left running."""


_builder = TypeMachineBuilder(Life, Stages)  # type: ignore[type-abstract]

new = _builder.state("new")
loading = _builder.state("loading")
checking = _builder.state("checking")
downloading = _builder.state("downloading")
seeding = _builder.state("seeding")
failed = _builder.state("failed")
stopping = _builder.state("stopping")
stopped = _builder.state("stopped")


@new.upon(Life.start).to(loading)
@stopped.upon(Life.start).to(loading)
@failed.upon(Life.try_again).to(loading)
def _load(life: Life, stages: Stages) -> None:
    stages.load()


@loading.upon(Life.check_needed).to(checking)
def _check(life: Life, stages: Stages) -> None:
    stages.announce_check()


@loading.upon(Life.found_incomplete).to(downloading)
@checking.upon(Life.found_incomplete).to(downloading)
def _leech(life: Life, stages: Stages) -> None:
    stages.begin_leeching()


@loading.upon(Life.found_complete).to(seeding)
@checking.upon(Life.found_complete).to(seeding)
def _seed(life: Life, stages: Stages) -> None:
    stages.begin_seeding()


@downloading.upon(Life.last_piece).to(seeding)
def _turn_seed(life: Life, stages: Stages) -> None:
    stages.turn_seed()


@seeding.upon(Life.more_wanted).to(downloading)
def _turn_leech(life: Life, stages: Stages) -> None:
    stages.turn_leech()


@loading.upon(Life.fail).to(failed)
@checking.upon(Life.fail).to(failed)
@downloading.upon(Life.fail).to(failed)
@seeding.upon(Life.fail).to(failed)
def _fail(life: Life, stages: Stages) -> None:
    stages.give_up()


@loading.upon(Life.stop).to(stopping)
@checking.upon(Life.stop).to(stopping)
@downloading.upon(Life.stop).to(stopping)
@seeding.upon(Life.stop).to(stopping)
@failed.upon(Life.stop).to(stopping)
def _stop(life: Life, stages: Stages) -> None:
    stages.wind_down()


@new.upon(Life.stop).to(stopped)
@stopping.upon(Life.all_stopped).to(stopped)
def _rest(life: Life, stages: Stages) -> None:
    stages.rest()


for _state in (failed, stopping, stopped):
    _state.upon(Life.fail).loop().returns(None)
for _state in (stopping, stopped):
    _state.upon(Life.stop).loop().returns(None)
    _state.upon(Life.try_again).loop().returns(None)
    _state.upon(Life.last_piece).loop().returns(None)
failed.upon(Life.last_piece).loop().returns(None)

make_life = _builder.build()
