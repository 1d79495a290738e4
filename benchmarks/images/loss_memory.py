"""Peak memory and time of NT-Xent, forward and backward, by the number of pairs.

Each measurement has a process of its own with one thread, and the operating system reports its peak
memory: tracemalloc does not count PyTorch's. The processes return large blocks when they are freed;
otherwise the C library keeps a varying number of them, 50 to 300 MB.
"""

import json
import os
import resource
import subprocess
import sys
import time

import torch
from torch.nn.functional import cross_entropy, normalize

from sklearn_contrastive.deep import nt_xent_loss

from .._common.record import Run

N_COMPONENTS = 128
TEMPERATURE = 0.5


def textbook(first, second):
    """NT-Xent as cross-entropy of the whole matrix of similarities, the common form."""
    units = normalize(torch.cat([first, second]))
    logits = (units @ units.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    partners = torch.arange(len(units)).roll(len(first))
    return cross_entropy(logits, partners)


LOSSES = {
    "whole matrix": textbook,
    "one chunk": lambda first, second: nt_xent_loss(
        first, second, TEMPERATURE, chunk_size=2 * len(first)
    ),
    "default": lambda first, second: nt_xent_loss(first, second, TEMPERATURE),
}


def peak():
    """Peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux


def one_run(name, n_pairs, repetitions=3):
    """Memory and time of one loss in this process, above the memory before it."""
    generator = torch.Generator().manual_seed(0)
    pair = [
        torch.randn(n_pairs, N_COMPONENTS, generator=generator).requires_grad_() for _ in range(2)
    ]
    loss = LOSSES[name]
    loss(*(each[:4] for each in pair)).backward()  # loads libraries on first use
    before, seconds = peak(), []
    for _ in range(repetitions):
        start = time.perf_counter()
        value = loss(*pair)
        value.backward()
        seconds.append(time.perf_counter() - start)
    return {"peak MB": peak() - before, "seconds": min(seconds), "loss": value.item()}


def measured(name, n_pairs):
    """`one_run` in a new process with one thread."""
    command = [sys.executable, "-m", __spec__.name, "--one", name, str(n_pairs)]
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": "1000000", "OMP_NUM_THREADS": "1"}
    output = subprocess.run(command, capture_output=True, check=True, text=True, env=env).stdout
    return {"pairs": n_pairs, "loss of": name} | json.loads(output)


def main():
    """Measure the losses at growing batches, each in its own process."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=1, quick_seeds=1)
    run.machine["blas_threads"] = 1
    sizes = (256, 1024) if run.quick else (256, 512, 1024, 2048, 4096)
    rows = [measured(name, n_pairs) for n_pairs in sizes for name in LOSSES]
    run.add_table("NT-Xent, forward and backward", rows)
    run.results = {"rows": rows}
    run.save()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one_run(sys.argv[2], int(sys.argv[3]))))
    else:
        main()
