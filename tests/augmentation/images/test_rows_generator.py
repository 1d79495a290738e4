"""Rows of a batch are augmented as in the whole batch, whoever has them, in any chunks."""

import pytest
import torch
from helpers.image_batches import images, seeded
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st

from sklearn_contrastive.augmentation import (
    ColorJitter,
    GaussianBlur,
    PatchMasking,
    RandomFlip,
    RandomGrayscale,
    RandomResizedCrop,
    SimCLRAugmentation,
)
from sklearn_contrastive.augmentation._images import simclr
from sklearn_contrastive.augmentation._images.rows_generator import RowsGenerator, with_rows
from sklearn_contrastive.augmentation._images.views import two_views

AUGMENTATIONS = [
    ColorJitter(0.8, 0.8, 0.8, 0.2),
    GaussianBlur(),
    PatchMasking(patch_size=2),
    RandomFlip(),
    RandomGrayscale(0.5),
    RandomResizedCrop(),
    SimCLRAugmentation(blur=0.5),
]
SIZES = st.integers(1, 9)


def rows_generator(n_rows, rows, seed, own_seed=0):
    generator = RowsGenerator(seeded(seed), own_seed)
    generator.n_rows, generator.rows = n_rows, rows
    return generator


@pytest.mark.parametrize("augmentation", AUGMENTATIONS, ids=lambda each: type(each).__name__)
@given(
    n_rows=SIZES, ends=st.tuples(SIZES, SIZES), piece=st.sampled_from([1, 500, 2**19]), seed=SEEDS
)
def test_rows_have_the_views_of_the_whole_batch(augmentation, n_rows, ends, piece, seed):
    batch = images(n_rows, 3, 8, 8, seed=seed)
    rows = range(min(*ends, n_rows - 1), min(max(ends), n_rows))
    generator = rows_generator(n_rows, rows, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simclr, "PIECE", piece)
        whole = two_views(augmentation, batch, seeded(seed))
        own = two_views(augmentation, batch[rows.start : rows.stop], generator)
    for view, part in zip(whole, own, strict=True):
        torch.testing.assert_close(part, view[rows.start : rows.stop])
    assert generator.rows == rows


@given(sizes=st.lists(SIZES, min_size=1, max_size=4), seed=SEEDS)
def test_chunks_have_the_views_of_the_whole_batch(sizes, seed):
    batch, whole_draws = images(sum(sizes), 3, 8, 8, seed=seed), seeded(seed)
    generator = rows_generator(sum(sizes), range(sum(sizes)), seed)
    augmentation = SimCLRAugmentation()
    # the next batch too
    for _ in range(2):
        chunks = [augmentation(c, generator) for c in with_rows(batch.split(sizes), generator)]
        torch.testing.assert_close(torch.cat(chunks), augmentation(batch, whole_draws))


def test_augmentations_of_the_user_draw_from_a_stream_of_their_own():
    first, second = (rows_generator(8, range(4), 0, own_seed) for own_seed in (1, 2))
    assert not torch.equal(torch.rand(4, generator=first), torch.rand(4, generator=second))
    assert torch.equal(first.uniform((4,), 0), second.uniform((4,), 0))


def test_a_generator_returns_to_a_state():
    generator = rows_generator(8, range(2, 5), 0)
    state = generator.get_state()
    draws = [torch.rand(2, generator=generator), generator.uniform((3,), 0)]
    generator.n_rows, generator.rows = 4, range(1)
    generator.set_state(state)
    again = [torch.rand(2, generator=generator), generator.uniform((3,), 0)]
    assert all(map(torch.equal, draws, again))
