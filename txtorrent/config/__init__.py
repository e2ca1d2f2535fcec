"""Settings files, whoever's they are: documents of TOML and JSON, and what their values may be.

Which settings there are is said elsewhere, in tables made of what is here. Pure but for
`document.read_text`, which reads a file.
"""
