"""The block of the README, and docs/measured with its pictures, from the committed records.

``python -m benchmarks.report`` writes all. Run it after the benchmarks; a test compares the pages
and the pictures with the records.
"""
