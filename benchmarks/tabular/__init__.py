"""Benchmarks of networks on tables of numbers and categories."""
