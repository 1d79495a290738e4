"""compare_representations: paired splits, intervals, permutation test, verdict."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_diabetes, load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive.evaluation import RepresentationComparison, compare_representations
from sklearn_contrastive.evaluation._resampled import corrected_intervals, sign_flip_p_values
from sklearn_contrastive.plotting import LabelEfficiencyDisplay

X, Y = load_wine(return_X_y=True)
FAST = {"estimator": GaussianNB(), "random_state": 0}


class Recorder(TransformerMixin, BaseEstimator):
    """The identity; keeps what each fit was given, in a list that clones share."""

    calls = []

    def __init__(self, unlabelled=None):
        self.unlabelled = unlabelled

    def fit(self, X, y=None):
        self.calls.append((np.array(X), None if y is None else np.array(y)))
        self.fitted_ = True
        return self

    def transform(self, X):
        return X


class Plain(Recorder):
    """Without the parameter `unlabelled`."""

    def __init__(self):
        pass


@pytest.fixture
def calls():
    Recorder.calls.clear()
    return Recorder.calls


@given(st.integers(2, 8), st.integers(0, 1000), st.sampled_from([0.5, 0.9, 0.99]))
def test_intervals_of_splits_that_do_not_overlap_are_students(n_splits, seed, level):
    differences = np.random.default_rng(seed).normal(size=(2, n_splits))
    plain = stats.ttest_1samp(differences, 0.0, axis=1).confidence_interval(level)
    found = corrected_intervals(differences, 0.0, level)
    assert_allclose(found[:, 1:], np.column_stack(plain), rtol=1e-9, atol=1e-12)
    wider = corrected_intervals(differences, 1 / 3, level)
    growth = np.sqrt((1 / n_splits + 1 / 3) * n_splits)
    assert_allclose(np.diff(wider[:, 1:]), growth * np.diff(found[:, 1:]), rtol=1e-9)


@settings(max_examples=15)
@given(st.integers(1, 8), st.integers(0, 1000))
def test_random_signs_find_the_share_of_all_signs(n_units, seed):
    differences = np.random.default_rng(seed).integers(-3, 4, (n_units, 1)).astype(float)
    signs = np.array(list(itertools.product([-1, 1], repeat=n_units)))
    exact = np.mean(np.abs(signs @ differences) >= np.abs(differences.sum()) - 1e-9)
    found = sign_flip_p_values(differences, np.random.RandomState(seed))
    # five standard errors of 9999 draws, and the observed one that is counted too
    assert abs(found[0] - exact) <= 5 * np.sqrt(exact * (1 - exact) / 9999) + 1e-4


def test_p_values_are_uniform_where_nothing_differs():
    rng = np.random.RandomState(0)
    differences = rng.standard_t(3, size=(40, 500))
    p_values = sign_flip_p_values(differences, rng, 999)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_a_representation_does_not_differ_from_itself():
    same = {"one": PCA(2, random_state=0), "two": PCA(2, random_state=0)}
    comparison = compare_representations(same, X, Y, n_labels=(10, 60), n_splits=4, **FAST)
    assert_array_equal(comparison.scores["one"], comparison.scores["two"])
    assert_array_equal(comparison.p_values["two"], 1.0)
    assert_array_equal(comparison.intervals()["two"], 0.0)
    assert comparison.verdict().splitlines() == [
        f"{n} labels: two: no difference from one that 4 splits can show (+0.000 to +0.000)"
        for n in (10, 60)
    ]


def test_a_better_representation_is_named():
    reducers = {"PCA": PCA(2), "ours": LinearContrastive(2, random_state=0)}
    comparison = compare_representations(reducers, X, Y, n_labels=60, **FAST)
    mean, low, high = comparison.intervals()["ours"][0]
    assert 0.0 < low < mean < high
    assert comparison.p_values["ours"][0] < 0.001
    assert str(comparison) == f"60 labels: ours: {mean:.3f} above PCA ({low:+.3f} to {high:+.3f})"
    reverse = compare_representations(reducers, X, Y, n_labels=60, baseline="ours", **FAST)
    assert f"60 labels: PCA: {mean:.3f} below ours" in reverse.verdict()


def test_scores_are_those_of_a_loop_over_the_splits(calls):
    reducers = {"spy": Plain(), "PCA": PCA(3, random_state=0)}
    comparison = compare_representations(reducers, X, Y, n_splits=3, **FAST)
    rows = {tuple(row): label for row, label in zip(X, Y, strict=True)}
    for split, (train, y) in enumerate(calls):
        assert y is None
        members = {tuple(row) for row in train}
        test = np.array([row for row in X if tuple(row) not in members])
        y_train, y_test = ([rows[tuple(row)] for row in part] for part in (train, test))
        pca = PCA(3, random_state=0).fit(train)
        model = GaussianNB().fit(pca.transform(train), y_train)
        accuracy = model.score(pca.transform(test), y_test)
        assert comparison.scores["PCA"][0, split] == pytest.approx(accuracy, abs=1e-12)


def test_labels_reach_those_transformers_that_learn_from_them(calls):
    representations = {
        "no labels": Plain(),
        "marked": make_pipeline(StandardScaler(), Recorder()),
        "LDA": LinearDiscriminantAnalysis(),
        "supervised": SupervisedLinearContrastive(2, random_state=0),
    }
    names = np.array(["a", "b", "c"])[Y]
    compare_representations(representations, X, names, n_labels=(12, 40), n_splits=2, **FAST)
    plain = [y for _, y in calls if y is None]
    marked = [y for _, y in calls if y is not None]
    assert len(plain) == 2  # once a split, for both numbers of labels
    assert [int(np.sum(y >= 0)) for y in marked] == [12, 40, 12, 40]
    for few, more in zip(marked[::2], marked[1::2], strict=True):
        assert_array_equal(few[few >= 0], more[few >= 0])  # nested
        assert set(few) == {-1, 0, 1, 2}


def test_groups_are_not_split(calls):
    groups = np.arange(len(X)) // 6
    compare_representations({"a": Plain(), "b": "passthrough"}, X, Y, groups=groups, **FAST)
    of_row = {tuple(row): group for row, group in zip(X, groups, strict=True)}
    for train, _ in calls:
        inside = {of_row[tuple(row)] for row in train}
        assert len(train) == sum(np.sum(groups == group) for group in inside)


def test_arrays_frames_and_sparse_matrices_are_compared_alike():
    frame = pd.DataFrame(X, columns=[f"feature {i}" for i in range(X.shape[1])])
    for samples in (frame, X.tolist()):
        comparison = compare_representations(
            {"X": "passthrough", "array": X}, samples, Y, n_splits=3, **FAST
        )
        assert_array_equal(comparison.scores["X"], comparison.scores["array"])
    samples = sparse.csr_array(X)
    comparison = compare_representations(
        {"X": "passthrough", "ours": LinearContrastive(2)}, samples, Y, n_splits=2, random_state=0
    )
    assert comparison.scores["X"].min() > 0.9


def test_images_are_rows_for_the_estimator():
    images = np.random.default_rng(0).normal(size=(60, 4, 5)) + np.repeat([0, 1], 30)[:, None, None]
    labels = np.repeat(["left", "right"], 30)
    comparison = compare_representations(
        {"pixels": "passthrough", "rows": images.reshape(60, 20)}, images, labels, **FAST
    )
    assert_array_equal(comparison.scores["pixels"], comparison.scores["rows"])


@pytest.mark.parametrize("estimator", [None, Ridge(1.0)])
def test_numbers_are_predicted_with_R2(estimator):
    features, target = load_diabetes(return_X_y=True)
    target = target + np.random.default_rng(1).uniform(-0.5, 0.5, 442)
    comparison = compare_representations(
        {"X": "passthrough", "noise": np.random.default_rng(0).normal(size=(442, 5))},
        features,
        target,
        n_labels=(100, 300),
        estimator=estimator,
        random_state=0,
    )
    assert comparison.metric == "R²"
    assert comparison.frame().columns[0] == "R²"
    assert -0.2 < comparison.scores["noise"].mean() < 0.1
    if estimator is None:
        # the mean over splits of errors over one variance is near scikit-learn's R²
        model = Ridge(1e-3).fit(features[:300], target[:300])
        expected = r2_score(target[300:], model.predict(features[300:]))
        assert abs(comparison.scores["X"][1].mean() - expected) < 0.1
    assert "300 labels: noise: " in comparison.verdict()


def test_two_processes_find_what_one_does():
    reducers = {"PCA": PCA(2, random_state=0), "X": "passthrough"}
    one, two = (
        compare_representations(reducers, X, Y, n_labels=(9, 50), n_jobs=n_jobs, **FAST)
        for n_jobs in (None, 2)
    )
    pd.testing.assert_frame_equal(one.frame(), two.frame())


def test_the_frame_has_a_row_for_each_number_and_representation():
    reducers = {"PCA": PCA(2), "X": "passthrough"}
    comparison = compare_representations(reducers, X, Y, n_labels=(9, 50), n_splits=3, **FAST)
    frame = comparison.frame()
    assert list(frame.index) == [(9, "PCA"), (9, "X"), (50, "PCA"), (50, "X")]
    assert frame.loc[(50, "X"), "accuracy"] == comparison.scores["X"][1].mean()
    assert frame["difference"].isna().tolist() == [True, False] * 2
    display = LabelEfficiencyDisplay(comparison.curves).plot()
    assert [each.get_label() for each in display.errorbars_] == ["PCA", "X"]


def test_long_comparisons_tell_what_is_left(monkeypatch, capsys):
    monkeypatch.setattr("sklearn_contrastive.evaluation._comparison._PAUSE", 0.0)
    reducers = {"PCA": PCA(2), "X": "passthrough"}
    compare_representations(reducers, X, Y, n_splits=3, verbose=False, **FAST)
    assert capsys.readouterr().err == ""
    compare_representations(reducers, X, Y, n_splits=3, **FAST)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        "compare_representations: split 1 of 3",
        "compare_representations: split 2 of 3",
    ]


def test_intervals_hold_together():
    scores = {name: np.random.default_rng(i).normal(size=(1, 10)) for i, name in enumerate("abc")}
    few = {name: scores[name] for name in "ab"}
    p_values = dict.fromkeys("bc", np.ones(1))
    three, two = (
        RepresentationComparison("a", np.array([5]), each, p_values, 1 / 3, 0.95, "accuracy")
        for each in (scores, few)
    )
    widths = [np.diff(each.intervals()["b"][0, 1:])[0] for each in (three, two)]
    assert widths[0] / widths[1] == pytest.approx(stats.t.ppf(0.9875, 9) / stats.t.ppf(0.975, 9))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"representations": {"one": PCA(2)}}, "at least two, and the baseline among them"),
        ({"baseline": "c"}, "baseline='c'"),
        ({"representations": {"a": "PCA", "b": X}}, "must be a transformer, an array or"),
        ({"representations": {"a": X[:5], "b": X}}, "a row for each of the 178 samples"),
        ({"y": Y[:-1]}, "X has 178 samples, but y has 177 labels"),
        ({"y": np.where(Y == 0, np.nan, Y)}, "y has no label .* in 59 of 178 rows"),
        ({"y": np.zeros(178)}, "All samples are of class 0"),
        ({"y": np.zeros((178, 2))}, "should be a 1d array"),
        ({"y": Y.astype(float), "estimator": None}, "may be labels or numbers to predict"),
        ({"n_labels": 2}, "between the number of classes, 3, and the number of samples, 133"),
        ({"n_labels": 134}, "between the number of classes, 3, and the number of samples, 133"),
        ({"n_labels": [10.5]}, "must be integers"),
        ({"n_splits": 1}, "n_splits=1 must be at least 2"),
        ({"test_size": 2.0}, "test_size"),
        ({"confidence_level": 95}, "confidence_level=95 must be between 0 and 1"),
        ({"groups": [1, 2]}, "inconsistent numbers of samples"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(changes, message):
    given = {"representations": {"a": PCA(2), "b": X}, "X": X, "y": Y} | FAST
    with pytest.raises(ValueError, match=message):
        compare_representations(**given | changes)


def test_an_error_names_the_representation():
    with pytest.raises(ValueError, match="n_components=50") as caught:
        compare_representations({"X": X, "too many": PCA(50)}, X, Y, **FAST)
    assert caught.value.__notes__ == ["The error is of the representation 'too many'."]
