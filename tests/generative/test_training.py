"""Trained generative networks: convergence to the closed forms."""

import numpy as np
import pytest
from helpers.callbacks import recording_callback
from helpers.generative import ESTIMATORS, small_samples
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.decomposition import PCA

from sklearn_contrastive import _lazy
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
from sklearn_contrastive.metrics import sin_theta_distance


def test_a_trained_autoencoder_reaches_pca():
    X = small_samples(1000)
    model = LinearAutoencoder(
        2, solver="gradient", max_epochs=100, batch_size=100, random_state=0
    ).fit(X)
    pca = PCA(2).fit(X)
    assert sin_theta_distance(model.components_, pca.components_) < 0.01
    assert sin_theta_distance(model.encoder_, pca.components_) < 0.02
    # in the same basis: not only the subspaces but the scores agree
    scores, exact_scores = model.transform(X), pca.transform(X)
    assert np.linalg.norm(scores - exact_scores) < 0.01 * np.linalg.norm(exact_scores)
    best = LinearAutoencoder(2).fit(X).score(X)
    assert best - 1e-4 * abs(best) <= model.score(X) <= best
    assert_allclose(-model.history_[-1]["loss"], model.score(X), rtol=1e-3)


def test_a_trained_masked_autoencoder_reaches_its_closed_form():
    X = small_samples(1000)
    exact = LinearAutoencoder(2, keep_probability=0.5).fit(X)
    model = clone(exact).set_params(
        solver="gradient", max_epochs=100, batch_size=100, random_state=0
    )
    model.fit(X)
    assert sin_theta_distance(model.components_, exact.components_) < 0.02
    assert sin_theta_distance(model.encoder_, exact.encoder_) < 0.06
    codes, exact_codes = model.transform(X), exact.transform(X)
    assert np.linalg.norm(codes - exact_codes) < 0.04 * np.linalg.norm(exact_codes)
    assert exact.score(X) - 1e-3 * abs(exact.score(X)) <= model.score(X) <= exact.score(X)
    # the loss of an epoch depends on its masks; ten epochs average them
    losses = [record["loss"] for record in model.history_[-10:]]
    assert_allclose(-np.mean(losses), model.score(X), rtol=0.03)


def test_a_trained_gan_reaches_pca():
    X = small_samples(1000)
    exact = LinearGAN(2).fit(X)
    model = LinearGAN(2, solver="gradient", max_epochs=50, batch_size=100, random_state=0).fit(X)
    assert sin_theta_distance(model.components_, exact.components_) < 0.02
    generated, best = (each.generator_ @ each.generator_.T for each in (model, exact))
    assert np.linalg.norm(generated - best) < 0.03 * np.linalg.norm(best)
    assert_allclose(model.transform(X), exact.transform(X), rtol=0, atol=0.2)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_training_is_repeatable_and_reports_each_epoch(estimator):
    X = small_samples(50)
    model = clone(estimator).set_params(solver="gradient", max_epochs=3, random_state=0).fit(X)
    again = clone(model).fit(X)
    assert_array_equal(model.components_, again.components_)
    assert [record["epoch"] for record in model.history_] == [1, 2, 3]
    assert model.history_ == again.history_
    assert model.n_iter_ == 3
    other = clone(model).set_params(random_state=1).fit(X)
    assert not np.array_equal(model.components_, other.components_)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_callbacks_are_called_after_every_epoch(estimator):
    callback, calls = recording_callback()
    model = clone(estimator).set_params(solver="gradient", max_epochs=3, random_state=0)
    model.set_callbacks(callback).fit(small_samples(50))
    assert [task for event, _, task in calls if event == "end"].count("epoch") == 3


def test_without_pytorch_the_gradient_solver_gives_the_install_command(monkeypatch):
    def missing(name, package):
        raise ModuleNotFoundError("No module named 'torch'")

    monkeypatch.setattr(_lazy, "import_module", missing)
    with pytest.raises(ImportError, match="python -m pip install torch skorch timm"):
        LinearAutoencoder(solver="gradient").fit(small_samples(8))
    LinearAutoencoder().fit(small_samples(8))
