"""The commands, by what they are about; each module has those that belong together."""
