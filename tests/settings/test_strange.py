"""Whatever a client or a file says, the answer is a value or a complaint in one line."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.config.document import ConfigError
from txtorrent.settings.file import parse
from txtorrent.settings.settings import SettingError, Settings
from txtorrent.settings.table import SETTINGS

WORDS = ["days", "begin", "directory", "labels", "speed_limit_up", "08:00", "/srv", "mon", "5MB"]
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(WORDS)
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
TOML = st.text(st.sampled_from('[]{}="\n#., 0a\\') | st.characters(), max_size=40)
KEYS = st.sampled_from([f"{name} = " for name in SETTINGS] + ["[[watch]]\n", "[scripts]\n", ""])


class Strange(SynchronousTestCase):
    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.sampled_from(sorted(SETTINGS)), VALUES)
    def test_values(self, name, value):
        current = Settings({"allowed_directories": ["/"]})
        try:
            kept = SETTINGS[name].kind.parse(value)
        except ValueError as error:
            self.assertEqual(len(str(error).splitlines()), 1)
        else:
            self.assertEqual(SETTINGS[name].kind.parse(kept), kept)
        try:
            current.set(name, value)
        except SettingError as error:
            self.assertEqual(current.changed, {})
            self.assertEqual(error.name, name)

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.lists(st.tuples(KEYS, TOML), max_size=4))
    def test_files(self, parts):
        text = "\n".join(key + value for key, value in parts)
        try:
            parse(text, "c.toml")
        except ConfigError as error:
            self.assertTrue(str(error).startswith("c.toml:"))
            self.assertEqual(len(str(error).splitlines()), 1)
