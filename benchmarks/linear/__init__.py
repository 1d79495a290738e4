"""Benchmarks of the closed-form estimators: accuracy, subspace error, time and memory."""
