"""Benchmarks of the theory: subspace errors and risks beside their bounds."""
