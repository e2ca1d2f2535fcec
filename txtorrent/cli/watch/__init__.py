"""`watch`: all torrents on the full screen, with keys to act.

What is shown and chosen (`model.py`), how it looks (`view.py`), what a key is (`keys.py`) and what
it does (`actions.py`) are each their own; `screen.py` goes round between them.
"""
