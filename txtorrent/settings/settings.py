"""The settings as they are now: the file, over it what was changed at run time, over that the
command line.

The governing rule: what comes over the control socket can never widen what the one who wrote the
file allowed. So some settings cannot be changed there at all, and no path leads out of `roots`.
"""

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.logger import Logger

from txtorrent.config.kinds import shortened
from txtorrent.config.records import Setting, did_you_mean, paths_in, turn_on
from txtorrent.settings.table import SETTINGS
from txtorrent.settings.together import Contradiction, contradiction

_log = Logger()

Listener = Callable[[frozenset[str]], object]


class SettingError(ValueError):
    """A setting cannot be had or changed so; `name` is which, the text says why."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(shortened(reason))
        self.name = name


class Settings:
    """All settings of a daemon.

    `file` is what `file.read` gave; `changed` what `changed` was when the last run ended, as it
    came back from where it was stored; `command_line` has values by name, checked here
    (SettingError). Values that are lists and tables belong to the settings: not to be changed.
    """

    def __init__(
        self,
        file: Mapping[str, Any] | None = None,
        changed: Mapping[str, Any] | None = None,
        command_line: Mapping[str, Any] | None = None,
    ) -> None:
        default = {name: each.kind.parse(each.default) for name, each in SETTINGS.items()}
        given = {name: _parsed(name, value) for name, value in (command_line or {}).items()}
        turn_on(SETTINGS.values(), given)
        self._file = dict(file or {})
        self._fixed = ChainMap(given, self._file, default)
        self._changed: dict[str, Any] = {}
        self._over = dict(given)
        self._layers = ChainMap(self._over, self._changed, self._file, default)
        self._current = dict(self._layers)
        """What the layers come to: a setting is asked for far more often than it is changed."""
        self._listeners: dict[object, Listener] = {}
        self._take_over(changed or {})

    @property
    def changed(self) -> Mapping[str, Any]:
        """What was changed at run time, by name, as JSON can hold it: to be stored."""
        return dict(self._changed)

    @property
    def overridden(self) -> list[str]:
        """What the file sets and a change at run time sets otherwise: worth a line at the start."""
        return [
            name
            for name, value in self._changed.items()
            if name in self._file and self._file[name] != value
        ]

    @property
    def roots(self) -> list[str]:
        """Directories beneath which content that is asked for over the control socket must be.

        Whoever uses a path has to follow its links first: here only texts are compared.
        """
        allowed: list[str] = self._fixed["allowed_directories"]
        return allowed or sorted(
            path
            for name in ("download_dir", "incomplete_dir", "trackers")
            for path in paths_in(SETTINGS[name].kind, self._fixed[name])
        ) + [each["destination"] for each in self._fixed["watch"] if "destination" in each]

    def names(self) -> list[str]:
        """All settings that may be shown."""
        return [name for name, setting in SETTINGS.items() if not setting.secret]

    def get(self, name: str) -> Any:
        """The value that counts now. KeyError: there is no such setting, or it is a secret."""
        if SETTINGS[name].secret:
            raise KeyError(name)
        return self._current[name]

    def secret(self, name: str) -> str:
        """What is shown to nobody, for the one who needs it."""
        value: str = self._current[name]
        return value

    def set(self, name: str, value: Any) -> None:
        """Change one setting from now on. SettingError: nothing was changed."""
        self.apply(self.checked({name: value}))

    def checked(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changes asked for over the control socket, in the form for `apply`, which may come
        later, when they have been stored. SettingError; nothing is changed here.
        """
        checked = {name: self._permitted(name, value) for name, value in changes.items()}
        try:
            contradiction(ChainMap(checked, self._current).__getitem__)
        except Contradiction as error:
            raise SettingError(error.name, str(error)) from None
        return checked

    def apply(self, checked: Mapping[str, Any]) -> None:
        """Make checked changes count, also over the command line in this run, and tell of them."""
        self._tell(checked, lambda: self._changed.update(checked))

    def reset(self, names: Iterable[str]) -> None:
        """Forget what was changed of these settings: the file counts again, or the default."""
        names = [_setting(name).name for name in names]
        self._tell(names, lambda: [self._changed.pop(name, None) for name in names])

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with the names whose values have just changed; gives what ends that."""
        key = object()
        self._listeners[key] = listener
        return lambda: self._listeners.pop(key, None) and None

    # -- inside ------------------------------------------------------------------------------

    def _permitted(self, name: str, value: Any) -> Any:
        setting = _setting(name)
        if setting.file_only:
            raise SettingError(name, f"{name} can be set in the settings file only")
        parsed = _parsed(name, value)
        for path in paths_in(setting.kind, parsed):
            if not is_beneath(path, self.roots):
                raise SettingError(name, f"{name}: {path} is not in an allowed directory")
        return parsed

    def _take_over(self, stored: Mapping[str, Any]) -> None:
        """What an earlier run stored; what this version or the file no longer allows is left."""
        for name, value in stored.items():
            try:
                self._changed[name] = self._permitted(name, value)
            except SettingError as error:
                _log.warn("a change of an earlier run is left out: {why}", why=str(error))
        self._current = dict(self._layers)

    def _tell(self, names: Iterable[str], change: Callable[[], object]) -> None:
        before = {name: self._current[name] for name in names}
        for name in before:
            self._over.pop(name, None)
        change()
        self._current = dict(self._layers)
        different = frozenset(name for name in before if self._current[name] != before[name])
        for listener in tuple(self._listeners.values()) if different else ():
            try:
                listener(different)
            except Exception:
                _log.failure("an error of ours after {names} changed", names=sorted(different))


def is_beneath(path: str, roots: Iterable[str]) -> bool:
    """Whether a normalised path is one of the roots or lies beneath one."""
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)


def _setting(name: str) -> Setting:
    setting = SETTINGS.get(name)
    if setting is None:
        raise SettingError(name, f"there is no setting {name!r}{did_you_mean(name, SETTINGS)}")
    return setting


def _parsed(name: str, value: Any) -> Any:
    try:
        return _setting(name).kind.parse(value)
    except SettingError:
        raise
    except ValueError as error:
        raise SettingError(name, f"{name}: {error}") from None
