"""Matrix of the supervised contrastive loss from every reader, compared with loops over pairs."""

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sklearn_contrastive._labels import Labels, read_labels
from sklearn_contrastive.linear._covariance import by_class
from sklearn_contrastive.linear._covariance.blocks import no_step
from sklearn_contrastive.linear._covariance.by_class import class_covariances
from sklearn_contrastive.linear._covariance.labelled import negative_weights, positive_weights
from sklearn_contrastive.linear._covariance.labelled_rows import LabelledRows
from sklearn_contrastive.linear._covariance.read import labelled_covariance_of_chunk
from sklearn_contrastive.linear._covariance.rows import row_covariance
from sklearn_contrastive.linear._covariance.scatter import ScatterCovariance, scatter_covariance
from sklearn_contrastive.linear._covariance.within_class import _subtract, labelled_scatter

EPS = np.finfo(np.float64).eps
EPS32 = np.finfo(np.float32).eps
WEIGHTS = st.sampled_from(["none", "counts", "fractions"])
FORMATS = st.sampled_from(["csr_array", "csc_array", "csr_matrix", "csc_matrix"])


@dataclass(frozen=True)
class Chunk:
    """The samples of a chunk, as they are read."""

    values: np.ndarray
    labels: Labels
    weight: np.ndarray | None

    @property
    def n_features(self):
        return self.values.shape[1]


@dataclass(frozen=True)
class LabelledProblem:
    """Classes of given sizes, and unlabelled samples; the data follow from a seed."""

    sizes: tuple[int, ...]
    n_unlabelled: int
    n_features: int
    offset: float
    unit: float
    seed: int

    @cached_property
    def _drawn(self):
        rng = np.random.default_rng(self.seed)
        y = np.r_[np.repeat(np.arange(len(self.sizes)) * 3, self.sizes), [-1] * self.n_unlabelled]
        y = rng.permutation(y.astype(int))
        centres = rng.normal(size=(3 * len(self.sizes) + 1, self.n_features))
        X = centres[y] + rng.normal(size=(len(y), self.n_features)) * rng.uniform(
            0.1, 3, self.n_features
        )
        return self.unit * (X + self.offset), y

    @property
    def X(self):
        """Samples, in any order."""
        return self._drawn[0]

    @property
    def y(self):
        """Classes 0, 3, 6, ... and -1."""
        return self._drawn[1]

    @property
    def labels(self):
        """The same, read."""
        return read_labels(self.y, len(self.y), -1)

    def weight(self, kind):
        rng = np.random.default_rng(self.seed + 1)
        n = len(self.y)
        drawn = {
            "none": None,
            "counts": rng.integers(0, 4, n).astype(float),
            "fractions": rng.uniform(0.1, 2, n),
        }[kind]
        if drawn is not None:
            drawn[:1] += 2.0  # frequency weights must sum to more than 1
        return drawn

    def counted(self, weight):
        """Labels without the classes of weight 0."""
        if weight is None:
            return self.labels
        codes = np.where(weight > 0, self.labels.codes, -1)
        return Labels(self.labels.classes, codes).of(np.arange(len(codes)))

    def rounding(self, eps=EPS):
        """Rounding error of an entry of the matrix, from deviations and the size of the mean."""
        deviation = np.abs(self.X - self.X.mean(axis=0)).max() + self.unit
        return 200 * eps * deviation**2 + 200 * EPS * deviation * np.abs(self.X).max()


@st.composite
def labelled_problems(draw, offsets=(0.0, -30.0, 1e6), max_features=6):
    return LabelledProblem(
        sizes=tuple(draw(st.lists(st.integers(1, 8), min_size=2, max_size=6))),
        n_unlabelled=draw(st.integers(0, 12)),
        n_features=draw(st.integers(1, max_features)),
        offset=draw(st.sampled_from(list(offsets))),
        unit=draw(st.sampled_from([1.0, 1e-6, 1e6])),
        seed=draw(SEEDS),
    )


def supervised_by_loops(X, y):
    """M_sup: every anchor with every positive and every negative, -1 unlabelled."""
    X = np.asarray(X, np.longdouble)
    X = X - X.mean(axis=0)
    labelled = np.flatnonzero(y != -1)
    total = np.zeros((X.shape[1],) * 2, np.longdouble)
    for anchor in labelled:
        n_same = np.sum(y == y[anchor])
        for other in labelled:
            pair = np.outer(X[anchor], X[other])
            if other != anchor and y[other] == y[anchor]:
                total += (pair + pair.T) / 2 / (n_same - 1)
            elif y[other] != y[anchor]:
                total -= (pair + pair.T) / 2 / (len(labelled) - n_same)
    return (total / len(labelled)).astype(float)


def positive_by_loops(X, y):
    """Matrix of the positive pairs alone."""
    X = X - X.mean(axis=0)
    labelled = np.flatnonzero(y != -1)
    total = np.zeros((X.shape[1],) * 2)
    for anchor in labelled:
        partners = [i for i in labelled if i != anchor and y[i] == y[anchor]]
        for partner in partners:
            total += np.outer(X[anchor], X[partner]) / len(partners)
    return total / len(labelled)


def matrix_of(covariance):
    """M_sup as a matrix, from a labelled covariance of any kind."""
    return covariance.label_matrix_times(np.eye(covariance.n_features))


def rows_with_labels(X, labels, weight=None, block_rows=None):
    return LabelledRows(row_covariance(X, weight), labels)


def class_by_class(X, labels, weight=None, block_rows=None):
    return class_covariances(X, labels, weight)


READERS = {
    "one pass": labelled_scatter,
    "class by class": class_by_class,
    "rows": rows_with_labels,
}
each_reader = pytest.mark.parametrize("reader", READERS)


# --- against loops over pairs --------------------------------------------------------------------


@each_reader
@given(problem=labelled_problems(), n_rows=st.integers(1, 20))
def test_label_matrix_agrees_with_loops_over_pairs(reader, problem, n_rows):
    covariance = READERS[reader](problem.X, problem.labels, block_rows=n_rows)
    expected = supervised_by_loops(problem.X, problem.y)
    assert_allclose(matrix_of(covariance), expected, rtol=0, atol=problem.rounding())


@given(problem=labelled_problems(), n_rows=st.integers(1, 20))
def test_positive_matrix_agrees_with_loops_over_pairs(problem, n_rows):
    covariance = labelled_scatter(problem.X, problem.labels, block_rows=n_rows)
    expected = positive_by_loops(problem.X, problem.y)
    assert_allclose(covariance.positive_matrix, expected, rtol=0, atol=problem.rounding())


@each_reader
@given(problem=labelled_problems(), kind=WEIGHTS, n_rows=st.integers(1, 20))
def test_covariance_of_all_samples_does_not_depend_on_labels(reader, problem, kind, n_rows):
    weight = problem.weight(kind)
    covariance = READERS[reader](problem.X, problem.labels, weight, block_rows=n_rows)
    expected = scatter_covariance(problem.X, weight)
    identity = np.eye(problem.n_features)
    assert covariance.n_samples == pytest.approx(expected.n_samples)
    assert covariance.n_features == problem.n_features
    assert_array_equal(covariance.classes, problem.labels.classes)
    atol = problem.rounding() * max(1.0, expected.n_samples / (expected.n_samples - 1))
    assert_allclose(covariance.variances, expected.variances, rtol=0, atol=atol)
    for product in ("times", "along"):
        found, reference = (getattr(m, product)(identity) for m in (covariance, expected))
        assert_allclose(found, reference, rtol=0, atol=atol)
    offset = np.abs(problem.X).max()
    spread = np.ptp(problem.X, axis=0).max()
    assert_allclose(covariance.mean, expected.mean, rtol=0, atol=100 * EPS * (offset + spread))


@given(counts=st.lists(st.integers(1, 9), min_size=2, max_size=7))
def test_pair_weights_follow_from_the_class_counts(counts):
    counts = np.array(counts, float)
    m = counts.sum()
    weights = negative_weights(counts)
    for k, m_k in enumerate(counts):
        for other, m_l in enumerate(counts):
            expected = 0 if k == other else m_k * m_l * (1 / (m - m_k) + 1 / (m - m_l)) / 2
            assert weights[k, other] == pytest.approx(expected)
    assert weights.sum() == pytest.approx(m)  # every anchor has weight 1
    assert_array_equal(positive_weights(counts), np.where(counts == 1, 0, counts))


@given(problem=labelled_problems(offsets=(0.0, 10.0)))
def test_fewer_eigenvalues_than_classes_are_positive(problem):
    eigenvalues = np.linalg.eigvalsh(matrix_of(labelled_scatter(problem.X, problem.labels)))
    allowed = problem.n_features * problem.rounding()
    assert np.sum(eigenvalues > allowed) <= len(problem.sizes) - 1


# --- without the covariance of each class ---------------------------------------------------------


@given(problem=labelled_problems(), kind=WEIGHTS, n_rows=st.integers(1, 20))
def test_scatter_within_classes_needs_no_covariance_of_each(problem, kind, n_rows):
    weight = problem.weight(kind)
    labels = problem.counted(weight)
    covariance = labelled_scatter(problem.X, labels, weight, block_rows=n_rows, pooled=False)
    expected = labelled_scatter(problem.X, labels, weight)
    identity = np.eye(problem.n_features)
    atol = problem.rounding() * len(problem.y)
    for product in ("within_times", "times"):
        found, reference = (getattr(m, product)(identity) for m in (covariance, expected))
        assert_allclose(found, reference, rtol=0, atol=atol)
    assert_array_equal(covariance.counts, expected.counts)
    means, atol = covariance.centred_means(), 100 * EPS * np.abs(problem.X).max()
    assert_allclose(means, expected.offsets, rtol=0, atol=atol)
    assert_allclose(means, covariance.combined_means(np.eye(len(means))).T, rtol=0, atol=atol)
    if len(means) > 1:
        with pytest.raises(TypeError, match="supervised loss"):
            covariance.label_matrix_times(identity)


@pytest.mark.parametrize("distance", [1.0, 1e6])
def test_means_far_apart_cost_no_digits_of_the_scatter_within(distance):
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    X = distance * rng.normal(size=(3, 4))[y] + rng.normal(size=(90, 4))
    scatter = labelled_scatter(X, read_labels(y, 90), pooled=False)
    expected = sum(np.cov(X[y == k].T) * 29 for k in range(3))
    assert_allclose(scatter.within, expected, rtol=0, atol=1e-9 * distance)


# --- many classes at once -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@given(problem=labelled_problems(offsets=(0.0, 1e3)), entries=st.integers(1, 60))
def test_classes_that_are_read_together_equal_those_that_are_read_alone(dtype, problem, entries):
    X = (problem.X / problem.unit * 100).astype(dtype)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(by_class, "_SHORT_CLASS", 4)
        patched.setattr(by_class, "_BATCH_ENTRIES", entries)
        found = class_covariances(X, problem.labels)
    classes = {None: -1} | {label: label for label in found.labels}
    size = np.abs(X.astype(float)).max()
    eps = EPS32 if dtype == np.float32 else EPS
    for label, part in found.parts.items():
        rows = X[problem.y == classes[label]].astype(np.float64)
        expected = scatter_covariance(rows, fourth=True)
        assert part.n_samples == len(rows)
        assert_allclose(part.mean, rows.mean(axis=0), rtol=0, atol=20 * eps * size)
        spread = size * np.abs(rows - rows.mean(axis=0)).max() + 1.0
        atol = 200 * eps * len(rows) * spread
        assert_allclose(part.scatter, expected.scatter, rtol=0, atol=atol)
        clear = np.diag(expected.scatter) > 1e4 * atol
        for power in ("third", "fourth"):
            moments, known = (getattr(each.moments, power) for each in (part, expected))
            assert_allclose(moments[clear], known[clear], rtol=0, atol=1e-2)
            assert_array_equal(moments[np.diag(part.scatter) == 0], 0.0)


@given(problem=labelled_problems(offsets=(0.0, 1e3)), kind=WEIGHTS)
def test_parts_that_are_joined_at_once_equal_their_sum(problem, kind):
    weight = problem.weight(kind)
    parts = list(class_covariances(problem.X, problem.counted(weight), weight).parts.values())
    joined, added = ScatterCovariance.joined(parts), reduce(add, parts)
    assert joined.n_samples == pytest.approx(added.n_samples)
    size = np.abs(problem.X).max()
    assert_allclose(joined.mean, added.mean, rtol=0, atol=50 * EPS * size)
    atol = problem.rounding() * (1 + added.n_samples)
    assert_allclose(joined.scatter, added.scatter, rtol=0, atol=atol)
    clear = np.diag(added.scatter) > 1e4 * atol
    for power in ("third", "fourth"):
        found, expected = (getattr(each.moments, power)[clear] for each in (joined, added))
        assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


# --- weights, chunks, formats --------------------------------------------------------------------


@each_reader
@given(problem=labelled_problems(offsets=(0.0, 1e6)), n_rows=st.integers(1, 20))
def test_integer_weights_equal_repeated_samples(reader, problem, n_rows):
    weight = problem.weight("counts").astype(int)
    X, y = np.repeat(problem.X, weight, axis=0), np.repeat(problem.y, weight)
    labels = problem.counted(weight)
    weighted = READERS[reader](problem.X, labels, weight.astype(float), block_rows=n_rows)
    repeated = READERS[reader](X, read_labels(y, len(y), -1), block_rows=n_rows)
    assert_array_equal(weighted.classes, repeated.classes)
    assert_allclose(matrix_of(weighted), matrix_of(repeated), rtol=0, atol=problem.rounding())


@given(problem=labelled_problems(), kind=st.sampled_from(["fractions", "counts"]))
def test_readers_agree_under_any_weights(problem, kind):
    weight = problem.weight(kind)
    labels = problem.counted(weight)
    found = [matrix_of(read(problem.X, labels, weight, block_rows=3)) for read in READERS.values()]
    # the unbiased covariance of a class whose weights hardly exceed 1 has a divisor near 0
    counts = np.bincount(labels.codes[labels.codes >= 0], weight[labels.codes >= 0])
    excess = min((count - 1 for count in counts if count > 1), default=1.0)
    atol = problem.rounding() * (1 + 1 / excess)
    assert_allclose(found[1], found[0], rtol=0, atol=atol)
    assert_allclose(found[2], found[0], rtol=0, atol=atol)


@given(problem=labelled_problems(), n_parts=st.integers(1, 8), seed=SEEDS, kind=WEIGHTS)
def test_sum_of_chunks_in_any_order_equals_the_whole(problem, n_parts, seed, kind):
    weight = problem.weight(kind)
    part = np.random.default_rng(seed).integers(0, n_parts, len(problem.y))
    chunks = []
    for number in np.random.default_rng(seed).permutation(n_parts):
        rows = np.flatnonzero(part == number)
        if len(rows):
            labels = problem.counted(weight).of(rows)
            chunks.append(
                class_covariances(problem.X[rows], labels, None if kind == "none" else weight[rows])
            )
    merged = reduce(add, chunks)
    whole = class_covariances(problem.X, problem.counted(weight), weight)
    assert_array_equal(merged.classes, whole.classes)
    assert_allclose(merged.labelled.counts, whole.labelled.counts)
    counts = whole.labelled.counts
    excess = min((count - 1 for count in counts if count > 1), default=1.0)
    atol = problem.rounding() * (1 + 1 / excess)
    assert_allclose(matrix_of(merged), matrix_of(whole), rtol=0, atol=atol)
    assert merged.n_samples == pytest.approx(whole.n_samples)


@given(
    problem=labelled_problems(),
    n_parts=st.integers(1, 8),
    kept_matrices=st.integers(0, 4),
    seed=SEEDS,
    kind=WEIGHTS,
)
def test_one_matrix_for_all_classes_is_the_sum_of_theirs(
    problem, n_parts, kept_matrices, seed, kind
):
    weight, rng = problem.weight(kind), np.random.default_rng(seed)
    part, kept_entries, chunks = rng.integers(0, n_parts, len(problem.y)), 0, []
    for number in rng.permutation(n_parts):
        rows = np.flatnonzero(part == number)
        if len(rows):
            samples = Chunk(
                problem.X[rows],
                problem.counted(weight).of(rows),
                None if weight is None else weight[rows],
            )
            kept_entries = kept_matrices * samples.n_features**2
            chunks.append(labelled_covariance_of_chunk(samples, no_step, kept_entries))
    merged = reduce(add, chunks)
    whole = class_covariances(problem.X, problem.counted(weight), weight)
    merged, whole = merged.pooled(), whole.pooled()
    assert_array_equal(merged.classes, whole.classes)
    assert_allclose(merged.counts, whole.counts)
    identity, atol = np.eye(problem.n_features), problem.rounding() * len(problem.y)
    assert_allclose(merged.total.scatter, whole.total.scatter, rtol=0, atol=atol)
    assert_allclose(merged.within_times(identity), whole.within_times(identity), rtol=0, atol=atol)
    size = np.abs(problem.X).max()
    offsets = merged.class_scores(identity), whole.class_scores(identity)
    assert_allclose(*offsets, rtol=0, atol=1e3 * EPS * size)
    half = merged.scaled(0.5).within_times(identity)
    assert_allclose(half, 0.25 * merged.within_times(identity), rtol=0, atol=atol)


@given(
    problem=labelled_problems(offsets=(0.0, 3.0)),
    format=FORMATS,
    kind=WEIGHTS,
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_sparse_samples_have_the_matrix_of_their_dense_copy(problem, format, kind, dtype):
    gaps = np.random.default_rng(problem.seed).uniform(size=problem.X.shape) < 0.6
    X, weight = np.where(gaps, 0.0, problem.X).astype(dtype), problem.weight(kind)
    labels = problem.counted(weight)
    expected = matrix_of(labelled_scatter(X.astype(float), labels, weight))
    counts = np.bincount(labels.codes + 1, weight)[1:]
    excess = min((count - 1 for count in counts if count > 1), default=1.0)
    for read in READERS.values():
        found = matrix_of(read(getattr(sparse, format)(X), labels, weight))
        atol = problem.rounding() * (1 + 1 / excess)
        assert_allclose(found, expected, rtol=0, atol=atol)


@each_reader
@given(problem=labelled_problems(offsets=(0.0, 1e3, 1e4)), n_rows=st.integers(1, 20))
def test_float32_error_is_at_most_that_of_float32_products(reader, problem, n_rows):
    X = problem.X.astype(np.float32)
    found = matrix_of(READERS[reader](X, problem.labels, block_rows=n_rows))
    assert found.dtype == np.float64
    expected = supervised_by_loops(X, problem.y)
    atol = problem.rounding(EPS32)
    if reader == "rows":  # their mean is subtracted in float32, and rounded to it
        atol += 50 * EPS32 * np.abs(X - X.mean(axis=0)).max() ** 2
    assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.bool_, np.float16])
@each_reader
def test_numbers_of_any_type_are_read_as_float64(reader, dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2 if dtype is np.bool_ else 100, size=(30, 4)).astype(dtype)
    labels = read_labels(rng.integers(-1, 3, 30) * 2, 30, -2)
    expected = matrix_of(READERS[reader](X.astype(np.float64), labels))
    assert_allclose(matrix_of(READERS[reader](X, labels)), expected, rtol=1e-13, atol=1e-9)


@each_reader
def test_memory_maps_are_read_like_arrays(reader, tmp_path):
    problem = LabelledProblem((5, 20, 1, 7), 30, 4, 1e3, 1.0, 0)
    np.save(tmp_path / "X.npy", problem.X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    found = matrix_of(READERS[reader](mapped, problem.labels, block_rows=7))
    expected = matrix_of(READERS[reader](problem.X, problem.labels, block_rows=7))
    assert_allclose(found, expected, rtol=0, atol=problem.rounding())


# --- few classes and small classes ---------------------------------------------------------------


@each_reader
@pytest.mark.parametrize("y", [np.full(6, -1), [-1, -1, 2, 2, 2, -1], np.full(6, 4)])
def test_fewer_than_two_classes_give_a_zero_matrix(reader, y):
    X = np.random.default_rng(0).normal(size=(6, 3))
    covariance = READERS[reader](X, read_labels(y, 6, -1))
    assert_array_equal(matrix_of(covariance), np.zeros((3, 3)))
    assert_allclose(covariance.times(np.eye(3)), np.cov(X.T))


@each_reader
def test_classes_of_one_sample_form_negative_pairs_only(reader):
    X = np.random.default_rng(0).normal(size=(5, 3))
    found = matrix_of(READERS[reader](X, read_labels(np.arange(5), 5)))
    C = X - X.mean(axis=0)
    negative = sum(np.outer(C[i], C[j]) for i in range(5) for j in range(5) if i != j) / 4
    assert_allclose(found, -negative / 5, atol=1e-14)


@each_reader
def test_a_distant_class_does_not_cost_precision_in_other_features(reader):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [3, 40, 50])
    X = rng.normal(size=(93, 3)) + 1e7 * (y == 0)[:, None] * [1.0, 0.0, 0.0]
    found = matrix_of(READERS[reader](X, read_labels(y, 93)))
    expected = supervised_by_loops(X, y)
    assert_allclose(found[1:, 1:], expected[1:, 1:], rtol=0, atol=1e-8)


def test_on_block_is_called_for_every_block():
    X, y = np.random.default_rng(0).normal(size=(50, 3)), np.arange(50) % 2
    calls = []
    labelled_scatter(X, read_labels(y, 50), None, calls.append, block_rows=10)
    assert calls == ["block of rows"] * 5


# --- expectation and class means -----------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_expected_matrix_is_the_between_class_covariance_times_k_over_k_minus_1(noise):
    n_classes, n_each, n_features, n_draws = 4, 6, 5, 800
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(n_classes, n_features))
    spread = noise * np.linspace(0.2, 3.0, n_features)
    y = np.repeat(np.arange(n_classes), n_each)
    labels = read_labels(y, len(y))
    draws = np.array(
        [
            matrix_of(labelled_scatter(centres[y] + spread * rng.normal(size=(len(y), 5)), labels))
            for _ in range(n_draws)
        ]
    )
    expected = np.cov(centres.T, ddof=0) * n_classes / (n_classes - 1)
    error = draws.std(axis=0) / np.sqrt(n_draws)
    assert np.all(np.abs(draws.mean(axis=0) - expected) <= 4 * error + 1e-12)


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6), seed=SEEDS)
def test_subtracting_class_means_at_once_or_class_by_class_is_identical(sizes, seed):
    rng = np.random.default_rng(seed)
    bounds = np.r_[0, np.cumsum(sizes)]
    block, points = rng.normal(size=(bounds[-1], 3)), rng.normal(size=(len(sizes), 3))
    found = []
    for short_piece in (0, 1000):
        found.append(block.copy())
        _subtract(found[-1], points, bounds, short_piece)
    assert_array_equal(*found)
