"""Benchmarks of SimCLREmbedder: accuracy with few labels, settings, time and memory."""
