"""Peak memory and time of NT-Xent, forward and backward, by the number of pairs.

Each measurement has a process of its own, of which the operating system says how much memory it had
at most: PyTorch's memory is not seen by tracemalloc. The processes give large blocks back when they
are freed; otherwise the C library keeps some for later, 50 to 300 MB of them, never the same.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import _next_door  # noqa: F401
import torch
from _report import PACKAGES, parse_arguments, report, table
from torch.nn.functional import cross_entropy, normalize

from sklearn_contrastive.deep import nt_xent_loss

PACKAGES["torch"] = "torch"
N_COMPONENTS = 128
TEMPERATURE = 0.5


def textbook(first, second):
    """NT-Xent as cross-entropy of the whole matrix of similarities, as it is often written."""
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
    """Most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux


def one_run(name, n_pairs, repetitions=3):
    """What one loss costs in this process, beyond what the process had before."""
    generator = torch.Generator().manual_seed(0)
    pair = [
        torch.randn(n_pairs, N_COMPONENTS, generator=generator).requires_grad_() for _ in range(2)
    ]
    loss = LOSSES[name]
    loss(*(each[:4] for each in pair)).backward()  # what is loaded on first use
    before, seconds = peak(), []
    for _ in range(repetitions):
        start = time.perf_counter()
        value = loss(*pair)
        value.backward()
        seconds.append(time.perf_counter() - start)
    return {"peak MB": peak() - before, "seconds": min(seconds), "loss": value.item()}


def measured(name, n_pairs):
    """`one_run` in a fresh process."""
    command = [sys.executable, __file__, "--one", name, str(n_pairs)]
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": "1000000"}
    output = subprocess.run(command, capture_output=True, check=True, text=True, env=env).stdout
    return {"pairs": n_pairs, "loss of": name} | json.loads(output)


def main():
    """Measure the losses at growing batches, each in its own process."""
    arguments = parse_arguments("loss_memory", __doc__.splitlines()[0], seeds=1, quick_seeds=1)
    if arguments.output.parent == Path(__file__).parents[1] / "results":
        arguments.output = Path(__file__).parent / "results" / "loss_memory.json"
    start = time.perf_counter()
    sizes = (256, 1024) if arguments.quick else (256, 512, 1024, 2048, 4096)
    results = [measured(name, n_pairs) for n_pairs in sizes for name in LOSSES]
    print(table(results))
    report(arguments, results, time.perf_counter() - start)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one_run(sys.argv[2], int(sys.argv[3]))))
    else:
        main()
