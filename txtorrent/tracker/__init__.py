"""Asking trackers for peers: HTTP and UDP clients, the rules of whom to talk to, and the announces
of one torrent (BEP 3, 12, 15, 48)."""
