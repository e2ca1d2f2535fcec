"""The distributed hash table: peers of torrents and items, found by asking other nodes (BEP 5)."""
