"""The command `txtorrent`: for people at a shell, speaking to a daemon over its control API.

Nothing here knows the engine: whatever answers Transmission's JSON-RPC 2.0 can be driven, with
less to show where `api.py` names methods of ours. Of the package only the metainfo is used, for
what needs no daemon. Nothing here runs on Twisted: a command asks, shows, and ends.
"""
