"""How fast txtorrent is beside other clients, on loopback: `python -m benchmarks --help`.

docs/benchmarks.rst says how it is measured and what the figures mean.
"""
