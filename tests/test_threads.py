"""Eight threads call transform of one fitted estimator: the results are those of one thread."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sklearn_contrastive import LinearContrastive, SimCLREmbedder, SupervisedLinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.deep import LinearContrastiveEncoder, TabularContrastiveEmbedder

N_THREADS = 8
X = make_spiked_covariance(400, 16, 2, signal=3.0, random_state=0)[0]
INCOMPLETE = np.where(np.random.RandomState(1).uniform(size=X.shape) < 0.1, np.nan, X)
IMAGES = np.random.default_rng(0).random((40, 8, 8)).astype(np.float32)
LABELS = np.arange(400) % 4
TRAINING = {"max_epochs": 1, "batch_size": 20, "random_state": 0, "device": "cpu"}

FITTED = {
    "LinearContrastive": (lambda: LinearContrastive(2).fit(X), X),
    "LinearContrastive of incomplete rows": (lambda: LinearContrastive(2).fit(X), INCOMPLETE),
    "robust LinearContrastive": (lambda: LinearContrastive(2, robust=True).fit(X), X),
    "SupervisedLinearContrastive": (lambda: SupervisedLinearContrastive(2).fit(X, LABELS), X),
    "SimCLREmbedder": (lambda: SimCLREmbedder("resnet_narrow", **TRAINING).fit(IMAGES), IMAGES),
    "SimCLREmbedder of projections": (
        lambda: SimCLREmbedder("resnet_narrow", output="projection", **TRAINING).fit(IMAGES),
        IMAGES,
    ),
    "TabularContrastiveEmbedder": (lambda: TabularContrastiveEmbedder(**TRAINING).fit(X), X),
    "LinearContrastiveEncoder": (lambda: LinearContrastiveEncoder(2, max_epochs=2).fit(X), X),
}


@pytest.mark.parametrize(("fit", "samples"), FITTED.values(), ids=FITTED)
def test_eight_threads_get_the_scores_of_one(fit, samples):
    model = fit()
    # each thread has rows of its own, so that mixed-up results would be seen
    inputs = [samples[start:] for start in range(N_THREADS)]
    expected = [model.transform(each) for each in inputs]
    start = Barrier(N_THREADS)

    def repeatedly(each):
        start.wait()
        return [model.transform(each) for _ in range(3)]

    with ThreadPoolExecutor(N_THREADS) as pool:
        together = list(pool.map(repeatedly, inputs))
    for found, wanted in zip(together, expected, strict=True):
        for scores in found:
            assert_array_equal(scores, wanted)


def test_threads_may_load_one_file_at_once(tmp_path):
    model = SimCLREmbedder("resnet_narrow", **TRAINING).fit(IMAGES)
    model.save(tmp_path / "model")
    expected = model.transform(IMAGES)
    with ThreadPoolExecutor(N_THREADS) as pool:
        loaded = list(pool.map(lambda _: SimCLREmbedder.load(tmp_path / "model"), range(N_THREADS)))
    for each in loaded:
        assert_array_equal(each.transform(IMAGES), expected)
