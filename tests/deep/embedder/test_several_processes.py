"""Two processes of torchrun train as one process does with the whole batch."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import several_processes
from helpers.references import ROOT
from helpers.several_processes import (
    IMAGES,
    IN_CHUNKS,
    LABELS,
    OF_ALL_KINDS,
    autoencoder,
    embedder,
    fine_tuned,
    results_of_fit,
    supervised_embedder,
    train_in_double_precision,
)
from numpy.testing import assert_allclose

from sklearn_contrastive.deep._embedder.run import Training
from sklearn_contrastive.deep._training.batches import TensorSource
from sklearn_contrastive.deep._training.processes import Processes

FAILED = "Another process of this training failed"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results of the two processes."""
    folder = tmp_path_factory.mktemp("processes")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--standalone", several_processes.__file__, str(folder)]
    paths = [str(ROOT / "tests"), os.environ.get("PYTHONPATH")]
    run = subprocess.run(
        launcher,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    assert run.returncode == 0, run.stderr
    return [torch.load(folder / f"results-{rank}.pt") for rank in (0, 1)]


def assert_close(found, expected, tolerance):
    """Compare nested results."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name in expected:
            assert_close(found[name], expected[name], tolerance)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_close(a, b, tolerance)
    elif expected is None:
        assert found is None
    else:
        expected = np.asarray(expected, dtype=float)
        scale = max(1.0, np.abs(expected).max(initial=0))
        assert_allclose(np.asarray(found, dtype=float), expected, rtol=0, atol=tolerance * scale)


def test_means_and_gathered_rows_are_those_of_all_processes(results):
    for found in results:
        weight, bias = found["sums"]["gradients"]
        assert weight.tolist() == [[1.0, 2.0]]
        assert bias is None  # no process has one
        assert_close(found["sums"]["buffers"], [0.5, 0.5, 5, 1], 0)
        assert_close(found["sums"]["gathered"], [[0, 1], [2, 3], [4, 5]], 0)


def test_gradients_and_weights_are_those_of_one_process_in_float64(results):
    # batch norm, uneven parts of a batch, a learned temperature, an unused parameter, a penalty
    expected = train_in_double_precision()
    assert len(expected["gradients"]) == 3
    assert expected["gradients"][0][1] is None  # the unused one
    for found in results:
        assert_close(found["double"], expected, 1e-12)


def test_gradients_in_chunks_are_those_of_one_process_in_float64(results):
    expected = train_in_double_precision(**IN_CHUNKS)
    for found in results:
        for name in ("gradients", "weights", "loss"):
            assert_close(found["double in chunks"][name], expected[name], 1e-12)
    # running statistics are means over the processes, each of which has half of the chunks
    assert_close(*(found["double in chunks"]["buffers"] for found in results), 0)


def test_a_fit_is_that_of_one_process_with_the_whole_batch(results):
    expected = results_of_fit(embedder().fit(IMAGES))
    for found in results:
        assert_close(found["fit"]["weights"], expected["weights"], 1e-6)
        assert_close(found["fit"]["history"], expected["history"], 1e-5)
        assert_close(found["fit in chunks"]["weights"], expected["weights"], 1e-6)
    assert_close(results[0]["fit"], results[1]["fit"], 0)


def test_labels_are_those_of_the_whole_batch(results):
    expected = results_of_fit(supervised_embedder().fit(IMAGES, LABELS))
    for found in results:
        assert_close(found["labels"]["weights"], expected["weights"], 1e-6)
        assert_close(found["labels"]["history"], expected["history"], 1e-5)


def test_a_masked_autoencoder_is_that_of_one_process(results):
    expected = results_of_fit(autoencoder().fit(IMAGES))
    for found in results:
        assert_close(found["autoencoder"]["weights"], expected["weights"], 1e-5)
        assert_close(found["autoencoder"]["history"], expected["history"], 1e-5)
    assert_close(results[0]["autoencoder"], results[1]["autoencoder"], 0)


def test_a_fine_tuning_is_that_of_one_process_with_the_whole_batch(results):
    expected = results_of_fit(fine_tuned())
    for found in results:
        assert_close(found["fine-tuned"], expected, 1e-4)
    assert_close(results[0]["fine-tuned"], results[1]["fine-tuned"], 0)


def test_all_processes_take_weights_and_seed_of_the_first_one(results):
    assert_close(results[0]["unseeded"], results[1]["unseeded"], 0)


def test_an_error_of_one_process_is_one_of_all(results):
    first, second = (found["resume"]["error"] for found in results)
    assert first == ["CutOff", "no power"]
    assert second[0] == "RuntimeError"
    assert FAILED in second[1]


def test_the_state_of_every_image_is_that_of_one_process(results):
    expected = results_of_fit(embedder(**OF_ALL_KINDS).fit(IMAGES))
    assert expected["weights"]["loss.log_normalizers"].isfinite().all()
    for found in results:
        assert_close(found["resume"]["undisturbed"]["weights"], expected["weights"], 1e-6)


def test_training_resumes_exactly_from_the_checkpoint_of_the_first_process(results):
    for found in results:
        resume = found["resume"]
        assert resume["files"] == ["state.pt"]
        assert resume["left"] == []
        assert_close(resume["resumed"], resume["undisturbed"], 0)
    assert [found["resume"]["writes"] for found in results] == [[6, 9], []]
    assert_close(results[0]["resume"]["resumed"], results[1]["resume"]["resumed"], 0)


def test_a_fine_tuning_resumes_exactly_from_the_checkpoints_of_the_first_process(results):
    for found in results:
        resume = found["resume fine-tuning"]
        assert resume["files"] == ["state.pt", "state.pt"]  # that of the embedder is kept
        assert_close(resume["resumed"], resume["undisturbed"], 0)
    writes = [found["resume fine-tuning"]["writes"] for found in results]
    assert [len(each) for each in writes] == [3, 0]  # one of the fine-tuning, two of all images
    assert results[0]["resume fine-tuning"]["left"] == []


def test_the_script_of_the_guide_saves_once(results):
    assert len(results[0]["script"]["history"]) == 1
    assert results[1]["script"] is None


@pytest.mark.parametrize(
    ("name", "difference"),
    [
        ("other images", "different images: those"),
        ("fewer images", "numbers of images: 33, 32."),
        ("other labels", "different hashes of y: "),
    ],
)
def test_other_images_in_a_process_are_refused_by_all(results, name, difference):
    for found in results:
        kind, message = found[name]
        assert kind == "ValueError"
        assert difference in message


def test_a_process_does_not_wait_for_ever(results):
    kind, message = results[0]["alone"]
    assert kind == "RuntimeError"
    assert FAILED in message
    assert "Every process must call fit" in message


def test_a_batch_needs_an_image_for_each_process():
    processes = Processes()
    processes.size = 12
    net, source = embedder().fit(IMAGES).net_, TensorSource(torch.zeros(33, 3, 12, 12))
    training = Training(net, source, processes=processes, on_record=print)
    with pytest.raises(ValueError, match="A batch has 11 samples, fewer than the 12 processes"):
        training.run()
