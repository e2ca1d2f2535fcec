"""What a torrent is: its file list, its pieces and its trackers, read from a .torrent file; and how
one is made.

Nothing here knows a peer or a tracker connection. Pure, but that `torrentfile.load` reads a file,
and that what makes torrents (create, contents, hashing) reads their content.
"""
