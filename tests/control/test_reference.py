"""The page about the API says what the tables say."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.control.fields import FIELDS
from txtorrent.control.methods import METHODS
from txtorrent.control.preferences import PREFERENCES
from txtorrent.control.reference import MARK, render, rewritten

PAGE = Path(__file__).parents[2] / "docs" / "control-api.rst"


class Reference(SynchronousTestCase):
    def test_the_page_is_up_to_date(self):
        """If not: python -m txtorrent.control.reference docs/control-api.rst"""
        page = PAGE.read_text(encoding="utf-8")
        self.assertEqual(page, rewritten(page))
        self.assertEqual(page.count(MARK), 1)

    def test_everything_is_in_it(self):
        text = render()
        for name in METHODS:
            self.assertIn(f"\n{name}\n^^^", text)
        for name in (*FIELDS, *PREFERENCES):
            self.assertIn(f"\n``{name}``", text)

    def test_every_row_says_something(self):
        for method in METHODS.values():
            rows = (method, *method.params, *method.results)
            self.assertTrue(all(row.doc for row in rows), method.name)
        for row in (*FIELDS.values(), *PREFERENCES.values()):
            self.assertTrue(row.doc, row.name)
