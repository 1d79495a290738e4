"""Supervised contrastive loss against its equation, invariances, special cases, refusals."""

import math

import numpy as np
import pytest
import torch
from helpers.embeddings import (
    TEMPERATURES,
    assert_same,
    embedding_pairs,
    gradient_scale,
    random_pair,
    value_and_gradients,
)
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive.deep import nt_xent_loss, supervised_contrastive_loss

LABELS = st.sampled_from([1, 2, 4])
BANDWIDTHS = st.sampled_from([0.1, 1.0, 5.0])


def cosine(u, v):
    return u @ v / (torch.sqrt(u @ u) * torch.sqrt(v @ v))


def slow_loss(first, second, weight, temperature):
    """Equation 2 of Khosla et al., anchor by anchor and positive by positive.

    `weight(a, b)` is that of the embeddings of another sample b as positives of sample a.
    """
    views, n, losses = (first, second), len(first), []
    embeddings = [(v, a) for v in range(2) for a in range(n)]
    for v, a in embeddings:
        others = [each for each in embeddings if each != (v, a)]
        terms = {(w, b): cosine(views[v][a], views[w][b]) / temperature for w, b in others}
        log_sum = torch.logsumexp(torch.stack(list(terms.values())), 0)
        weights = {(w, b): 1.0 if b == a else weight(a, b) for w, b in others}
        total = sum(weights.values())
        losses.append(-sum(weights[each] / total * (terms[each] - log_sum) for each in others))
    return sum(losses) / len(losses)


def same_class(y):
    """Whether samples have the same label."""
    return lambda a, b: float(y[a] == y[b] != -1)


def closeness(y, bandwidth):
    """Weights of Dufumier et al., over the targets that both samples know."""

    def weight(a, b):
        squares = [(p - q) ** 2 for p, q in zip(y[a], y[b], strict=True) if p == p and q == q]
        return math.exp(-np.mean(squares) / (2 * bandwidth**2)) if squares else 0.0

    return weight


def labels_for(pair, n_classes, seed, share=0.3):
    """Random labels, some -1."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, len(pair[0]))
    y[rng.uniform(size=len(y)) < share] = -1
    return y


def targets_for(pair, n_targets, seed):
    """Random targets, some NaN."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(len(pair[0]), n_targets))
    y[rng.uniform(size=y.shape) < 0.3] = np.nan
    return y


# --- equations ------------------------------------------------------------------------------------


@given(pair=embedding_pairs(), temperature=TEMPERATURES, n_classes=LABELS, seed=SEEDS)
def test_the_loss_of_labels_and_its_gradient_are_those_of_the_equation(
    pair, temperature, n_classes, seed
):
    y = labels_for(pair, n_classes, seed)
    results = value_and_gradients(supervised_contrastive_loss, pair, y, temperature)
    expected = value_and_gradients(slow_loss, pair, same_class(y.tolist()), temperature)
    assert_same(results, expected, gradient_scale(pair, temperature))


@given(
    pair=embedding_pairs(),
    temperature=TEMPERATURES,
    n_targets=st.integers(1, 3),
    bandwidth=BANDWIDTHS,
    seed=SEEDS,
)
def test_the_loss_of_numbers_and_its_gradient_are_those_of_the_equation(
    pair, temperature, n_targets, bandwidth, seed
):
    y = targets_for(pair, n_targets, seed)
    fast = value_and_gradients(
        supervised_contrastive_loss, pair, y, temperature, bandwidth=bandwidth
    )
    weight = closeness(y.tolist(), bandwidth)
    expected = value_and_gradients(slow_loss, pair, weight, temperature)
    assert_same(fast, expected, gradient_scale(pair, temperature))


CASES = {
    "labels": [0, 0, 1, -1],
    "numbers": [0.0, 0.1, 0.5, np.nan],
    "columns": [[0.0, 1.0], [0.2, np.nan], [np.nan, np.nan], [0.1, 1.1]],
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_finite_differences(name):
    pair = [each.requires_grad_() for each in random_pair(4, 3)]
    temperature = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)

    def loss(first, second, temperature):
        return supervised_contrastive_loss(first, second, CASES[name], temperature)

    assert torch.autograd.gradcheck(loss, (*pair, temperature))
    assert torch.autograd.gradgradcheck(loss, (*pair, temperature))


@pytest.mark.parametrize("name", CASES)
def test_chunks_change_neither_value_nor_gradients(name):
    pair = random_pair(4, 3)
    whole, chunked = (
        value_and_gradients(supervised_contrastive_loss, pair, CASES[name], 0.1, chunk_size=size)
        for size in (None, 3)
    )
    for found, expected in zip(chunked, whole, strict=True):
        assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


# --- special cases --------------------------------------------------------------------------------


@given(pair=embedding_pairs(), temperature=TEMPERATURES, kind=st.sampled_from(["-1", "own", "nan"]))
def test_without_labels_or_if_all_classes_differ_it_is_nt_xent_bit_by_bit(pair, temperature, kind):
    n = len(pair[0])
    y = {"-1": np.full(n, -1), "own": np.arange(n), "nan": np.full((n, 2), np.nan)}[kind]
    results = value_and_gradients(supervised_contrastive_loss, pair, y, temperature)
    for found, expected in zip(
        results, value_and_gradients(nt_xent_loss, pair, temperature), strict=True
    ):
        assert_array_equal(found, expected)


@given(pair=embedding_pairs(), temperature=TEMPERATURES, n_classes=LABELS, seed=SEEDS)
def test_the_order_of_the_batch_and_the_names_of_classes_do_not_matter(
    pair, temperature, n_classes, seed
):
    y, rng = labels_for(pair, n_classes, seed), np.random.default_rng(seed)
    order, names = rng.permutation(len(y)), rng.permutation(100)[:n_classes]
    renamed = np.where(y == -1, -1, names[y])
    permuted = [each[order] for each in pair]
    loss = supervised_contrastive_loss(*pair, y, temperature).item()
    allowed = 1e-12 * (1 + 1 / temperature)
    other = supervised_contrastive_loss(*permuted, renamed[order], temperature).item()
    assert other == pytest.approx(loss, abs=allowed)
    views = supervised_contrastive_loss(*pair[::-1], y, temperature).item()
    assert views == pytest.approx(loss, abs=allowed)


@given(pair=embedding_pairs(), temperature=TEMPERATURES, n_classes=LABELS, seed=SEEDS)
def test_labels_are_numbers_that_are_equal_or_far_apart(pair, temperature, n_classes, seed):
    y = labels_for(pair, n_classes, seed)
    apart = np.where(y == -1, np.nan, 100.0 * y)
    loss, same = (supervised_contrastive_loss(*pair, each, temperature) for each in (y, apart))
    assert same.item() == pytest.approx(loss.item(), abs=1e-12 * (1 + 1 / temperature))


def test_a_class_that_collapses_to_a_point_has_the_least_loss():
    # of a class of m samples, far from the others, the loss is log(2m - 1)
    z = torch.eye(3, dtype=torch.float64)[[0, 0, 0, 1, 1, 2]]
    loss = supervised_contrastive_loss(z, z, [0, 0, 0, 1, 1, 2], 0.01)
    expected = (3 * math.log(5) + 2 * math.log(3) + math.log(1)) / 6
    assert loss.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("y", [[0, 1, 2, 3], [0, 0, 0, 0], [-1, -1, -1, 5], [np.nan, 1.0, 1.0, 2]])
@pytest.mark.parametrize("alike", [False, True])
def test_no_batch_gives_nan(y, alike):
    pair = random_pair(4, dtype=torch.float32)
    if alike:
        pair = [torch.ones_like(each) for each in pair]
    results = value_and_gradients(supervised_contrastive_loss, pair, y, 0.001)
    assert all(np.isfinite(each).all() for each in results)


def test_a_temperature_far_below_the_precision_of_float16_is_stable():
    pair = random_pair(6, dtype=torch.float64)
    y = [0, 0, 1, 1, -1, 2]
    expected = supervised_contrastive_loss(*pair, y, 1e-3).item()
    half = [each.half() for each in pair]
    exact = supervised_contrastive_loss(*(each.double() for each in half), y, 1e-3).item()
    with torch.autocast("cpu", torch.bfloat16):
        loss = supervised_contrastive_loss(*half, y, 1e-3)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact, rel=1e-4)
    assert exact == pytest.approx(expected, rel=0.01)


def test_targets_far_from_zero_keep_their_differences():
    pair = random_pair(4)
    y = np.array([0.0, 0.1, 0.3, 2.0])
    loss, shifted = (supervised_contrastive_loss(*pair, y + c, 0.2).item() for c in (0, 1e6))
    assert shifted == pytest.approx(loss, rel=1e-8)


@pytest.mark.parametrize(("bandwidth", "y"), [(1e-40, [0, 0, 1, 1]), (1e30, [0, 0, 0, 0])])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_at_the_ends_of_the_bandwidth_numbers_are_labels(bandwidth, y, dtype):
    pair = random_pair(4)
    numbers = torch.tensor([0.0, 0.0, 0.1, 0.1], dtype=dtype)
    loss = supervised_contrastive_loss(*pair, numbers, bandwidth=bandwidth)
    assert loss.item() == pytest.approx(supervised_contrastive_loss(*pair, y).item())


@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_memory_is_linear_in_the_batch(kind):
    # 4096 samples: a matrix of all embeddings would have 268 MB, one of samples 67 MB
    n = 4096
    first, second = random_pair(n, 4, torch.float32)
    y = torch.arange(n) % 10 if kind == "labels" else torch.linspace(0, 1, n)
    sizes, make = [], torch.Tensor.__matmul__

    def watched(self, other):
        result = make(self, other)
        sizes.append(result.numel())
        return result

    first.requires_grad_()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "__matmul__", watched)
        loss = supervised_contrastive_loss(first, second, y)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x.numel()) or x, id):
        supervised_contrastive_loss(first, second, y)
    assert loss.isfinite()
    assert max(sizes) <= 2**21
    assert max(saved) <= 2 * n * 8


# --- what y may be --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        [1, 1, 0, 0],
        (True, True, False, False),
        np.array([1, 1, 0, 0], dtype=np.uint8),
        torch.tensor([1, 1, 0, 0], dtype=torch.int32),
        torch.tensor([7.0, 7, 0, 0], dtype=torch.float16),
    ],
)
def test_labels_of_any_type(y):
    pair = random_pair(4)
    loss = supervised_contrastive_loss(*pair, y)
    assert loss.item() == pytest.approx(supervised_contrastive_loss(*pair, [0, 0, 1, 1]).item())


REFUSED = {
    "too short": ([0, 1], r"y has shape \(2,\) and type torch.int64; give integer labels of shape"),
    "columns of labels": (np.zeros((4, 1), int), r"y has shape \(4, 1\)"),
    "no columns": (np.zeros((4, 0)), r"y has shape \(4, 0\)"),
    "three axes": (np.zeros((4, 1, 1)), r"y has shape \(4, 1, 1\)"),
    "a number": (3, r"y has shape \(\)"),
    "complex": (np.zeros(4, complex), "type torch.complex128"),
    "strings": (["a", "b", "a", "b"], "cannot be read as numbers.*LabelEncoder"),
    "None": (None, "y=None cannot be read as numbers"),
    "infinite": ([0.0, np.inf, 1, 2], "y contains infinity"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_targets_are_refused(name):
    y, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        supervised_contrastive_loss(*random_pair(4), y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature=0.0 must be a positive number"),
        ({"bandwidth": -1.0}, "bandwidth=-1.0 must be a positive number"),
        ({"chunk_size": 0}, "chunk_size=0 must be"),
    ],
)
@pytest.mark.parametrize("name", CASES)
def test_other_settings_are_refused(name, options, message):
    with pytest.raises(ValueError, match=message):
        supervised_contrastive_loss(*random_pair(4), CASES[name], **options)
