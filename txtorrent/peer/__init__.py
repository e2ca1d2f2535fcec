"""The peer wire on Twisted: one Protocol, its two Factories, and what a connection uploads."""
