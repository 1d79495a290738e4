"""Settings of the whole suite: one thread, hypothesis profiles, plots without a screen."""

import importlib.util
import os
import sys

import pytest
from hypothesis import HealthCheck, settings

# Set before anything imports NumPy or PyTorch, and inherited by the subprocesses that tests start:
# the matrices are small, and two pytest workers with two threads each would slow each other down.
for _library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

# Set before anything imports matplotlib.
os.environ.setdefault("MPLBACKEND", "Agg")

# Set before anything imports SciPy: scikit-learn needs it for arrays of other libraries.
# test_array_api.py also runs without it.
os.environ["SCIPY_ARRAY_API"] = "1"

# The same examples in every run, so that a run that passed passes again; others with
# HYPOTHESIS_PROFILE=nightly. No deadline: on a busy machine one eigenproblem can take seconds.
settings.register_profile(
    "repeatable",
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "nightly",
    max_examples=1000,
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# Where PyTorch is not installed, as in `make test-oldest`, the tests of all else run.
if importlib.util.find_spec("torch") is None:
    collect_ignore = [
        *("augmentation/images", "augmentation/test_image_augmenter.py", "benchmarks", "deep"),
        *("docs", "fuzz/test_files.py", "fuzz/test_images.py", "images"),
        *("generative/test_training.py", "linear/test_array_api.py"),
        *("plotting/test_augmentations.py", "plotting/test_neighbours.py"),
        *("plotting/test_pictures.py", "plotting/test_training.py", "test_altered_files.py"),
        *("test_docs.py", "test_full_disk.py", "test_malicious_files.py"),
        *("test_docstrings.py", "test_examples.py", "test_model_selection.py", "test_onnx.py"),
        *("test_onnx_encoder.py", "test_onnx_service.py", "test_package.py"),
        *("test_stored_files.py", "test_stored_fit.py", "test_threads.py"),
    ]


@pytest.fixture(scope="session")
def torch():
    """PyTorch, for a test among those that run without it."""
    return pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.fixture(autouse=True)
def figures_closed():
    """Close the figures of a test, those of the examples in docstrings included."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
