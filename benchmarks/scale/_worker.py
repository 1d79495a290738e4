"""What the workers of a Dask cluster run: chunks that they draw, and what they have used.

Workers import this module, so that all tasks of a process share one clock.
"""

import time

import dask.array as da
import numpy as np
from dask.delayed import delayed

from ._chunks import sensors
from ._process import Clock, peak_memory

__all__ = ["lazy_samples", "state_of_worker"]

# of this process; each worker has its own
_CLOCK = Clock()


def _drawn(number, n_rows, n_features):
    with _CLOCK.part("drawing"):
        return sensors(number, n_rows, n_features)


def lazy_samples(n_chunks, n_rows, n_features):
    """A dask array of chunks that are drawn when they are computed."""
    shape = (n_rows, n_features)
    parts = (
        da.from_delayed(delayed(_drawn, pure=True)(number, *shape), shape, np.float64)
        for number in range(n_chunks)
    )
    return da.concatenate(list(parts))


def state_of_worker():
    """CPU seconds so far, of which drawing, and peak memory."""
    return time.process_time(), _CLOCK.cpu["drawing"], peak_memory()
