"""What a torrent is: its file list, its pieces and its trackers, read from a .torrent file.

Pure: nothing here knows a peer, a tracker connection or the data on disk.
"""
