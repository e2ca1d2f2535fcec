"""One torrent, from its metainfo to seeding: a short list of parts, each with its own state."""
