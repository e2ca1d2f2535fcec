"""Payload and state on disk: files, hashing, checking, fast resume.

Nothing here knows a socket or a peer.  Calls that block are run on a `disk.Lane` by whoever
makes them; what may run on the reactor's thread says so.
"""
