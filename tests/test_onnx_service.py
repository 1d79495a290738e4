"""The service of the guide: a process that runs ONNX files without scikit-learn and PyTorch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from skl2onnx import to_onnx
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive, SimCLREmbedder, SupervisedLinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.onnx import register_converters

SERVICE = Path(__file__).parents[1] / "docs" / "guide" / "onnx_service.py"
PROGRAM = f"""
import runpy, sys
runpy.run_path({str(SERVICE)!r}, run_name="__main__")
for package in ("torch", "sklearn", "scipy", "sklearn_contrastive"):
    assert package not in sys.modules, package
print("alone")
"""
X = make_spiked_covariance(200, 8, 2, signal=3.0, random_state=0)[0].astype(np.float32)
LABELS = np.arange(200) % 3


def answers(path, requests):
    """Answers of the service, in a process that must not import the training stack."""
    lines = "".join(json.dumps(request.tolist()) + "\n" for request in requests)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(path)],
        input=lines,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    *found, last = run.stdout.splitlines()
    assert last == "alone"
    return [json.loads(line) for line in found]


@pytest.mark.parametrize(
    "reducer", [LinearContrastive(2), SupervisedLinearContrastive(2)], ids=["plain", "with labels"]
)
def test_a_pipeline_runs_in_the_service(reducer, tmp_path):
    register_converters()
    pipeline = make_pipeline(StandardScaler(), reducer).fit(X, LABELS)
    path = tmp_path / "pipeline.onnx"
    path.write_bytes(to_onnx(pipeline, X[:1]).SerializeToString())
    many, one, wrong = answers(path, [X, X[:1], X[:, :3]])
    expected = pipeline.transform(X)
    assert_allclose(many, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert_allclose(one, expected[:1], rtol=0, atol=1e-5 * np.abs(expected).max())
    assert wrong == {"error": "send finite samples of shape (n, *[8])"}


def test_an_encoder_runs_in_the_service(tmp_path):
    images = np.random.default_rng(0).random((12, 8, 8)).astype(np.float32)
    settings = {"max_epochs": 1, "batch_size": 6, "random_state": 0, "device": "cpu"}
    embedder = SimCLREmbedder("resnet_narrow", **settings).fit(images)
    embedder.to_onnx(tmp_path / "encoder.onnx")
    (found,) = answers(tmp_path / "encoder.onnx", [images[:, np.newaxis]])
    expected = embedder.transform(images)
    assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
