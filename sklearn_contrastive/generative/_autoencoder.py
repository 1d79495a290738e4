"""LinearAutoencoder: plain and masked linear autoencoder."""

from numbers import Real
from typing import ClassVar, Literal

import numpy as np
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from .._sklearn_compat import Interval
from .._typing import ArrayLike, FloatArray, RandomState, VectorLike
from ._base import GenerativeEstimator
from ._closed_form import (
    canonical_code,
    masked_autoencoder,
    reconstruction_errors,
    spectrum_of,
)

__all__ = ["LinearAutoencoder"]

# samples in a block of reconstructions
_BLOCK_ROWS = 4096


class LinearAutoencoder(GenerativeEstimator):
    """Linear autoencoder, plain or masked.

    A linear encoder and a linear decoder that reconstruct samples with the least squared error. The
    plain autoencoder learns the subspace of PCA, which unequal noise misleads [1]_. The input of
    the masked autoencoder has each entry with probability `keep_probability`, otherwise 0, and it
    reconstructs the whole sample. Few hidden entries change little. Where most are hidden, the
    encoder gives noisy features less weight, and its error can be far below that of PCA; it is not
    where a few features are much noisier than all others. It is the generative method for
    comparison with contrastive learning.

    Parameters
    ----------
    n_components : int, default=2
        Number of components, at most min(n_samples, n_features).

    keep_probability : float, default=1.0
        Probability, in (0, 1], that an entry is kept in training. 1 is the plain autoencoder. On
        features of equal variance, as behind a StandardScaler, every probability gives PCA.

    solver : {"closed_form", "gradient"}, default="closed_form"
        "closed_form" computes the limit of the training. "gradient" trains a network with
        mini-batches and new masks in every step, which needs PyTorch and skorch.

    max_epochs : int, default=200
        Passes over the samples of solver="gradient"; few samples need more passes.

    batch_size : int, default=128
        Samples in a step of solver="gradient".

    learning_rate : float, default=0.01
        First step of Adam for solver="gradient", in units of the root mean square of the samples;
        it falls to 0 as a cosine.

    device : str, default="cpu"
        Device of solver="gradient": "auto" or a PyTorch device string.

    random_state : int, RandomState instance or None, default=None
        Draws the first weights, batches and masks of solver="gradient".

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features)
        Orthonormal rows that span the columns of the decoder, ordered by the variance of the codes.
        The largest entry of each row in absolute value is positive, as in PCA.

    scoring_matrix_ : ndarray of shape (n_components_, n_features)
        The same as `encoder_`: scores are ``(X - mean_) @ scoring_matrix_.T``.

    encoder_ : ndarray of shape (n_components_, n_features)
        Maps centred samples to codes.

    decoder_ : ndarray of shape (n_features, n_components_)
        Maps codes to centred samples: the transpose of `components_`. A trained network is rotated
        to this basis, which does not change the product of decoder and encoder.

    mean_ : ndarray of shape (n_features,)
        Mean of each feature, in float64.

    n_components_ : int
        Number of components.

    n_iter_ : int
        Number of epochs, 0 for the closed form.

    history_ : list of dict
        "epoch" and "loss", the squared error summed over the features, averaged over the samples of
        the epoch; empty for the closed form.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    LinearGAN : The other generative method.
    LinearContrastive : The contrastive method, consistent under unequal noise.
    sklearn.decomposition.PCA : Equivalent to a plain autoencoder.

    Notes
    -----
    With S the covariance, D its diagonal, p the `keep_probability` and C = p^2 S + p (1-p) D, the
    columns of the decoder are the leading eigenvectors U of S C^-1 S, and the encoder is
    p U' S C^-1. For fewer samples than features both are computed from the rows, without a matrix
    of n_features times n_features.

    Codes are ``encoder_ @ (x - mean_)``: the row space of `encoder_` matters for what follows
    `transform`, that of `components_` for the reconstruction. They are equal at p = 1 only.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.generative import LinearAutoencoder
    >>> from sklearn_contrastive.metrics import sin_theta_distance
    >>> X, truth = make_spiked_covariance(
    ...     2000, 100, 3, noise=[2.0] * 5 + [0.5] * 95, random_state=0
    ... )
    >>> for p in (0.5, 0.02):
    ...     masked = LinearAutoencoder(3, keep_probability=p).fit(X)
    ...     print(round(sin_theta_distance(masked.encoder_, truth.components), 1))
    1.5
    0.5
    >>> contrastive = LinearContrastive(3, random_state=0).fit(X)
    >>> round(sin_theta_distance(contrastive.components_, truth.components), 1)
    0.3
    """

    _parameter_constraints: ClassVar[dict] = {
        **GenerativeEstimator._parameter_constraints,
        "keep_probability": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        keep_probability: float = 1.0,
        solver: Literal["closed_form", "gradient"] = "closed_form",
        max_epochs: int = 200,
        batch_size: int = 128,
        learning_rate: float = 0.01,
        device: str = "cpu",
        random_state: RandomState = None,
    ):
        self.n_components = n_components
        self.keep_probability = keep_probability
        self.solver = solver
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.device = device
        self.random_state = random_state

    def _solve(self, X):
        spectrum = spectrum_of(X, standardised=self.keep_probability < 1)
        return masked_autoencoder(spectrum, self.n_components, self.keep_probability)

    def _train(self, X, arguments):
        from ..deep import train_linear_autoencoder

        network = train_linear_autoencoder(
            X, self.n_components, keep_probability=self.keep_probability, **arguments
        )
        code = canonical_code(
            network.encoder, network.decoder, X, network.mean, self.keep_probability
        )
        return code, network.history

    def _set_network(self, network, dtype, unit):
        self.mean_ = unit * network.mean
        self.components_ = network.components.astype(dtype)
        self.encoder_ = network.encoder.astype(dtype)
        self.decoder_ = network.components.T.astype(dtype)

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Decode codes to samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Codes, as `transform` returns them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The mean plus the decoder's output.
        """
        check_is_fitted(self)
        return self._points_of(X, self.decoder_)

    def score(self, X: ArrayLike, y: VectorLike | None = None) -> float:
        """Negative reconstruction error, to choose parameters without labels.

        The squared error of the reconstruction, summed over the features and averaged over the
        samples and, for keep_probability < 1, over all masks. On the training samples the score
        grows with `n_components`. Scores with different `keep_probability` are not comparable.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        y : None
            Ignored.

        Returns
        -------
        score : float
            At most 0; larger is better. -inf where float64 does not hold the error.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        encoder, components = self.encoder_.astype(float), self.components_.astype(float)
        total = 0.0
        for rows in gen_batches(len(X), _BLOCK_ROWS):
            centred = X[rows] - self.mean_
            with np.errstate(over="ignore", invalid="ignore"):
                errors = reconstruction_errors(centred, encoder, components, self.keep_probability)
            total += errors.sum()
        # differences of infinities, where float64 does not hold the squares
        return -np.inf if np.isnan(total) else float(-total / len(X))

    @property
    def scoring_matrix_(self) -> FloatArray:
        """Matrix of `transform`: scores are ``(X - mean_) @ scoring_matrix_.T``."""
        return self.encoder_
