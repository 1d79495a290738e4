"""Training of a linear encoder on the linear contrastive loss of complementary masked views."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from torch import Tensor, nn

from ..._typing import FloatArray, MatrixLike, RandomState
from .._losses import linear_contrastive_loss
from .._training.objectives import ContrastiveObjective
from .masks import keep_mask
from .scaling import scaled_samples
from .train import OnEpoch, as_float64, train_by_adam

__all__ = ["ComplementaryViews", "TrainedEncoder", "train_linear_contrastive_encoder"]


@dataclass(frozen=True, eq=False)
class TrainedEncoder:
    """A trained linear encoder, x -> encoder (x - mean).

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    encoder : ndarray of shape (n_components, n_features)
        The matrix W.
    masks : ndarray of bool of shape (n_masks, n_features) or None
        Masks that were reused, True where the first view hides.
    history : list of dict
        "epoch" and "loss" of each epoch.
    """

    mean: FloatArray
    encoder: FloatArray
    masks: NDArray[np.bool_] | None
    history: list[dict[str, Any]]


class ComplementaryViews:
    """Complementary views of centred samples: each entry is shown in one view and 0 in the other.

    Parameters
    ----------
    mask_rate : float
        Probability that the first view hides an entry.
    masks : ndarray of bool of shape (n_masks, n_features) or None
        Masks from which each sample draws one, True where the first view hides; None draws a new
        mask for each sample.
    """

    def __init__(self, mask_rate: float, masks: NDArray[np.bool_] | None = None):
        self._mask_rate = mask_rate
        self._masks = None if masks is None else torch.from_numpy(masks)

    def __call__(self, batch: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if self._masks is None:
            shown = keep_mask(batch.shape, 1 - self._mask_rate, generator)
        else:
            self._masks = self._masks.to(batch.device)
            taken = torch.randint(
                len(self._masks), (len(batch),), generator=generator, device=batch.device
            )
            shown = ~self._masks[taken]
        view = batch * shown
        return view, batch - view


def train_linear_contrastive_encoder(
    X: MatrixLike,
    n_components: int,
    *,
    mask_rate: float = 0.5,
    n_masks: int | None = None,
    max_epochs: int = 200,
    batch_size: int = 128,
    learning_rate: float = 0.01,
    regularization: float = 1.0,
    device: str = "cpu",
    random_state: RandomState = None,
    on_epoch: OnEpoch = lambda record: None,
) -> TrainedEncoder:
    """Train a matrix W on the linear contrastive loss of complementary masked views.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Training samples, at least two; the function centres them.
    n_components : int
        Number of rows of W.
    mask_rate : float, default=0.5
        Probability, in (0, 1), that an entry is hidden in the first view and shown in the second.
    n_masks : int or None, default=None
        Number of masks that are drawn once and reused; None draws new masks in every step.
    max_epochs : int, default=200
        Passes over the samples; few samples need more passes.
    batch_size : int, default=128
        Largest number of samples in a step, at least 3.
    learning_rate : float, default=0.01
        First step of Adam, in units of the root mean square of the samples; it falls to 0 as a
        cosine.
    regularization : float, default=1.0
        Weight of the penalty ||W W'||_F^2 / 2.
    device : str, default="cpu"
        "auto" or a PyTorch device string.
    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and masks. PyTorch's global random state does not change.
    on_epoch : callable, default=do nothing
        Called with a dict, "epoch" and "loss", after each epoch.

    Returns
    -------
    network : TrainedEncoder
        With `mean` (n_features,), `encoder` (n_components, n_features), `masks` (n_masks,
        n_features) or None, and `history`, the dicts of all epochs.

    Raises
    ------
    ValueError
        If X is not a finite, dense matrix, the device cannot be used, or training diverges.

    See Also
    --------
    LinearContrastiveEncoder : The estimator.
    linear_contrastive_loss : The loss, without the penalty.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.deep import train_linear_contrastive_encoder
    >>> z = np.random.default_rng(0).normal(size=(500, 1))
    >>> network = train_linear_contrastive_encoder(z * [2.0, 2.0, 0.0], 1, random_state=0)
    >>> abs(network.encoder).round(1)
    array([[0.7, 0.7, 0. ]])
    """
    rng = check_random_state(random_state)
    samples = scaled_samples(X)
    n_features = len(samples.mean)
    masks = None if n_masks is None else rng.uniform(size=(n_masks, n_features)) < mask_rate

    def penalty(module):
        return regularization / 2 * torch.sum((module.weight @ module.weight.T) ** 2)

    module, history = train_by_adam(
        samples,
        lambda: nn.Linear(n_features, n_components, bias=False),
        ContrastiveObjective(
            ComplementaryViews(mask_rate, masks), linear_contrastive_loss, penalty
        ),
        loss_power=4,
        max_epochs=max_epochs,
        batch_size=batch_size,
        lr=learning_rate,
        device=device,
        random_state=rng,
        on_epoch=on_epoch,
    )
    # the minimiser W scales as the samples, W x as their squares
    encoder = as_float64(module.weight) * samples.scale
    return TrainedEncoder(samples.mean, encoder, masks, history)
