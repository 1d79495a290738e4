"""Helpers that the benchmarks share: records, tables, plots, data and timing."""
