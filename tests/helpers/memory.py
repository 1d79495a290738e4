"""Memory maps, and the memory that a call allocates."""

import tracemalloc

import numpy as np

__all__ = ["memory_map", "peak_memory"]


def memory_map(X, folder):
    """Write float64 samples to a file in a folder, and return the file mapped read-only."""
    path = folder / "samples"
    X.tofile(path)
    return np.memmap(path, dtype=np.float64, mode="r", shape=X.shape)


def peak_memory(function):
    """Return the result of a call without arguments, and the peak of its memory in bytes."""
    tracemalloc.start()
    try:
        result = function()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
