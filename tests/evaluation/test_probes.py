"""Linear probe, k-NN accuracy, label efficiency: against plain scikit-learn; refusals."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from sklearn_contrastive.evaluation._probes import (
    LabelEfficiency,
    knn_accuracy,
    label_efficiency_curve,
    linear_probe,
    stratified_order,
)

X, Y = load_digits(return_X_y=True)
SPLIT = X[:600], Y[:600], X[600:1200], Y[600:1200]
EVALUATIONS = [linear_probe, knn_accuracy, label_efficiency_curve]


def standardised(train, test):
    scale = train.std(axis=0)
    scale[scale == 0] = 1
    return (train - train.mean(axis=0)) / scale, (test - train.mean(axis=0)) / scale


def test_linear_probe_is_logistic_regression_on_standardised_representations():
    train, test = standardised(SPLIT[0], SPLIT[2])
    model = LogisticRegression(C=0.1, max_iter=1000).fit(train, SPLIT[1])
    expected = np.mean(model.predict(test) == SPLIT[3])
    accuracy = linear_probe(*SPLIT, C=0.1)
    assert accuracy == pytest.approx(expected)
    assert type(accuracy) is float


def test_rows_of_one_length_instead_of_standardised_columns():
    mean = SPLIT[0].mean(axis=0)
    train, test = (each - mean for each in SPLIT[::2])
    train, test = (
        8 * each / np.linalg.norm(each, axis=1)[:, None] for each in (train, test)
    )  # of 64 features
    model = LogisticRegression(C=0.1, max_iter=1000).fit(train, SPLIT[1])
    expected = np.mean(model.predict(test) == SPLIT[3])
    assert linear_probe(*SPLIT, C=0.1, scaling="rows") == pytest.approx(expected)
    curve = label_efficiency_curve(
        *SPLIT, C=0.1, scaling="rows", n_labels=[600], n_draws=1, random_state=0
    )
    assert curve.mean[0] == pytest.approx(expected, abs=2e-3)


def test_rows_help_where_features_of_small_variance_are_noise():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 300)
    H = rng.normal(size=(600, 200)) * 1e-3
    H[:, 0] += y
    few = rng.permutation(600)[:30]
    data = H[few], y[few], H, y
    assert linear_probe(*data, scaling="rows") > linear_probe(*data) + 0.1


def test_an_unknown_scaling_is_refused():
    with pytest.raises(ValueError, match=r'must be "columns" or "rows"'):
        linear_probe(*SPLIT, scaling="both")


def test_neighbours_are_found_by_cosine_similarity():
    train, test = (each / np.linalg.norm(each, axis=1)[:, None] for each in SPLIT[::2])
    nearest = np.argsort(-(test @ train.T), axis=1, kind="stable")[:, :10]
    votes = [np.bincount(labels).argmax() for labels in SPLIT[1][nearest]]
    assert knn_accuracy(*SPLIT) == pytest.approx(np.mean(votes == SPLIT[3]), abs=2e-3)


@given(seed=SEEDS)
def test_knn_accuracy_ignores_lengths(seed):
    rng = np.random.default_rng(seed)
    train, test = (each * 10 ** rng.uniform(-3, 3, (len(each), 1)) for each in SPLIT[::2])
    scaled = knn_accuracy(train, SPLIT[1], test, SPLIT[3])
    assert scaled == pytest.approx(knn_accuracy(*SPLIT), abs=2e-3)


def test_linear_probe_ignores_units_of_components():
    unit = 10 ** np.random.default_rng(0).uniform(-3, 3, X.shape[1])
    scaled = linear_probe(SPLIT[0] * unit, SPLIT[1], SPLIT[2] * unit, SPLIT[3])
    assert scaled == pytest.approx(linear_probe(*SPLIT), abs=5e-3)


def test_the_penalty_is_chosen_by_the_labelled_samples_alone():
    rng = np.random.default_rng(0)
    y = Y[:900] % 2
    # a little of the class in every component, which a strong penalty finds
    H = rng.normal(size=(900, 60)) + 0.3 * y[:, None]
    train, test = slice(0, 100), slice(100, 900)

    def validated(C):
        folds = StratifiedKFold(5).split(H[train], y[train])
        return np.mean([linear_probe(H[a], y[a], H[b], y[b], C=C) for a, b in folds])

    chosen = max((1e-3, 1e-2, 1e-1, 1.0), key=validated)
    auto = linear_probe(H[train], y[train], H[test], y[test], C="auto")
    assert auto == linear_probe(H[train], y[train], H[test], y[test], C=chosen)
    assert chosen < 1.0


def test_labels_may_be_strings_and_representations_lists():
    words = np.array(["zero", "one"])
    H = [[0.0, 1.0], [1.0, 0.0]] * 10
    y = words[[0, 1] * 10].tolist()
    assert linear_probe(H, y, H, y) == 1
    assert knn_accuracy(H, y, H, y, n_neighbors=3) == 1


def test_a_probe_that_does_not_converge_warns():
    with pytest.warns(ConvergenceWarning, match="failed to converge"):
        linear_probe(*SPLIT, max_iter=2)


# --- few labels ----------------------------------------------------------------------------------


def test_curve_holds_the_probes_of_its_draws():
    curve = label_efficiency_curve(*SPLIT, n_labels=(20, 600), n_draws=2, random_state=3)
    rng = np.random.RandomState(3)
    for draw in range(2):
        labelled = stratified_order(SPLIT[1], rng)[:20]
        expected = linear_probe(SPLIT[0][labelled], SPLIT[1][labelled], *SPLIT[2:])
        assert curve.accuracy[0, draw] == expected
    assert_array_equal(curve.n_labels, [20, 600])
    # all labels: every draw is the whole
    assert_allclose(curve.accuracy[1], linear_probe(*SPLIT), rtol=0, atol=5e-3)
    assert_allclose(curve.mean, curve.accuracy.mean(axis=1))
    assert_allclose(curve.std[0], abs(np.diff(curve.accuracy[0])[0]) / np.sqrt(2))


def test_more_labels_raise_accuracy_and_one_draw_has_no_standard_deviation():
    curve = label_efficiency_curve(*SPLIT, n_labels=(10, 100, 500), n_draws=1, random_state=0)
    assert (np.diff(curve.mean) > 0.02).all()
    assert np.isnan(curve.std).all()


def test_a_seed_repeats_the_draws():
    settings = {"n_labels": (30,), "n_draws": 2}
    curves = [
        label_efficiency_curve(*SPLIT, **settings, random_state=seed).accuracy for seed in (0, 0, 1)
    ]
    assert_array_equal(curves[0], curves[1])
    assert not np.array_equal(curves[0], curves[2])


@given(counts=st.lists(st.integers(1, 40), min_size=1, max_size=6), seed=SEEDS)
def test_every_beginning_of_a_draw_is_stratified(counts, seed):
    rng = np.random.RandomState(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    order = stratified_order(y, rng)
    assert_array_equal(np.sort(order), np.arange(len(y)))
    assert len(set(y[order[: len(counts)]])) == len(counts)
    for size in range(1, len(y) + 1):
        drawn = np.bincount(y[order[:size]], minlength=len(counts))
        # the first of each class come first, which is what the proportions can be off by
        assert (np.abs(drawn - size * np.array(counts) / len(y)) <= len(counts)).all()


def test_samples_of_a_class_are_equally_likely_to_be_drawn():
    y = np.repeat([0, 1], [8, 4])
    rng = np.random.RandomState(0)
    drawn = np.bincount(np.concatenate([stratified_order(y, rng)[:6] for _ in range(4000)]))
    # 4 of 8 and 2 of 4: half of the draws, give or take four standard errors
    assert_allclose(drawn / 4000, 0.5, rtol=0, atol=4 * 0.5 / np.sqrt(4000))


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("evaluation", EVALUATIONS)
def test_representations_of_different_encoders_are_refused(evaluation):
    with pytest.raises(ValueError, match="H_train has 64 components and H_test 3"):
        evaluation(X, Y, X[:, :3], Y)


@pytest.mark.parametrize("evaluation", EVALUATIONS)
def test_nan_and_continuous_targets_are_refused(evaluation):
    broken = np.where(X == 0, np.nan, X)
    with pytest.raises(ValueError, match="contains NaN"):
        evaluation(broken, Y, X, Y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        evaluation(X, Y[:-1], X, Y)
    with pytest.raises(ValueError, match="Unknown label type"):
        evaluation(X, Y + 0.5, X, Y)


@pytest.mark.parametrize("evaluation", EVALUATIONS)
@pytest.mark.parametrize("unknown", [None, np.nan])
def test_rows_without_a_label_are_refused_with_their_number(evaluation, unknown):
    words = np.array([f"digit {y}" for y in Y], dtype=object)
    words[[3, 7]] = unknown
    with pytest.raises(ValueError, match=rf"y_train has no label .* in 2 of {len(Y)} rows; leave"):
        evaluation(X, words, X, words)
    with pytest.raises(ValueError, match=r"y_test has no label"):
        evaluation(X, np.where(Y >= 0, "a", "b"), X, words)


def test_one_class_and_one_sample_of_a_class_are_too_few():
    with pytest.raises(ValueError, match="all of class 0; give two classes"):
        linear_probe(X[:5], np.zeros(5, dtype=int), X, Y)
    with pytest.raises(ValueError, match='C="auto" needs at least two labelled samples'):
        linear_probe(X[:10], Y[:10], X, Y, C="auto")


def test_more_neighbours_than_samples_are_refused():
    with pytest.raises(ValueError, match="n_neighbors=10 is more than the 5 labelled samples"):
        knn_accuracy(X[:5], Y[:5], X, Y)


@pytest.mark.parametrize("n_labels", [(9,), (100, 601), ()])
def test_numbers_of_labels_that_cannot_be_drawn_are_refused(n_labels):
    wanted = np.asarray(n_labels, dtype=int)
    with pytest.raises(ValueError, match="must lie between the number of classes, 10, and the"):
        label_efficiency_curve(*SPLIT, n_labels=wanted)


def test_shares_of_labels_and_no_draws_are_refused():
    with pytest.raises(ValueError, match="must be integers"):
        label_efficiency_curve(*SPLIT, n_labels=(0.5,))
    with pytest.raises(ValueError, match="n_draws=0 must be at least 1"):
        label_efficiency_curve(*SPLIT, n_labels=(20,), n_draws=0)


def test_a_curve_cannot_be_changed_by_accident():
    curve = LabelEfficiency(np.array([10]), np.array([[0.5, 0.7]]))
    with pytest.raises(AttributeError, match="cannot assign"):
        curve.accuracy = None
