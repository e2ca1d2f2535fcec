"""A tracker: who is in which swarm, told over HTTP and UDP (BEP 3, 7, 15, 23, 24, 27, 41, 48)."""
