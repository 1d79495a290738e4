"""Benchmarks and demonstrations of sklearn_contrastive.

Run from the root of the repository, for example ``python -m benchmarks.linear.speed --quick``.
Modules whose name begins with an underscore are helpers. Each benchmark prints its tables and
writes a JSON record to the folder ``results`` beside it; ``python -m benchmarks.report`` writes the
tables of the documentation from the committed records.
"""
