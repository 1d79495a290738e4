"""Random views of rows of a table: corruption, complementary masks, and those of the user."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from torch import Generator, Tensor

from ...augmentation._images.rows_generator import RowsGenerator
from .._embedder.losses import PairLoss, SimCLRObjective

__all__ = ["TableObjective", "TableViews", "complementary_masks", "corrupted", "table_views"]


def corrupted(table: Tensor, pool: Tensor, rate: float, generator: Generator) -> Tensor:
    """Rows in which random entries have the value of another row of the same feature.

    Parameters
    ----------
    table : Tensor of shape (n, n_features)
        Rows; NaN for missing numbers.
    pool : Tensor of shape (n_pool, n_features)
        Rows from which the values come, each with its missing entries.
    rate : float
        Probability that an entry is replaced.
    generator : torch.Generator
        Draws the entries and, for each of them, a row of the pool.

    Returns
    -------
    view : Tensor of shape (n, n_features)
        x_j with probability 1 - rate, otherwise a value of feature j in a random row of the pool.

    References
    ----------
    .. [1] Bahri, Jiang, Tay and Metzler (2022), "SCARF: Self-Supervised Contrastive Learning using
       Random Feature Corruption", ICLR, algorithm 1. There the number of corrupted features is
       fixed; here each entry is drawn by itself, with the same expected number.
    """
    replaced = _uniform(table, generator) < rate
    rows = (_uniform(table, generator) * len(pool)).long().clamp(max=len(pool) - 1)
    return torch.where(replaced, pool.gather(0, rows), table)


def complementary_masks(table: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Two views, each of which hides the entries that the other shows.

    Parameters
    ----------
    table : Tensor of shape (n, n_features)
        Rows.
    generator : torch.Generator
        Draws one mask for each row; each entry is hidden in the first view with probability 1/2.

    Returns
    -------
    view_1, view_2 : Tensor of shape (n, n_features)
        With 0 in hidden entries: the mean of a number, and the code of no category.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).
    """
    hidden = _uniform(table, generator) < 0.5
    return table.masked_fill(hidden, 0.0), table.masked_fill(~hidden, 0.0)


def _uniform(table, generator):
    """Uniform draws in [0, 1) for each entry."""
    if isinstance(generator, RowsGenerator):
        return generator.uniform(tuple(table.shape), 0)
    return torch.rand(table.shape, generator=generator, device=table.device, dtype=torch.float32)


@dataclass
class TableViews:
    """Draws two views of each row.

    Parameters
    ----------
    augmentation : str, transformer or callable
        "corruption", "masking", a fitted transformer with `sample_views`, or a function of a batch
        (n, n_features) that returns one view.
    corruption_rate : float
        Of "corruption".
    pool : Tensor of shape (n_pool, n_features) or None, default=None
        Training rows, set for a training; None: the batch itself.
    """

    augmentation: Any
    corruption_rate: float
    pool: Tensor | None = None

    def __call__(self, batch: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Views of shape (n, n_features) each."""
        if isinstance(self.augmentation, str):
            if self.augmentation == "masking":
                return complementary_masks(batch, generator)
            if self.pool is not None:
                self.pool = self.pool.to(batch.device)  # once for a training
            pool = batch if self.pool is None else self.pool
            return batch, corrupted(batch, pool, self.corruption_rate, generator)
        with torch.autocast(batch.device.type, enabled=False):
            if hasattr(self.augmentation, "sample_views"):
                views = self._sampled(batch, generator)
            else:
                views = self.augmentation(batch.clone()), self.augmentation(batch.clone())
        view_1, view_2 = (self._checked(view, batch) for view in views)
        return view_1, view_2

    def _sampled(self, batch, generator):
        """Views of a transformer, which computes with NumPy arrays."""
        device = batch.device
        if not _is_fitted(self.augmentation):  # a loaded estimator has seen no rows yet
            rows = batch if self.pool is None else self.pool
            self.augmentation = clone(self.augmentation).fit(rows.cpu().numpy())
        seed = torch.randint(2**31 - 1, (), generator=generator, device=generator.device)
        views = self.augmentation.sample_views(batch.cpu().numpy(), random_state=int(seed))
        return [torch.from_numpy(np.array(view, dtype=np.float32)).to(device) for view in views]

    def _checked(self, view, batch):
        """A view in float32; ValueError unless it has the shape of the batch."""
        is_tensor = isinstance(view, Tensor)
        if not is_tensor or view.shape != batch.shape or not view.is_floating_point():
            given = f"{tuple(view.shape)} of {view.dtype}" if is_tensor else type(view).__name__
            raise ValueError(
                f"augmentations={self.augmentation!r} returned {given} for a batch of "
                f"{tuple(batch.shape)}; it must return floats of the same shape."
            )
        return view.float()


def _is_fitted(transformer):
    try:
        check_is_fitted(transformer)
    except NotFittedError:
        return False
    return True


class TableObjective(SimCLRObjective):
    """The objective of SimCLR, whose views draw from all training rows.

    Its targets are the training table; see `TableSource`.
    """

    def __init__(self, views: TableViews, pair_loss: PairLoss):
        super().__init__(views, pair_loss)

    @property
    def targets(self) -> Tensor | None:
        """Training rows, while there is a training."""
        return self.views.pool

    @targets.setter
    def targets(self, table: Tensor | None) -> None:
        self.views.pool = table


def table_views(
    augmentations: Any, corruption_rate: float, table: Tensor | None, is_categorical: tuple
) -> TableViews:
    """Views by the parameter `augmentations`.

    Parameters
    ----------
    augmentations : str, transformer or callable
        The parameter. A clone of a transformer is fitted on the encoded table.
    corruption_rate : float
        The parameter.
    table : Tensor of shape (n_samples, n_features) or None
        Training table; None for a network that is loaded, whose transformer is not in its file.
    is_categorical : tuple of bool of length n_features
        Which features are categories.

    Raises
    ------
    ValueError
        If a transformer is given for a table with categories.
    """
    augmentation: str | Callable = augmentations
    if hasattr(augmentations, "sample_views"):
        if any(is_categorical):
            raise ValueError(
                f"augmentations={augmentations!r} draws views of numbers, and {sum(is_categorical)}"
                ' of the features are categories. Use "corruption" or "masking", or pass a '
                "function of batches."
            )
        if table is not None:
            augmentation = clone(augmentations).fit(table.numpy())
    return TableViews(augmentation, corruption_rate)
