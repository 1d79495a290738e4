"""Peak memory and time of SimCLREmbedder for large batches, cut into chunks or whole.

Each measurement has a process of its own with one thread. Memory is the peak of the whole process,
as the operating system reports it, and that above the peak of a tiny training, which loads the
libraries. Milliseconds are those of the processor for each image, of one more epoch; of several
repetitions the shortest counts.
"""

import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

from sklearn_contrastive.deep import SimCLREmbedder

from .._common.record import Run

CHUNK_SIZE = 256
SHAPE = (32, 32, 3)
# several batches in an epoch, because some diagnostics are computed once in an epoch
N_BATCHES = 2
# batch size, chunk size or 0 for whole batches
CASES = [(256, 0), (1024, 0), (1024, CHUNK_SIZE), (4096, CHUNK_SIZE)]
QUICK_CASES = [(32, 0), (128, 0), (128, 32)]


def one_run(n_stored, batch_size, chunk_size):
    """Peak memory and milliseconds of an image in an epoch, in this process."""
    stored = np.random.default_rng(0).integers(0, 256, (n_stored, *SHAPE), dtype=np.uint8)

    def fit(images, max_epochs=1):
        start = time.process_time()
        SimCLREmbedder(
            "resnet_narrow",
            batch_size=min(batch_size, len(images)),
            chunk_size=min(chunk_size, len(images)) or None,
            max_epochs=max_epochs,
            device="cpu",
            precision="float32",
            random_state=0,
            verbose=0,
        ).fit(images)
        return time.process_time() - start

    fit(stored[:8])
    before = peak()
    one, two = (fit(stored, max_epochs) for max_epochs in (1, 2))
    return {
        "peak MB": peak(),
        "above MB": peak() - before,
        "ms per image": 1000 * (two - one) / n_stored,
    }


def peak():
    """Peak memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux


def measured(n_stored, batch_size, chunk_size):
    """`one_run` in a new process with one thread, which returns large blocks once they are free."""
    arguments = [str(each) for each in (n_stored, batch_size, chunk_size)]
    command = [sys.executable, "-m", __spec__.name, "--one", *arguments]
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": "1000000", "OMP_NUM_THREADS": "1"}
    output = subprocess.run(command, capture_output=True, check=True, text=True, env=env).stdout
    return {"batch": batch_size, "chunk": chunk_size or batch_size} | json.loads(output)


def shortest(repeated):
    """The shortest of the times of one case; the largest of the memory."""
    row = {name: max(each[name] for each in repeated) for name in repeated[0]}
    return row | {"ms per image": min(each["ms per image"] for each in repeated)}


def main():
    """Measure every case in its own process, one after the other."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=3, quick_seeds=1)
    run.machine["blas_threads"] = 1
    cases = QUICK_CASES if run.quick else CASES
    n_stored = N_BATCHES * max(batch_size for batch_size, _ in cases)
    draws = [[measured(n_stored, *case) for case in cases] for _ in run.seeds]
    rows = [shortest(repeated) for repeated in zip(*draws, strict=True)]
    run.add_table("Images of 32 x 32 in colour", rows)
    run.settings |= {"images": n_stored, "shape": SHAPE, "encoder": "resnet_narrow"}
    run.results = {"rows": rows}
    run.save()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one_run(*map(int, sys.argv[2:5]))))
    else:
        main()
