"""SupervisedLinearContrastive with degenerate samples and invalid labels."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.exceptions import NotFittedError

from sklearn_contrastive import LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive._sklearn_compat import ARRAY_API
from sklearn_contrastive.exceptions import ComponentsWarning, HeywoodWarning, LabelsWarning
from sklearn_contrastive.linear import _labelled_estimator
from sklearn_contrastive.linear._covariance.read import labelled_covariance_of
from sklearn_contrastive.metrics import sin_theta_distance

each_solver = pytest.mark.parametrize("solver", ["gram", "operator"])
each_alpha = pytest.mark.parametrize("alpha", [0.0, 1.0, np.inf, "auto"])
# warnings that tiny samples cause on purpose
hopeless_allowed = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
)
ALPHAS = st.sampled_from([0.0, 1.0, np.inf, "auto"])
SOLVERS = st.sampled_from(["gram", "operator"])


def clear_samples(n_samples=240, n_features=12, seed=0):
    """Two factors on six features each, three classes that differ along both."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % 3
    scores = np.array([[4.0, 0.0], [-2.0, 2.0], [-2.0, -2.0]])[y] + rng.normal(size=(n_samples, 2))
    rows = np.kron(np.eye(2), np.ones(n_features // 2))
    X = scores @ rows + rng.normal(size=(n_samples, n_features)) * rng.uniform(0.7, 1.4, n_features)
    return X, np.where(np.arange(n_samples) % 4 == 3, -1, y)


def model_of(n_components=2, **options):
    return SupervisedLinearContrastive(n_components, random_state=0, **options)


X, Y = clear_samples()
X.flags.writeable = Y.flags.writeable = False


def assert_same_fit(model, other, tol=1e-5):
    assert model.n_components_ == other.n_components_
    assert sin_theta_distance(model.components_, other.components_) <= tol
    assert_allclose(model.eigenvalues_, other.eigenvalues_, rtol=10 * tol)
    assert_allclose(model.noise_variance_, other.noise_variance_, rtol=10 * tol)


def assert_finite(model):
    for name, value in vars(model).items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            assert np.all(np.isfinite(value)), name


# --- few samples, few features -------------------------------------------------------------------


@hopeless_allowed
@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.LabelsWarning")
@given(
    n_samples=st.integers(2, 13),
    n_features=st.integers(1, 15),
    n_classes=st.integers(1, 6),
    alpha=ALPHAS,
    solver=SOLVERS,
    n_components=st.sampled_from(["auto", 0, 1, 2]),
    weighted=st.booleans(),
    seed=SEEDS,
)
def test_the_smallest_samples_can_be_fitted(
    n_samples, n_features, n_classes, alpha, solver, n_components, weighted, seed
):
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=(n_samples, n_features))
    y = rng.integers(0, n_classes + 1, n_samples) * 2 - 1  # -1 and 1, 3, 5, ...
    weight = rng.uniform(0.01, 1.0, n_samples) if weighted else None
    if weighted:
        weight[0] += 1.5
    if n_components != "auto":
        total = n_samples if weight is None else weight.sum()
        n_components = min(n_components, n_features, int(total))
    options = {"alpha": alpha, "solver": solver, "unlabelled": -1}
    model = model_of(n_components, **options).fit(samples, y, weight)
    assert_finite(model)
    assert model.transform(samples).shape == (n_samples, model.n_components_)
    assert np.isfinite(model.score(samples))


@each_solver
@each_alpha
def test_one_sample_is_refused(solver, alpha):
    with pytest.raises(ValueError, match=r"minimum of 2 is required|sum of sample_weight"):
        model_of(1, solver=solver, alpha=alpha).fit(X[:1], [1])


@each_solver
@pytest.mark.parametrize("alpha", [0.0, 1.0, np.inf])
def test_fewer_samples_than_features_find_the_subspace(solver, alpha):
    samples, y = clear_samples(60, 100, seed=1)
    model = model_of(alpha=alpha, solver=solver).fit(samples, y)
    truth = np.kron(np.eye(2), np.ones(50)) / np.sqrt(50)
    assert sin_theta_distance(model.components_, truth) < 0.5
    assert_same_fit(model, model_of(alpha=alpha).fit(samples, y))


@each_solver
def test_automatic_alpha_works_with_fractional_weights(solver):
    # the sum over a fold may be below 1, where no variance can be formed
    for share in (0.02, 0.9 / 48, 1.0 / 48):
        weight = np.full(len(X), share)
        model = model_of(alpha="auto", solver=solver).fit(X, Y, weight)
        assert_finite(model)
        assert model.n_components_ == 2


@each_alpha
@each_solver
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("constant", [0.0, 0.1, 100 / 3, 1e8 / 3])
def test_constant_columns_have_no_effect(solver, alpha, kind, constant):
    wide = np.insert(X, [0, 5], constant, axis=1)
    model = model_of(alpha=alpha, solver=solver).fit(kind(wide), Y)
    plain = model_of(alpha=alpha, solver=solver).fit(X, Y)
    assert_finite(model)
    live = np.delete(np.arange(14), [0, 6])
    # implicit centring of sparse columns has the rounding error of their squares
    atol = 1e-6 if kind is np.asarray or constant < 1e6 else 1e-3
    assert_allclose(model.components_[:, [0, 6]], 0.0, atol=atol)
    found = np.linalg.qr(model.components_[:, live].T)[0].T
    assert sin_theta_distance(found, plain.components_) <= max(atol, 1e-5)


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.ComponentsWarning")
@each_alpha
@each_solver
def test_constant_samples_have_no_component(solver, alpha):
    model = model_of(alpha=alpha, solver=solver).fit(np.full((20, 3), 0.1), np.arange(20) % 3)
    assert model.n_components_ == 0
    assert model.transform(np.ones((4, 3))).shape == (4, 0)


@each_alpha
@each_solver
def test_zero_components_leave_only_noise(solver, alpha):
    model = model_of(0, alpha=alpha, solver=solver).fit(X, Y)
    assert model.transform(X).shape == (240, 0)
    assert_allclose(model.get_covariance(), np.diag(X.var(axis=0, ddof=1)))


@each_solver
def test_more_components_than_samples_or_features_are_refused(solver):
    with pytest.raises(ValueError, match=r"n_components=13 must be between 0 and .*=12"):
        model_of(13, solver=solver).fit(X, Y)
    with pytest.raises(ValueError, match=r"n_components=6 must be between 0 and .*=5"):
        model_of(6, solver=solver).fit(X[:5], Y[:5])
    with pytest.raises(ValueError, match="mle"):
        model_of("mle", solver=solver).fit(X, Y)


@each_alpha
@each_solver
def test_auto_counts_components_without_labels(solver, alpha):
    model = model_of("auto", alpha=alpha, solver=solver).fit(X, Y)
    assert model.n_components_ == LinearContrastive(random_state=0).fit(X).n_components_ == 2


# --- few labels and small classes ----------------------------------------------------------------


@pytest.mark.parametrize("alpha", [1.0, np.inf, "auto"])
@each_solver
def test_a_single_class_is_ignored_with_a_warning(solver, alpha):
    for y, name in ((np.zeros(240, int), r"\[0\]"), (np.array(["a"] * 240), r"\['a'\]")):
        with pytest.warns(LabelsWarning, match=rf"one class only {name}; at least two") as warned:
            model = model_of(alpha=alpha, solver=solver).fit(X, y)
        assert [warning.filename for warning in warned] == [__file__]
        without = model_of(alpha=alpha if alpha == "auto" else 0.0, solver=solver).fit(X)
        assert getattr(model, "alpha_", None) == getattr(without, "alpha_", None)
        assert_same_fit(model, without)


def test_labels_alone_need_labels():
    for y in (None, np.full(240, -1)):
        with pytest.warns(LabelsWarning, match="names no class; at least two"):
            model = model_of(alpha=np.inf).fit(X, y)
        assert model.alpha_ == 0.0
        assert model.classes_.shape == (0,)


@each_solver
@pytest.mark.parametrize("alpha", [0.5, np.inf])
def test_a_class_of_weight_0_is_ignored(solver, alpha):
    weight = (Y != 2).astype(float)
    n_components = 1 if alpha == np.inf else 2
    model = model_of(n_components, alpha=alpha, solver=solver).fit(X, Y, weight)
    kept = model_of(n_components, alpha=alpha, solver=solver).fit(X[Y != 2], Y[Y != 2])
    assert model.classes_.tolist() == [0, 1]
    assert_same_fit(model, kept)
    with pytest.warns(LabelsWarning, match="one class only"):
        model_of(solver=solver).fit(X, Y, np.isin(Y, [-1, 1]).astype(float))


@each_solver
def test_a_class_of_one_sample_counts_as_a_class(solver):
    y = np.full(240, -1)
    y[:3] = [5, 6, 6]
    for alpha in (1.0, "auto"):
        model = model_of(solver=solver, alpha=alpha).fit(X, y)
        assert model.classes_.tolist() == [5, 6]
        assert_finite(model)


@hopeless_allowed
@each_solver
def test_classes_may_outnumber_half_of_the_samples(solver):
    model = model_of(solver=solver).fit(X, np.r_[np.arange(150), np.arange(90)])
    assert len(model.classes_) == 150
    single = model_of(1, solver=solver).fit(X, np.arange(240))
    assert len(single.classes_) == 240
    assert_finite(single)


# --- numbers of any size and kind ----------------------------------------------------------------


@each_solver
@pytest.mark.parametrize("alpha", [0.0, 1.0, np.inf])
@pytest.mark.parametrize(
    ("dtype", "offset", "tol"),
    [
        (np.float64, 1e6, 1e-6),
        (np.float32, 0.0, 1e-5),
        (np.float32, 1e3, 3e-3),
        (np.float32, 1e4, 0.03),
    ],
)
def test_an_offset_costs_only_the_rounding_of_the_samples(solver, alpha, dtype, offset, tol):
    shifted = (X + offset).astype(dtype)
    exact = shifted.astype(np.longdouble) - np.longdouble(offset)
    model = model_of(alpha=alpha, solver=solver).fit(shifted, Y)
    plain = model_of(alpha=alpha, solver=solver).fit(exact.astype(float), Y)
    assert model.components_.dtype == model.transform(shifted).dtype == dtype
    assert_same_fit(model, plain, tol=max(1e-5, 0.0 if dtype is np.float64 else 1e-5))
    assert_allclose(model.transform(shifted), plain.transform(exact.astype(float)), atol=tol)


@each_solver
@pytest.mark.parametrize("alpha", [0.0, 1.0, np.inf, "auto"])
@pytest.mark.parametrize("format", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sparse_samples_are_fitted_as_their_dense_copy(solver, alpha, format, dtype):
    gaps = np.random.default_rng(0).uniform(size=X.shape) < 0.2
    dense = np.where(gaps, 0.0, X).astype(dtype)
    model = model_of(alpha=alpha, solver=solver).fit(getattr(sparse, format)(dense), Y)
    expected = model_of(alpha=alpha, solver=solver).fit(dense, Y)
    assert_same_fit(model, expected)
    assert_allclose(
        model.transform(getattr(sparse, format)(dense)), expected.transform(dense), atol=1e-3
    )


@each_alpha
@each_solver
def test_memory_maps_are_fitted_as_arrays(solver, alpha, tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    model = model_of(alpha=alpha, solver=solver).fit(mapped, Y)
    assert_same_fit(model, model_of(alpha=alpha, solver=solver).fit(X, Y))


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_])
@each_solver
def test_whole_numbers_are_fitted_as_floats(solver, dtype):
    whole = (X > 0 if dtype is np.bool_ else 10 * X - 10 * X.min()).astype(dtype)
    model = model_of(solver=solver).fit(whole, Y)
    assert_same_fit(model, model_of(solver=solver).fit(whole.astype(float), Y))


@pytest.mark.skipif(not ARRAY_API, reason="scikit-learn < 1.9 accepts only NumPy arrays")
@each_alpha
@each_solver
@pytest.mark.parametrize("y_kind", ["array", "tensor", "list"])
def test_tensors_are_fitted_as_arrays_and_stay_tensors(solver, alpha, y_kind, torch):
    labels = {"array": Y, "tensor": torch.tensor(Y), "list": Y.tolist()}[y_kind]
    expected = model_of(alpha=alpha, solver=solver).fit(X, Y)
    with config_context(array_api_dispatch=True):
        tensor = torch.tensor(np.array(X))
        model = model_of(alpha=alpha, solver=solver).fit(tensor, labels)
        assert isinstance(model.components_, torch.Tensor)
        assert isinstance(model.transform(tensor), torch.Tensor)
        assert isinstance(model.classes_, np.ndarray)
        found = model.components_.numpy()
        assert sin_theta_distance(found, expected.components_) <= 1e-5
        assert_allclose(model.eigenvalues_.numpy(), expected.eigenvalues_, rtol=1e-5)
        assert model.score(tensor) == pytest.approx(expected.score(X))


@pytest.mark.skipif(not ARRAY_API, reason="scikit-learn < 1.9 accepts only NumPy arrays")
def test_partial_fit_on_tensors_equals_one_fit(torch):
    with config_context(array_api_dispatch=True):
        model = model_of()
        for rows in np.array_split(np.arange(240), 4):
            model.partial_fit(torch.tensor(X[rows]), torch.tensor(Y[rows]))
        found = model.components_.numpy()
    assert sin_theta_distance(found, model_of().fit(X, Y).components_) <= 1e-5


# --- labels that cannot be used ------------------------------------------------------------------

INVALID = {
    "continuous": (np.linspace(0, 1, 240), "y is continuous", "classes"),
    "NaN": (np.where(Y < 0, np.nan, Y), "y contains NaN"),
    "short": (Y[:-1], "239 labels but X has 240"),
    "two columns": (np.c_[Y, Y], r"shape \(240, 2\)", "classes"),
    "ambiguous": (np.where(Y == 0, 1, -1), "exactly -1 and 1"),
    "mixed": ([0, "a"] * 120, "labels of type int, str"),
}


@pytest.mark.parametrize("name", INVALID)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_invalid_labels_are_refused_and_the_earlier_fit_stays(name, method):
    y, message, *kind = INVALID[name]
    options = {"target_type": kind[0]} if kind else {}
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(12)])
    # with earlier classes -1 would not be ambiguous in partial_fit
    model = model_of(**options).fit(frame, None if name == "ambiguous" else Y)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(frame, y)
    assert pickle.dumps(model) == before
    fresh = model_of(**options)
    with pytest.raises(ValueError, match=message):
        getattr(fresh, method)(frame, y)
    with pytest.raises(NotFittedError):
        fresh.transform(frame)
    assert [name for name in vars(fresh) if name.endswith("_")] == []


def test_a_refused_chunk_has_no_effect():
    model = model_of().partial_fit(X[:100], np.where(Y[:100] < 0, 0, 1))
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="labels of type int, str"):
        model.partial_fit(X[100:], np.array(["a", "b"])[np.arange(140) % 2])
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full((2, 12), np.nan), [0, 1])
    assert pickle.dumps(model) == before


def test_one_and_minus_one_are_ambiguous_across_chunks():
    with pytest.warns(LabelsWarning, match="one class only"):
        model = model_of(solver="gram").fit(X[:100], np.ones(100, int))
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="exactly -1 and 1"):
        model.partial_fit(X[100:], np.full(140, -1))
    assert pickle.dumps(model) == before
    for unlabelled, classes in ((None, [-1, 1]), (-1, [1])):
        model = model_of(unlabelled=unlabelled).partial_fit(X[:100], np.ones(100, int))
        assert model.partial_fit(X[100:], np.full(140, -1)).classes_.tolist() == classes


@pytest.mark.parametrize("unlabelled", [-1, None])
def test_the_mark_of_unlabelled_samples_can_be_chosen(unlabelled):
    y = np.where(np.arange(240) % 2, 1, -1)
    y[:6] = 5
    model = model_of(unlabelled=unlabelled).fit(X, y)
    assert model.classes_.tolist() == ([1, 5] if unlabelled == -1 else [-1, 1, 5])


@pytest.mark.parametrize(
    ("mark", "names"),
    [(np.nan, [0.0, 1.0, 2.0]), ("?", ["a", "b", "c"]), (99, [0, 1, 2]), ("", ["x", "y", "z"])],
)
def test_any_mark_gives_the_fit_of_minus_one(mark, names):
    y = np.array([*names, mark])[Y]
    model = model_of(unlabelled=mark).fit(X, y)
    assert model.classes_.tolist() == names
    assert_array_equal(model.components_, model_of().fit(X, Y).components_)


@pytest.mark.parametrize("options", [{"solver": "operator"}, {"solver": "gram", "kept": 0}])
def test_partial_fit_without_class_scatters_is_refused_with_advice(options, monkeypatch):
    if options.pop("kept", None) is not None:
        read = partial(labelled_covariance_of, kept_entries=0)
        monkeypatch.setattr(_labelled_estimator, "labelled_covariance_of", read)
    model = model_of(**options).fit(X, Y)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="did not keep a scatter for every class"):
        model.partial_fit(X, Y)
    assert pickle.dumps(model) == before
    assert_same_fit(model_of().partial_fit(X, Y), model)


# --- samples and parameters that cannot be used --------------------------------------------------


@pytest.mark.parametrize("kind", [np.array, sparse.csr_array])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_missing_values_are_refused_with_advice(kind, method):
    broken = X.copy()
    broken[3, 2] = np.nan
    model = model_of().fit(X, Y)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=r"contains NaN.*Impute first"):
        getattr(model, method)(kind(broken), Y)
    broken[3, 2] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        getattr(model, method)(kind(broken), Y)
    assert pickle.dumps(model) == before


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_components", -1),
        ("n_components", 0.5),
        ("n_components", None),
        ("n_components", "most"),
        ("alpha", -0.1),
        ("alpha", np.nan),
        ("alpha", "best"),
        ("alpha", None),
        ("noise_weighted", "yes"),
        ("whiten", 2.5),
        ("solver", "lapack"),
        ("random_state", "seed"),
    ],
)
def test_invalid_parameters_are_refused_by_name(parameter, value):
    model = model_of().fit(X, Y)
    before = vars(model)["components_"]
    with pytest.raises(ValueError, match=f"'{parameter}' parameter"):
        model.set_params(**{parameter: value}).fit(X, Y)
    assert model.components_ is before


def test_label_and_component_warnings_have_their_own_classes():
    assert issubclass(LabelsWarning, UserWarning)
    assert not issubclass(LabelsWarning, ComponentsWarning | HeywoodWarning)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(200, 4))
    with pytest.warns(ComponentsWarning, match="of 4 components"):
        model_of(4, alpha=0.0).fit(noise, np.arange(200) % 2)
