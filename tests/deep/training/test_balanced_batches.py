"""Batches with equally many samples of each class."""

import numpy as np
import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st

from sklearn_contrastive.deep._training.balanced_batches import balanced_batches


def draw(classes, n_batches, seed=0):
    batches = balanced_batches(classes, n_batches, torch.Generator().manual_seed(seed))
    return [batch.numpy() for batch in batches]


@st.composite
def labelled(draw):
    """Classes of unequal size, from one sample on, some samples without; a number of batches."""
    rng = np.random.default_rng(draw(SEEDS))
    sizes = rng.integers(1, draw(st.sampled_from([2, 40])), draw(st.integers(1, 6)))
    n_unlabelled = draw(st.sampled_from([0, 1, 30]))
    classes = np.r_[np.repeat(np.arange(len(sizes)), sizes), np.full(n_unlabelled, -1)]
    n_batches = draw(st.integers(1, len(classes)))
    return torch.from_numpy(rng.permutation(classes)), n_batches


@given(problem=labelled(), seed=SEEDS)
def test_places_of_a_batch_are_divided_equally_among_the_classes(problem, seed):
    classes, n_batches = problem
    batches = draw(classes, n_batches, seed)
    assert [len(b) for b in batches] == [len(p) for p in torch.tensor_split(classes, n_batches)]
    codes = classes.numpy()
    present = np.unique(codes[codes >= 0])
    counts = np.array([[np.sum(codes[b] == each) for each in present] for b in batches])
    run = 1 if counts.sum() >= 2 * len(present) * n_batches else 2
    assert np.all(np.ptp(counts, axis=1) <= run)
    assert np.ptp(counts.sum(axis=0)) <= run
    unlabelled = [np.sum(codes[b] == -1) for b in batches]
    assert np.ptp(unlabelled) <= 1
    assert sum(unlabelled) == min(np.sum(codes == -1), len(codes) // 2)


@pytest.mark.parametrize("n_classes", [10, 100])
def test_images_meet_others_of_their_class_however_few_have_a_label(n_classes):
    classes = torch.full((6000,), -1)
    classes[: 2 * n_classes] = torch.arange(2 * n_classes) % n_classes
    for batch in draw(classes, 30):
        labels = classes.numpy()[batch]
        _, counts = np.unique(labels[labels >= 0], return_counts=True)
        assert counts.sum() == 100
        assert np.sum(counts == 1) <= 2  # a pair on the border of two batches


def test_without_any_label_each_image_is_used_once():
    batches = draw(torch.full((25,), -1), 3)
    assert sorted(np.concatenate(batches)) == list(range(25))


@given(problem=labelled(), seed=SEEDS)
def test_no_image_is_used_again_before_all_others_of_its_class(problem, seed):
    classes, n_batches = problem
    used = np.bincount(np.concatenate(draw(classes, n_batches, seed)), minlength=len(classes))
    codes = classes.numpy()
    for each in np.unique(codes):
        assert np.ptp(used[codes == each]) <= 1
    assert used[codes == -1].max(initial=0) <= 1


@given(problem=labelled(), seed=SEEDS)
def test_balanced_batches_are_repeatable_and_random(problem, seed):
    classes, n_batches = problem
    again = zip(draw(classes, n_batches, seed), draw(classes, n_batches, seed), strict=True)
    assert all(np.array_equal(*pair) for pair in again)


@pytest.mark.parametrize("n_batches", [1, 10])
def test_a_rare_class_is_as_frequent_as_the_others(n_batches):
    classes = torch.tensor([0] * 95 + [1] * 5)
    for batch in draw(classes, n_batches):
        assert np.mean(batch < 95) == 0.5
    assert not np.array_equal(draw(classes, n_batches)[0], draw(classes, n_batches, 1)[0])
