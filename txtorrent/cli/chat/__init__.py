"""`txtorrent chat`: a line that is typed, and what is said above it.

Two things come at any time, keys and messages: `talk` waits for both, and nothing else writes to
the terminal.
"""
