"""Training of a linear GAN: the quadratic Wasserstein game of generator and discriminator."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..._typing import FloatArray, MatrixLike, RandomState
from .._training.objectives import Objective
from .scaling import scaled_samples
from .train import OnEpoch, as_float64, train_by_adam

__all__ = ["GameObjective", "QuadraticGame", "TrainedGenerator", "train_linear_gan"]

# Smallest eigenvalue of the discriminator. The equilibrium is the same for any number in (0, 1);
# at 1/2, an error of the generator shrinks at the rate (a - b) / (a + b), with a and b the
# eigenvalues that it mixes, in any units.
_FLOOR = 0.5
# The game is stable if the discriminator moves faster than the generator: steps per step of the
# generator, and factor of the learning rate.
_DISCRIMINATOR_STEPS = 3
_DISCRIMINATOR_RATE = 3.0


@dataclass(frozen=True, eq=False)
class TrainedGenerator:
    """A trained linear generator, x = mean + generator z.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    generator : ndarray of shape (n_features, n_components)
        Maps standard normal variables to centred samples.
    history : list of dict
        "epoch" and "loss" of each epoch, in squared units of the samples.
    """

    mean: FloatArray
    generator: FloatArray
    history: list[dict[str, Any]]


class QuadraticGame(nn.Module):
    """A linear generator G and the matrix L of its discriminator A = (I + 2 L L') / 2.

    Parameters
    ----------
    n_features, n_components : int
        Shape of both matrices.
    """

    def __init__(self, n_features: int, n_components: int):
        super().__init__()
        for name in ("generator", "discriminator"):
            weights = torch.randn(n_features, n_components) / n_features**0.5
            self.register_parameter(name, nn.Parameter(weights))

    def forward(self, samples: Tensor, latent: Tensor) -> Tensor:
        """Value of the game, of shape (), on samples and latent variables in rows."""
        generated = latent @ self.generator.T
        inner = torch.eye(self.discriminator.shape[1]).to(self.discriminator)
        inner = _FLOOR * inner + self.discriminator.T @ self.discriminator
        projected = generated @ self.discriminator
        # solve_ex does not raise: a game that diverges has a NaN loss, which the trainer reports
        solved = torch.linalg.solve_ex(inner, projected.T).result.T
        # x'(I - A)x, and y'(I - A^-1)y by Woodbury's identity
        rewarded = _mean_square(samples @ self.discriminator)
        on_samples = (1 - _FLOOR) * _mean_square(samples) - rewarded
        explained = torch.sum(projected * solved, dim=1).mean()
        on_generated = (1 - 1 / _FLOOR) * _mean_square(generated) + explained / _FLOOR
        return (on_samples + on_generated) / 2


class GameObjective(Objective):
    """Several steps of the discriminator, which raises the value, and one of the generator, which
    lowers it."""

    def steps(self, module, batch, generator, index):
        """Yield the steps on one batch, each with new latent variables."""
        # the optimiser group of the discriminator has maximize=True
        for player in [module.discriminator] * _DISCRIMINATOR_STEPS + [module.generator]:
            shape = (len(batch), module.generator.shape[1])
            latent = torch.randn(shape, generator=generator, device=batch.device)
            yield module(batch, latent), [player]


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

    whose maximum is half the squared distance to Gaussian samples of the same covariance; the
    generator G lowers it. Here A = (I + 2 L L') / 2 with as many columns in L as in G, which
    is enough to make the leading eigenvectors of the covariance the equilibrium, with G G' as
    large as the covariance along them. Adam trains both on mini-batches of samples and of z; the
    discriminator makes three steps for each step of the generator, and larger ones.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Training samples, at least two; the function centres them.
    n_components : int
        Number of latent variables.
    max_epochs : int, default=200
        Passes over the samples; few samples need more passes.
    batch_size : int, default=128
        Largest number of samples in a step.
    learning_rate : float, default=0.01
        First step of the generator, in units of the root mean square of the samples; it falls to
        0 as a cosine.
    device : str, default="cpu"
        "auto" or a PyTorch device string.
    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and latent variables. PyTorch's global random state does not change.
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
    sklearn_contrastive.generative.LinearGAN : The estimator, also with the closed form.

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
    module, history = train_by_adam(
        samples,
        lambda: QuadraticGame(len(samples.mean), n_components),
        GameObjective(),
        loss_power=2,
        max_epochs=max_epochs,
        batch_size=batch_size,
        lr=learning_rate,
        # short averages of gradients: the steps of the other player make old gradients wrong
        optimizer__betas=(0.5, 0.99),
        optimizer__param_groups=[
            ("discriminator", {"lr": _DISCRIMINATOR_RATE * learning_rate, "maximize": True})
        ],
        device=device,
        random_state=random_state,
        on_epoch=on_epoch,
    )
    generator = as_float64(module.generator)
    # a game can diverge without overflow; scaled samples have a variance of 1 per feature
    if np.sum(generator**2) > 100 * len(generator):
        raise ValueError(
            "The generator has more than 100 times the variance of the samples: the training "
            "diverged. Lower the learning rate, or scale features that are much larger than the "
            "others."
        )
    return TrainedGenerator(samples.mean, generator * samples.scale, history)


def _mean_square(rows):
    """Mean of the squared norms of rows."""
    return torch.sum(rows**2, dim=1).mean()
