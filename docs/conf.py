"""How Sphinx builds these pages."""

from importlib.metadata import version as installed

project = "txtorrent"
author = "The txtorrent developers"
copyright = "2026, The txtorrent developers"  # noqa: A001 - Sphinx wants this name
version = release = installed("txtorrent")

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nitpicky = False

autodoc_typehints = "description"
autodoc_member_order = "bysource"

html_theme = "alabaster"
html_theme_options = {"description": "A BitTorrent client for servers, on Twisted"}
