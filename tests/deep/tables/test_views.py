"""Views of rows: corruption, complementary masks, transformers and functions of the user."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sklearn_contrastive.augmentation import MaskedAugmenter
from sklearn_contrastive.augmentation._images.rows_generator import RowsGenerator
from sklearn_contrastive.deep._embedder.losses import PairLoss
from sklearn_contrastive.deep._tables.views import (
    TableObjective,
    TableViews,
    complementary_masks,
    corrupted,
    table_views,
)

SIZES = {"seed": st.integers(0, 2**32 - 1), "n": st.integers(1, 12), "d": st.integers(1, 6)}


def generator(seed):
    return torch.Generator().manual_seed(seed)


def slowly_corrupted(table, pool, rate, draws):
    """The corruption of SCARF, entry by entry."""
    n, d = table.shape
    replaced, rows = torch.rand(n, d, generator=draws), torch.rand(n, d, generator=draws)
    view = table.clone()
    for i in range(n):
        for j in range(d):
            if replaced[i, j] < rate:
                view[i, j] = pool[int(rows[i, j] * len(pool)), j]
    return view


@given(rate=st.floats(0, 1), n_pool=st.integers(1, 9), **SIZES)
def test_corruption_is_that_of_a_loop_over_entries(seed, n, d, rate, n_pool):
    table = torch.randn(n, d, generator=generator(seed))
    pool = torch.randn(n_pool, d, generator=generator(seed + 1))
    fast = corrupted(table, pool, rate, generator(2))
    assert torch.equal(fast, slowly_corrupted(table, pool, rate, generator(2)))


def test_corrupted_entries_follow_the_distribution_of_their_feature():
    # feature 0 is below 10 in every row, feature 1 is above, and a third of it is missing
    pool = torch.stack([torch.arange(9.0), torch.arange(10.0, 19.0)], dim=1)
    pool[:3, 1] = torch.nan
    table = torch.full((20_000, 2), -1.0)
    view = corrupted(table, pool, 0.6, generator(0))
    kept = view == -1
    # five standard errors of a share of 20,000
    assert (kept.float().mean(dim=0) - 0.4).abs().max() < 0.018
    for j in range(2):
        drawn = view[~kept[:, j], j]
        shares = [(drawn == value).float().mean() for value in pool[:, j] if value == value]
        assert max(abs(share - 1 / 9) for share in shares) < 0.015
    assert abs(view[~kept[:, 1], 1].isnan().float().mean() - 1 / 3) < 0.022


@given(**SIZES)
def test_each_entry_is_shown_in_one_of_the_masked_views(seed, n, d):
    table = torch.rand(n, d, generator=generator(seed)) + 1
    view_1, view_2 = complementary_masks(table, generator(seed))
    assert torch.equal(view_1 + view_2, table)
    assert torch.equal((view_1 == 0), (view_2 != 0))


def test_masks_hide_missing_entries_too():
    view_1, view_2 = complementary_masks(torch.full((50, 3), torch.nan), generator(0))
    assert torch.equal(view_1.isnan(), ~view_2.isnan())


def test_corruption_keeps_the_first_view_and_draws_from_all_training_rows():
    objective = TableObjective(TableViews("corruption", 1.0), PairLoss("nt_xent", 1.0))
    batch = torch.zeros(50, 2)
    assert torch.equal(objective.views(batch, generator(0))[1], batch)  # of the batch itself
    objective.targets = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    view_1, view_2 = objective.views(batch, generator(0))
    assert torch.equal(view_1, batch)
    assert set(view_2[:, 0].tolist()) == {1, 3}
    assert set(view_2[:, 1].tolist()) == {2, 4}
    objective.targets = None
    assert objective.targets is None
    assert objective.views.pool is None


def test_views_of_a_row_do_not_depend_on_the_process_that_draws_them():
    table = torch.randn(7, 3, generator=generator(0))
    views = TableViews("corruption", 0.6, table)
    whole = views(table, generator(1))[1]
    for rows in (range(4), range(4, 7)):
        draws = RowsGenerator(generator(1), own_seed=5)
        draws.n_rows, draws.rows = 7, rows
        part = views(table[rows.start : rows.stop], draws)[1]
        assert torch.equal(part, whole[rows.start : rows.stop])


def test_a_transformer_is_cloned_and_draws_the_views():
    table = torch.randn(40, 5, generator=generator(0))
    given_one = MaskedAugmenter(0.3)
    views = table_views(given_one, 0.6, table, (False,) * 5)
    assert not hasattr(given_one, "mean_")
    view_1, view_2 = views(table, generator(1))
    fill = torch.from_numpy(MaskedAugmenter().fit(table.numpy()).mean_)
    torch.testing.assert_close(view_1 + view_2, table + fill)
    again = views(table, generator(1))
    assert torch.equal(view_1, again[0])


def test_a_transformer_is_refused_for_a_table_with_categories():
    with pytest.raises(ValueError, match=r"2 of the features are categories. Use \"corruption\""):
        table_views(MaskedAugmenter(), 0.6, torch.zeros(3, 3), (True, False, True))


class Noise(nn.Module):
    """Adds noise to every value."""

    def forward(self, batch):
        return batch + torch.randn_like(batch)


@pytest.mark.parametrize("augmentation", [Noise(), lambda batch: batch.mul_(2)])
def test_functions_of_batches_draw_each_view(augmentation):
    batch = torch.ones(4, 2)
    view_1, view_2 = TableViews(augmentation, 0.6)(batch, generator(0))
    assert view_1.shape == view_2.shape == (4, 2)
    assert torch.equal(batch, torch.ones(4, 2))  # not changed in place
    assert torch.equal(view_1, view_2) == (not isinstance(augmentation, Noise))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (torch.zeros(3, 2), r"returned \(3, 2\) of torch.float32 for a batch of \(4, 2\)"),
        (torch.zeros(4, 2, dtype=int), r"\(4, 2\) of torch.int64"),
        (np.zeros((4, 2)), "returned ndarray"),
        (None, "returned NoneType"),
    ],
)
def test_functions_that_return_something_else_are_refused(returned, message):
    with pytest.raises(ValueError, match=message):
        TableViews(lambda batch: returned, 0.6)(torch.ones(4, 2), generator(0))
