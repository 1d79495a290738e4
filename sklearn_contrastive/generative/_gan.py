"""LinearGAN: linear generator in the quadratic Wasserstein distance."""

from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._signs import fix_signs
from .._typing import ArrayLike, FloatArray, RandomState
from ..linear._covariance.samples import rounded
from ._base import GenerativeEstimator
from ._closed_form import spectrum_of

__all__ = ["LinearGAN"]


class LinearGAN(GenerativeEstimator):
    """Linear generator in the quadratic Wasserstein distance; its subspace is that of PCA.

    A generator x = mean + G z of standard normal z. It minimises the quadratic Wasserstein distance
    between its samples and the given ones with n_components latent variables. The optimal G G' is
    the best approximation of the covariance of that rank, as in PCA [1]_, so unequal noise causes
    the same error as in PCA [2]_.

    Parameters
    ----------
    n_components : int, default=2
        Number of latent variables, at most min(n_samples, n_features).

    solver : {"closed_form", "gradient"}, default="closed_form"
        "closed_form" computes the equilibrium. "gradient" trains generator and discriminator
        against each other with mini-batches of samples, which needs PyTorch and skorch.

    max_epochs : int, default=200
        Passes over the samples of solver="gradient"; few samples need more passes.

    batch_size : int, default=128
        Samples in a step of solver="gradient".

    learning_rate : float, default=0.01
        First step of the generator for solver="gradient", in units of the root mean square of the
        samples; it falls to 0 as a cosine.

    device : str, default="cpu"
        Device of solver="gradient": "auto" or a PyTorch device string.

    random_state : int, RandomState instance or None, default=None
        Draws the first weights, the batches and the latent variables of solver="gradient".

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features)
        Orthonormal rows that span the columns of the generator, largest variance first. The largest
        entry of each row in absolute value is positive, as in PCA.

    scoring_matrix_ : ndarray of shape (n_components_, n_features)
        Pseudo-inverse of `generator_`: scores are ``(X - mean_) @ scoring_matrix_.T``.

    generator_ : ndarray of shape (n_features, n_components_)
        The matrix G with orthogonal columns: the transpose of `components_` times the standard
        deviations along them. A trained G is rotated to this form; the rotation does not change
        the distribution of z.

    mean_ : ndarray of shape (n_features,)
        Mean of each feature, in float64.

    n_components_ : int
        Number of latent variables.

    n_iter_ : int
        Number of epochs, 0 for the closed form.

    history_ : list of dict
        "epoch" and "loss", the value of the game in that epoch; empty for the closed form.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    LinearAutoencoder : The other generative method.
    LinearContrastive : The contrastive method, consistent under unequal noise.
    sklearn.decomposition.PCA : The same subspace.

    References
    ----------
    .. [1] Feizi, Farnia, Ginart and Tse (2020), "Understanding GANs in the LQG Setting:
       Formulation, Generalization and Stability", IEEE Journal on Selected Areas in Information
       Theory 1(1).
    .. [2] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.generative import LinearGAN
    >>> X = np.random.default_rng(0).normal(size=(500, 3)) * [5.0, 1.0, 0.1]
    >>> model = LinearGAN(2).fit(X)
    >>> model.components_.round(1) + 0.0
    array([[1., 0., 0.],
           [0., 1., 0.]])
    >>> abs(model.generator_).round(1)
    array([[4.9, 0. ],
           [0. , 1. ],
           [0. , 0. ]])
    >>> model.sample(3, random_state=0).shape
    (3, 3)
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        solver: Literal["closed_form", "gradient"] = "closed_form",
        max_epochs: int = 200,
        batch_size: int = 128,
        learning_rate: float = 0.01,
        device: str = "cpu",
        random_state: RandomState = None,
    ):
        self.n_components = n_components
        self.solver = solver
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.random_state = random_state

    def _solve(self, X):
        spectrum = spectrum_of(X, standardised=False)
        deviations = np.sqrt(spectrum.values[: self.n_components])
        components = spectrum.vectors[:, : self.n_components].T
        return _generator_of(components, deviations, spectrum.mean)

    def _train(self, X, arguments):
        from ..deep import train_linear_gan

        network = train_linear_gan(X, self.n_components, **arguments)
        left, deviations, _ = np.linalg.svd(network.generator, full_matrices=False)
        deviations *= np.sqrt(len(X) / (len(X) - 1))  # divisor n - 1, as in the closed form and PCA
        return _generator_of(left.T, deviations, network.mean), network.history

    def _set_network(self, network, dtype, unit):
        self.mean_ = unit * network.mean
        self.components_ = network.components.astype(dtype)
        self.generator_ = rounded(unit * network.generator, dtype)

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Generate samples from latent variables.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Latent variables, as `transform` returns them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The mean plus the generator's output.
        """
        check_is_fitted(self)
        return self._points_of(X, self.generator_)

    def sample(self, n_samples: int = 1, random_state: RandomState = None) -> FloatArray:
        """Draw samples from the generator.

        Parameters
        ----------
        n_samples : int, default=1
            Number of samples.

        random_state : int, RandomState instance or None, default=None
            Draws the latent variables.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            The mean plus the generator's output for standard normal latent variables, which lies
            in a subspace, because the model has no noise.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples={n_samples!r} is not allowed; give a positive integer.")
        latent = check_random_state(random_state).standard_normal((n_samples, self.n_components_))
        return self._points_of(latent.astype(self.generator_.dtype), self.generator_)

    @property
    def scoring_matrix_(self) -> FloatArray:
        """Matrix of `transform`: scores are ``(X - mean_) @ scoring_matrix_.T``."""
        # the pseudo-inverse of orthogonal columns, of which some may be zero
        deviations = np.sum(self.components_ * self.generator_.T, axis=1)
        varies = deviations > np.finfo(deviations.dtype).tiny
        inverse = np.divide(1.0, deviations, out=np.zeros_like(deviations), where=varies)
        return self.components_ * inverse[:, None]


@dataclass(frozen=True, eq=False)
class _Generator:
    """A linear generator, x = mean + generator z, with the orthonormal rows that span it."""

    mean: FloatArray
    components: FloatArray
    generator: FloatArray


def _generator_of(components, deviations, mean):
    """Generator with these standard deviations along orthonormal rows; fixed signs."""
    components = components * fix_signs(components)[:, None]
    # no variance in directions in which only rounding errors of the covariance vary
    rounding = np.sqrt(components.shape[1] * np.finfo(np.float64).eps)
    deviations = np.where(deviations > rounding * deviations[0], deviations, 0.0)
    return _Generator(mean, components, components.T * deviations)
