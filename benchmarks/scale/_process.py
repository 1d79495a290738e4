"""Wall and CPU seconds of parts of a program, and the peak memory of its process."""

import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Clock", "peak_memory"]


class Clock:
    """Seconds of named parts.

    Attributes
    ----------
    wall, cpu : dict of str to float
        Seconds of each part. CPU seconds are those of one thread, so that other programs on the
        machine hardly change them.
    """

    def __init__(self):
        self.wall, self.cpu = defaultdict(float), defaultdict(float)

    @contextmanager
    def part(self, name):
        """Add the seconds of the body to a part."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.wall[name] += time.perf_counter() - wall
            self.cpu[name] += time.thread_time() - cpu


def peak_memory():
    """Largest resident memory of this process so far, in bytes (Linux).

    Not ru_maxrss, in which a new process begins with the memory of the one that started it.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
