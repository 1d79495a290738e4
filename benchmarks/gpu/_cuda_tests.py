"""The tests that need a GPU, in a process of their own."""

import importlib.util
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from .._common.record import ROOT
from ._gpu_sections import Goal, Skipped

# file -> the words that choose its tests, and what they import beyond pytest and hypothesis
FILES = {
    "tests/deep/test_cuda.py": ("", ()),
    "tests/linear/test_array_api.py": ("cuda", ("array_api_strict",)),
}
SECONDS, N_WORKERS = 90, 4


def cuda_tests(setting, found):
    """Numbers of tests that passed, failed and were skipped, by file."""
    missing = [name for name in ("pytest", "hypothesis") if not _installed(name)]
    if missing:
        raise Skipped(f"not run: {' and '.join(missing)} not installed")
    if setting.quick:
        raise Skipped("not run in a quick run")
    if not setting.on_gpu:
        raise Skipped("not run: the device is not a GPU")
    found["files"], n_failed = {}, 0
    for path, (words, needs) in FILES.items():
        lacking = [name for name in needs if not _installed(name)]
        if lacking:
            found["files"][path] = f"not run: {' and '.join(lacking)} not installed"
            continue
        workers = N_WORKERS if _installed("xdist") else 0
        found["files"][path] = counts = counted(path, words, workers)
        n_failed += counts["failed"]
    return [Goal("tests that failed", n_failed, 0)]


def counted(path, words, workers=0):
    """Run the tests of a file: numbers of those that passed, failed and were skipped."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", path, f"--junitxml={report}"]
        command += ["-p", "no:cacheprovider", *(["-k", words] if words else [])]
        command += ["-n", str(workers)] if workers else []
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS)
        if not report.is_file():
            raise RuntimeError(f"pytest wrote no report: {(done.stdout + done.stderr)[-400:]}")
        suite = ElementTree.parse(report).getroot()[0]
    number = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    failed = number["failures"] + number["errors"]
    if failed:
        print(done.stdout[-3000:], flush=True)
    return {
        "passed": number["tests"] - failed - number["skipped"],
        "failed": failed,
        "skipped": number["skipped"],
    }


def _installed(name):
    return importlib.util.find_spec(name) is not None
