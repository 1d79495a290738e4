"""Training of a linear autoencoder, plain or masked."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..._typing import FloatArray, MatrixLike, RandomState
from .._training.objectives import Objective
from .masks import keep_mask
from .scaling import scaled_samples
from .train import OnEpoch, as_float64, train_by_adam

__all__ = ["ReconstructionObjective", "TrainedAutoencoder", "train_linear_autoencoder"]


@dataclass(frozen=True, eq=False)
class TrainedAutoencoder:
    """A trained linear autoencoder, x -> mean + decoder encoder (x - mean).

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    encoder : ndarray of shape (n_components, n_features)
        Maps centred samples to codes.
    decoder : ndarray of shape (n_features, n_components)
        Maps codes to centred samples.
    history : list of dict
        "epoch" and "loss" of each epoch, in squared units of the samples.
    """

    mean: FloatArray
    encoder: FloatArray
    decoder: FloatArray
    history: list[dict[str, Any]]


class ReconstructionObjective(Objective):
    """Squared error of a network that reconstructs samples from masked samples.

    Parameters
    ----------
    keep_probability : float
        Probability that an entry is kept.
    """

    def __init__(self, keep_probability: float):
        self._keep_probability = keep_probability

    def loss(self, module, batch, generator):
        """Summed over features, averaged over samples."""
        visible = batch
        if self._keep_probability < 1:
            visible = batch * keep_mask(batch.shape, self._keep_probability, generator)
        return torch.sum((batch - module(visible)) ** 2, dim=1).mean()


def train_linear_autoencoder(
    X: MatrixLike,
    n_components: int,
    *,
    keep_probability: float = 1.0,
    max_epochs: int = 200,
    batch_size: int = 128,
    learning_rate: float = 0.01,
    device: str = "cpu",
    random_state: RandomState = None,
    on_epoch: OnEpoch = lambda record: None,
) -> TrainedAutoencoder:
    """Train a linear autoencoder to reconstruct samples, or whole samples from masked ones.

    Adam on mini-batches; every step draws new masks.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Training samples, at least two; the function centres them.
    n_components : int
        Number of codes, the width of the hidden layer.
    keep_probability : float, default=1.0
        Probability, in (0, 1], that an entry is kept; the other entries are at their mean.
    max_epochs : int, default=200
        Passes over the samples; few samples need more passes.
    batch_size : int, default=128
        Largest number of samples in a step.
    learning_rate : float, default=0.01
        First step of Adam, in units of the root mean square of the samples; it falls to 0 as a
        cosine.
    device : str, default="cpu"
        "auto" or a PyTorch device string.
    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and masks. PyTorch's global random state does not change.
    on_epoch : callable, default=do nothing
        Called with a dict, "epoch" and "loss", after each epoch.

    Returns
    -------
    network : TrainedAutoencoder
        With `mean` (n_features,), `encoder` (n_components, n_features), `decoder` (n_features,
        n_components), and `history`, the dicts of all epochs.

    Raises
    ------
    ValueError
        If X is not a finite, dense matrix, the device cannot be used, or training diverges.

    See Also
    --------
    sklearn_contrastive.generative.LinearAutoencoder : The estimator, also with the closed form.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.deep import train_linear_autoencoder
    >>> X = np.random.default_rng(0).normal(size=(500, 3)) * [5.0, 1.0, 1.0]
    >>> network = train_linear_autoencoder(X, 1, random_state=0)
    >>> abs(network.decoder @ network.encoder).round(1)
    array([[1., 0., 0.],
           [0., 0., 0.],
           [0., 0., 0.]])
    """
    samples = scaled_samples(X)
    n_features = len(samples.mean)
    module, history = train_by_adam(
        samples,
        lambda: nn.Sequential(
            nn.Linear(n_features, n_components, bias=False),
            nn.Linear(n_components, n_features, bias=False),
        ),
        ReconstructionObjective(keep_probability),
        loss_power=2,
        max_epochs=max_epochs,
        batch_size=batch_size,
        lr=learning_rate,
        device=device,
        random_state=random_state,
        on_epoch=on_epoch,
    )
    encoder, decoder = (as_float64(layer.weight) for layer in module)
    return TrainedAutoencoder(samples.mean, encoder, decoder, history)
