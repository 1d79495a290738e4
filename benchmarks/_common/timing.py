"""Wall-clock times of interleaved calls: a busy machine slows all functions alike."""

import time

import numpy as np


def interleaved_times(functions, repetitions, settle=False):
    """Call the functions A B C A B C ...: name -> array of seconds, after one unmeasured round.

    With `settle` each measured call follows an unmeasured one of the same function. NumPy and SciPy
    each have a BLAS; threads of the other one can still spin when a call begins.
    """
    times = {name: [] for name in functions}
    for repetition in range(repetitions + 1):
        for name, function in functions.items():
            if settle:
                function()
            start = time.perf_counter()
            function()
            if repetition:
                times[name].append(time.perf_counter() - start)
    return {name: np.array(seconds) for name, seconds in times.items()}


def median_ratio(times, name, reference):
    """Median over repetitions of the time of `name` over the time of `reference` beside it."""
    return float(np.median(times[name] / times[reference]))
