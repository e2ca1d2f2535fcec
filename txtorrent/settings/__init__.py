"""What the user decides: one table of settings, the file that sets them, and changes at run time.

`table.SETTINGS` is the one place where a setting is named, typed, limited and described; the
file, changes over the control socket, the example file and the documents all come from it.
"""
