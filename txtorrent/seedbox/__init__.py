"""Many torrents for years: their list, what each is to do, and which of them run now."""
