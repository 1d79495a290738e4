"""Training of linear networks: the autoencoder, the GAN and the contrastive encoder."""

from __future__ import annotations

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
from .objectives import (
    DISCRIMINATOR_SPEED,
    ComplementaryViews,
    GameObjective,
    QuadraticGame,
    ReconstructionObjective,
)
from .scaling import OnEpoch, scaled_samples, trained

__all__ = [
    "TrainedAutoencoder",
    "TrainedEncoder",
    "TrainedGenerator",
    "train_linear_autoencoder",
    "train_linear_contrastive_encoder",
    "train_linear_gan",
]


@dataclass(frozen=True, eq=False)
class TrainedAutoencoder:
    """A trained linear autoencoder, x -> mean + decoder encoder (x - mean).

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    encoder : ndarray of shape (n_components, n_features)
        Makes codes of centred samples.
    decoder : ndarray of shape (n_features, n_components)
        Makes centred samples of codes.
    history : list of dict
        "epoch" and "loss" of each epoch, in squared units of the samples.
    """

    mean: FloatArray
    encoder: FloatArray
    decoder: FloatArray
    history: list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class TrainedGenerator:
    """A trained linear generator, x = mean + generator z.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    generator : ndarray of shape (n_features, n_components)
        Makes centred samples of standard normal variables.
    history : list of dict
        "epoch" and "loss" of each epoch, in squared units of the samples.
    """

    mean: FloatArray
    generator: FloatArray
    history: list[dict[str, Any]]


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
        Masks that were used again, True where the first view hides.
    history : list of dict
        "epoch" and "loss" of each epoch.
    """

    mean: FloatArray
    encoder: FloatArray
    masks: NDArray[np.bool_] | None
    history: list[dict[str, Any]]


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
    """Train a linear autoencoder to restore samples, from masked ones if asked to.

    Adam on mini-batches; the mask of each entry is drawn anew each time that it is seen.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Training samples, at least two; they are centred here.
    n_components : int
        Width of the code.
    keep_probability : float, default=1.0
        Probability, in (0, 1], that an entry is kept; the others are at their mean.
    max_epochs : int, default=200
        Passes over the samples; few samples need more of them.
    batch_size : int, default=128
        Largest number of samples of a step.
    learning_rate : float, default=0.01
        Adam's first step, in units of the samples' root mean square; it falls to 0 as a cosine
        does.
    device : str, default="cpu"
        Where to train.
    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and masks. PyTorch's own random state is left as it is.
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
    sklearn_contrastive.generative.LinearAutoencoder : The estimator, with the closed form too.

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
    module, history = trained(
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
    encoder, decoder = (_as_float64(layer.weight) for layer in module)
    return TrainedAutoencoder(samples.mean, encoder, decoder, history)


def train_linear_gan(
    X: MatrixLike,
    n_components: int,
    *,
    max_epochs: int = 200,
    batch_size: int = 128,
    learning_rate: float = 0.01,
    device: str = "cpu",
    random_state: RandomState = None,
    on_epoch: OnEpoch = lambda record: None,
) -> TrainedGenerator:
    """Train a linear generator against a quadratic discriminator.

    The game of the quadratic Wasserstein distance between samples x and generated points G z
    [1]_: the discriminator, a positive definite matrix A, raises

    E x'(I - A) x / 2 + E (G z)'(I - A^-1) G z / 2,

    which at its highest is half the squared distance to Gaussian samples of the same covariance;
    the generator G lowers it. Here A = (I + 2 L L') / 2 with as many columns in L as in G, which
    is enough to hold the generator at the leading eigenvectors of the covariance, with G G' as
    large as the covariance along them. Both move by Adam on mini-batches of samples and of z, the
    discriminator three times in a row and in larger steps.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Training samples, at least two; they are centred here.
    n_components : int
        Number of latent variables.
    max_epochs : int, default=200
        Passes over the samples; few samples need more of them.
    batch_size : int, default=128
        Largest number of samples of a step.
    learning_rate : float, default=0.01
        The generator's first step, in units of the samples' root mean square; it falls to 0 as a
        cosine does.
    device : str, default="cpu"
        Where to train.
    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and latent variables. PyTorch's own random state is left as it is.
    on_epoch : callable, default=do nothing
        Called with a dict, "epoch" and "loss", after each epoch.

    Returns
    -------
    network : TrainedGenerator
        With `mean` (n_features,), `generator` (n_features, n_components), and `history`, the
        dicts of all epochs; "loss" is the value of the game.

    Raises
    ------
    ValueError
        If X is not a finite, dense matrix, the device cannot be used, or training diverges.

    See Also
    --------
    sklearn_contrastive.generative.LinearGAN : The estimator, with the closed form too.

    References
    ----------
    .. [1] Feizi, Farnia, Ginart and Tse (2020), "Understanding GANs in the LQG Setting:
       Formulation, Generalization and Stability", IEEE Journal on Selected Areas in Information
       Theory 1(1).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.deep import train_linear_gan
    >>> X = np.random.default_rng(0).normal(size=(200, 3)) * [5.0, 1.0, 1.0]
    >>> network = train_linear_gan(X, 1, random_state=0)
    >>> abs(network.generator[:, 0]).round(0)
    array([5., 0., 0.])
    """
    samples = scaled_samples(X)
    module, history = trained(
        samples,
        lambda: QuadraticGame(len(samples.mean), n_components),
        GameObjective(),
        loss_power=2,
        max_epochs=max_epochs,
        batch_size=batch_size,
        lr=learning_rate,
        # no long memory of gradients: the other player's moves make them old
        optimizer__betas=(0.5, 0.99),
        optimizer__param_groups=[
            ("discriminator", {"lr": DISCRIMINATOR_SPEED * learning_rate, "maximize": True})
        ],
        device=device,
        random_state=random_state,
        on_epoch=on_epoch,
    )
    generator = _as_float64(module.generator)
    # a game need not overflow to be lost; scaled samples have a variance of 1 per feature
    if np.sum(generator**2) > 100 * len(generator):
        raise ValueError(
            "The generator makes more than 100 times the variance of the samples: the training "
            "diverged. Lower the learning rate, or scale features that are much larger than the "
            "others."
        )
    return TrainedGenerator(samples.mean, generator * samples.scale, history)


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
        Training samples, at least two; they are centred here.
    n_components : int
        Number of rows of W.
    mask_rate : float, default=0.5
        Probability, in (0, 1), that an entry is hidden in the first view and shown in the second.
    n_masks : int or None, default=None
        Number of masks that are drawn once and used again; None draws fresh ones every time.
    max_epochs : int, default=200
        Passes over the samples; few samples need more of them.
    batch_size : int, default=128
        Largest number of samples of a step, at least 3.
    learning_rate : float, default=0.01
        Adam's first step, in units of the samples' root mean square; it falls to 0 as a cosine
        does.
    regularization : float, default=1.0
        Weight of the penalty ||W W'||_F^2 / 2.
    device : str, default="cpu"
        Where to train.
    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and masks. PyTorch's own random state is left as it is.
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

    module, history = trained(
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
    # the minimiser W is as large as the samples, W x as their squares
    encoder = _as_float64(module.weight) * samples.scale
    return TrainedEncoder(samples.mean, encoder, masks, history)


def _as_float64(tensor: Tensor) -> FloatArray:
    """A tensor as an array of its own."""
    return tensor.detach().cpu().numpy().astype(np.float64)
