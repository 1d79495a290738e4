"""Tables of the README and of docs/measured.rst, from the committed records.

``python -m benchmarks.report`` writes both. Run it after the benchmarks; a test compares the pages
with the records.
"""
