"""SupervisedLinearContrastive with numerical targets: storage, streams, attributes and errors."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers.targets import (
    N_SAMPLES,
    RANK,
    assert_same_fit,
    assert_same_shares,
    draw,
    problem_with_gaps,
    with_targets,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from sklearn_contrastive import SupervisedLinearContrastive
from sklearn_contrastive._sklearn_compat import ARRAY_API
from sklearn_contrastive.exceptions import LabelsWarning
from sklearn_contrastive.metrics import sin_theta_distance

# --- storage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", ["auto", 0.3, np.inf])
def test_solvers_and_storage_agree(alpha):
    X, Y, _ = problem_with_gaps(1)
    n_components = 2 if alpha == np.inf else RANK
    model = with_targets(n_components, alpha=alpha, solver="gram").fit(X, Y)
    for other, solver in (
        (X, "operator"),
        (sparse.csr_array(X), "gram"),
        (sparse.csc_array(X), "operator"),
    ):
        found = with_targets(n_components, alpha=alpha, solver=solver).fit(other, Y)
        assert_same_fit(found, model, tol=1e-5)
        assert_same_shares(found, model, tol=1e-5)


def test_more_targets_than_sets_of_scatters_give_the_same_fit():
    X, _, _, rng = draw(0)
    Y = X[:, :6] + rng.normal(size=(N_SAMPLES, 6))
    Y[rng.uniform(size=Y.shape) < 0.4] = np.nan
    model, rows = with_targets().fit(X, Y), with_targets(solver="operator").fit(X, Y)
    assert_same_fit(model, rows, tol=1e-5)
    with pytest.raises(ValueError, match="differ much in the targets"):
        model.partial_fit(X, Y)


@pytest.mark.parametrize("alpha", ["auto", 0.3])
@pytest.mark.parametrize("n_chunks", [2, 7])
def test_chunks_in_any_order_are_one_fit(alpha, n_chunks):
    X, Y, rng = problem_with_gaps(2)
    model = with_targets(alpha=alpha, tol=1e-6, max_iter=1000).fit(X, Y)
    streamed = clone(model)
    for rows in np.array_split(rng.permutation(N_SAMPLES), n_chunks):
        streamed.partial_fit(X[rows], Y[rows])
    assert_same_fit(streamed, model, tol=1e-4)
    assert_same_shares(streamed, model, tol=1e-4)


def test_partial_fit_continues_from_a_fit_and_takes_chunks_without_targets():
    X, Y, _ = problem_with_gaps(3)
    Y[100:200] = np.nan
    whole = with_targets(tol=1e-6, max_iter=1000).fit(X, Y)
    model = clone(whole).fit(X[:100], Y[:100])
    model.partial_fit(X[100:150]).partial_fit(X[150:200], Y[150:200])
    model.partial_fit(X[200:], Y[200:])
    assert_same_fit(model, whole, tol=1e-4)
    late = clone(whole).partial_fit(X[100:200]).partial_fit(X[:100], Y[:100])
    assert_same_fit(late.partial_fit(X[200:], Y[200:]), whole, tol=1e-4)


def test_targets_with_fewer_samples_than_features():
    X, factors, components, rng = draw(0, n_samples=80, n_features=200)
    X += 2.0 * factors @ components
    y = factors[:, 0] + 0.1 * rng.normal(size=80)
    model = with_targets().fit(X, y)
    gram = with_targets(solver="gram").fit(X, y)
    assert model.components_.shape == (3, 200)
    assert_same_fit(model, gram, tol=1e-3)
    assert model.target_shares_[0] > 0.5


def test_float32_samples_give_float32_attributes():
    X, Y, _ = problem_with_gaps(0)
    model = with_targets().fit(X.astype(np.float32), Y)
    assert model.components_.dtype == np.float32
    assert sin_theta_distance(model.components_, with_targets().fit(X, Y).components_) <= 1e-4


# --- attributes and errors -----------------------------------------------------------------------


def test_target_shares_are_the_adjusted_r2_of_a_regression_on_the_scores():
    X, Y, _ = problem_with_gaps(4)
    for alpha in ("auto", 0.3):
        model = with_targets(alpha=alpha).fit(X, Y)
        for target, share in enumerate(model.target_shares_):
            known = ~np.isnan(Y[:, target])
            scores, y = model.transform(X[known]), Y[known, target]
            r2 = LinearRegression().fit(scores, y).score(scores, y)
            adjusted = 1 - (1 - r2) * (known.sum() - 1) / (known.sum() - 1 - RANK)
            assert share == pytest.approx(adjusted, abs=1e-8)


def test_attributes_are_those_of_the_kind_of_y():
    X, Y, _ = problem_with_gaps(0)
    model = with_targets(target_type="auto").fit(X, Y)
    assert not hasattr(model, "classes_")
    assert not hasattr(model, "class_shares_")
    model.fit(X, np.arange(N_SAMPLES) % 3)
    assert not hasattr(model, "target_shares_")
    assert model.classes_.tolist() == [0, 1, 2]
    model.set_params(alpha=0.3).fit(X, Y)
    assert model.alpha_ == 0.3
    assert model.target_shares_.shape == (2,)
    assert not hasattr(model, "classes_")


def test_the_data_frame_of_targets_and_a_pipeline():
    X, Y, _ = problem_with_gaps(0)
    frame = pd.DataFrame(Y, columns=["a", "b"])
    model = make_pipeline(SupervisedLinearContrastive(RANK, random_state=0)).fit(X, frame)
    assert_array_equal(model[-1].components_, with_targets().fit(X, Y).components_)


INVALID = {
    "short": (np.ones(N_SAMPLES - 1) * 0.5, "299 rows but X has 300"),
    "infinite": (np.r_[np.inf, np.arange(N_SAMPLES - 1.0)], "infinity"),
    "all NaN": (np.full(N_SAMPLES, np.nan), "no known target"),
    "three columns of NaN": (np.full((N_SAMPLES, 3), np.nan), "no known target"),
    "strings": (np.repeat("a", N_SAMPLES), "targets are numbers"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_targets_are_refused_and_the_earlier_fit_stays(name):
    y, message = INVALID[name]
    X, Y, _ = problem_with_gaps(0)
    model = with_targets().fit(X, Y)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert pickle.dumps(model) == before


def test_a_column_of_three_floats_asks_which_is_meant():
    X, *_ = draw(0)
    y = (np.arange(N_SAMPLES) % 3).astype(float)
    with pytest.raises(ValueError, match="3 different number"):
        SupervisedLinearContrastive(2).fit(X, y)
    assert SupervisedLinearContrastive(2, target_type="classes").fit(X, y).classes_.size == 3
    assert with_targets(2).fit(X, y).target_shares_.size == 1


def test_labels_and_targets_do_not_mix_in_a_stream():
    X, Y, _ = problem_with_gaps(0)
    labels = np.arange(N_SAMPLES) % 3
    model = SupervisedLinearContrastive(2, random_state=0)
    model.partial_fit(X, labels)
    with pytest.raises(ValueError, match="shape"):
        model.partial_fit(X, Y)
    with pytest.raises(ValueError, match="earlier samples were read with class labels"):
        model.set_params(target_type="continuous").partial_fit(X, Y)
    with pytest.raises(ValueError, match="earlier samples were read with targets"):
        with_targets(2).partial_fit(X, Y).set_params(target_type="classes").partial_fit(X, labels)
    with pytest.raises(ValueError, match="from the first samples on"):
        SupervisedLinearContrastive(2).partial_fit(X).partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"1 target\(s\), but earlier samples had 2"):
        with_targets(2).partial_fit(X, Y).partial_fit(X, Y[:, 0])


def test_targets_alone_give_one_component_each():
    X, Y, _ = problem_with_gaps(0)
    with pytest.warns(LabelsWarning, match=r"2 target\(s\) give at most 2"):
        model = with_targets(3, alpha=np.inf).fit(X, Y)
    assert model.n_components_ == 2
    with pytest.warns(LabelsWarning, match="No target has two different"):
        model = with_targets(3, alpha=np.inf).fit(X, np.ones(N_SAMPLES))
    assert model.alpha_ == 0
    assert model.n_components_ == 3


@pytest.mark.skipif(not ARRAY_API, reason="scikit-learn < 1.9 accepts only NumPy arrays")
@pytest.mark.parametrize("solver", ["gram", "operator"])
def test_tensors_give_the_fit_of_arrays(solver, torch):
    X, Y, _ = problem_with_gaps(0)
    expected = with_targets(solver=solver).fit(X, Y)
    with config_context(array_api_dispatch=True):
        model = with_targets(solver=solver).fit(torch.tensor(X), torch.tensor(Y))
        assert isinstance(model.components_, torch.Tensor)
        found, shares = model.components_.numpy(), model.target_shares_.numpy()
    assert sin_theta_distance(found, expected.components_) <= 1e-6
    assert_allclose(shares, expected.target_shares_, atol=1e-6)


def test_a_fit_to_targets_has_no_moments_of_classes():
    X, y = draw(0)[:2]
    model = SupervisedLinearContrastive(2, target_type="continuous").fit(X, y)
    with pytest.raises(AttributeError, match="fit to targets has no moments_"):
        _ = model.moments_
