"""Benchmarks of data larger than memory: time of our own arithmetic, and peak memory."""
