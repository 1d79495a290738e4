"""Random batches of samples."""

import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st

from sklearn_contrastive.deep._training.batches import RandomBatches, TensorSource


@given(n_samples=st.integers(1, 60), batch_size=st.integers(1, 70), seed=SEEDS)
def test_batches_hold_every_sample_once_and_differ_by_at_most_one_in_size(
    n_samples, batch_size, seed
):
    generator = torch.Generator().manual_seed(seed)
    source = TensorSource(10 * torch.arange(n_samples))
    pairs = list(RandomBatches(source, batch_size, generator))
    batches = [batch for _, batch in pairs]
    assert all(torch.equal(10 * index, batch) for index, batch in pairs)
    sizes = [len(batch) for batch in batches]
    assert sorted(torch.cat(batches).tolist()) == list(range(0, 10 * n_samples, 10))
    assert len(batches) == len(RandomBatches(source, batch_size, generator))
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1


@given(n_samples=st.integers(2, 400), batch_size=st.integers(3, 70))
def test_batches_have_at_least_two_samples_if_batch_size_is_three_or_more(n_samples, batch_size):
    batches = RandomBatches(TensorSource(torch.arange(n_samples)), batch_size, torch.Generator())
    assert min(len(batch) for _, batch in batches) >= 2
