"""Benchmark of a GPU in one command, python -m benchmarks.gpu, in less than nine minutes."""

import os

# before anything imports SciPy: scikit-learn needs it for tensors
os.environ.setdefault("SCIPY_ARRAY_API", "1")
