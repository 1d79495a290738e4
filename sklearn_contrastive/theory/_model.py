"""Spiked covariance model, and the subspaces that methods find in its population."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array, check_random_state

from .. import metrics
from .._typing import ArrayLike, FloatArray, RandomState
from ._checks import as_vector, check_orthonormal_rows, check_size
from ._subspaces import (
    correlation_pca,
    leading_rows,
    masked_decoder,
    masked_encoder,
    orthonormal_rows,
    without_diagonal,
)

__all__ = ["SpikedCovarianceModel"]


@dataclass(frozen=True, eq=False)
class SpikedCovarianceModel:
    """Population of samples x = mean + U (signal * u) + noise.

    The standardised scores u have mean 0 and covariance I, the noise is independent of them and
    from feature to feature, and its variance may differ between features [1]_. The methods return
    the subspace that a linear method finds in this population, that is, in infinitely many
    samples: orthonormal rows, strongest first, each with its largest entry positive. Where the
    eigenvalues behind a subspace are equal to those outside it, the subspace is not determined.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features)
        Orthonormal rows U' that span the signal subspace.
    signal : float or array-like of shape (n_components,), default=1.0
        Standard deviation, positive, of the samples along each component, without noise.
    noise_variance : float or array-like of shape (n_features,), default=1.0
        Variance, at least 0, of the noise of each feature.
    mean : float or array-like of shape (n_features,), default=0.0
        Mean of each feature.

    Raises
    ------
    ValueError
        If rows are not orthonormal, an array has the wrong shape, or a number is out of its range.

    See Also
    --------
    sklearn_contrastive.datasets.make_spiked_covariance : Draws a population and samples of it.
    sklearn_contrastive.theory.bounds : Bounds on the errors of such subspaces.
    sklearn_contrastive.theory.risk : Exact risks of tasks on such subspaces.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    Two noisy features are PCA's principal components, and not those of the contrastive loss:

    >>> import numpy as np
    >>> from sklearn_contrastive.metrics import sin_theta_distance
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> components = np.kron(np.eye(2), np.full(8, 8**-0.5))
    >>> noise_variance = np.ones(16)
    >>> noise_variance[[0, 8]] = 9.0
    >>> model = SpikedCovarianceModel(components, 1.0, noise_variance)
    >>> round(sin_theta_distance(model.pca_components(), components), 2)
    1.3
    >>> round(sin_theta_distance(model.contrastive_components(), components), 6)
    0.0
    """

    components: FloatArray
    # a number stands for all components or features; the attributes are arrays
    signal: FloatArray = 1.0
    noise_variance: FloatArray = 1.0
    mean: FloatArray = 0.0

    def __post_init__(self) -> None:
        components = check_orthonormal_rows(self.components, "components")
        n_components, n_features = components.shape
        signal = as_vector("signal", self.signal, n_components)
        noise_variance = as_vector("noise_variance", self.noise_variance, n_features)
        if signal.min() <= 0:
            raise ValueError(
                "signal holds standard deviations of components; all must be positive."
            )
        if noise_variance.min() < 0:
            raise ValueError("noise_variance holds variances of features; none can be negative.")
        mean = as_vector("mean", self.mean, n_features)
        # plain assignment is an error in a frozen dataclass, here too
        object.__setattr__(self, "components", components)
        object.__setattr__(self, "signal", signal)
        object.__setattr__(self, "noise_variance", noise_variance)
        object.__setattr__(self, "mean", mean)

    @property
    def n_components(self) -> int:
        """Dimension of the signal subspace."""
        return self.components.shape[0]

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.components.shape[1]

    @property
    def signal_covariance(self) -> FloatArray:
        """Covariance U diag(signal^2) U' of the samples without their noise."""
        loadings = self.components * self.signal[:, None]
        return loadings.T @ loadings

    @property
    def covariance(self) -> FloatArray:
        """Population covariance U diag(signal^2) U' + diag(noise_variance)."""
        return self.signal_covariance + np.diag(self.noise_variance)

    @property
    def incoherence(self) -> float:
        """Largest share of one feature in the subspace, as :func:`metrics.incoherence`."""
        return metrics.incoherence(self.components)

    def sample(
        self, n_samples: int, random_state: RandomState = None
    ) -> tuple[FloatArray, FloatArray]:
        """Draw samples with Gaussian scores and Gaussian noise.

        Parameters
        ----------
        n_samples : int
            Number of samples.
        random_state : int, RandomState instance or None, default=None
            Draws the scores, then the noise.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            The samples.
        scores : ndarray of shape (n_samples, n_components)
            Their coordinates signal * u in the basis of components, without noise.
        """
        check_size("n_samples", n_samples)
        random_state = check_random_state(random_state)
        scores = self.signal * random_state.standard_normal((n_samples, self.n_components))
        return self.observe(scores, random_state), scores

    def observe(self, scores: ArrayLike, random_state: RandomState = None) -> FloatArray:
        """Draw the samples of given scores: scores times components, plus noise.

        Parameters
        ----------
        scores : array-like of shape (n_samples, n_components)
            Coordinates in the basis of components, of any distribution.
        random_state : int, RandomState instance or None, default=None
            Draws the noise.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            The samples mean + U scores + noise.
        """
        scores = self._check_scores(scores, "scores")
        random_state = check_random_state(random_state)
        noise = random_state.standard_normal((len(scores), self.n_features))
        return self.mean + scores @ self.components + np.sqrt(self.noise_variance) * noise

    def pca_components(self) -> FloatArray:
        """Principal components: leading eigenvectors of the covariance.

        A linear autoencoder without masks and a linear generator under the quadratic Wasserstein
        distance find the same subspace.

        Returns
        -------
        components : ndarray of shape (n_components, n_features)
            Orthonormal rows.
        """
        return leading_rows(self.covariance, self.n_components)

    def correlation_pca_components(self) -> FloatArray:
        """Principal components of standardised features, scaled back to the features' own units.

        With D the features' variances and V the leading eigenvectors of the correlation matrix,
        these span D^1/2 V: the directions along which the model of standardised features varies.
        The scores V' D^-1/2 (x - mean) of standardised features have the row space D^-1/2 V, which
        is another.

        Returns
        -------
        components : ndarray of shape (n_components, n_features)
            Orthonormal rows.
        """
        return correlation_pca(self.covariance, self.n_components)

    def autoencoder_decoder(self, keep_probability: float = 1.0) -> FloatArray:
        """Column space of the decoder of a linear autoencoder of masked samples.

        It predicts the centred sample from a copy in which each entry is kept with probability p
        and otherwise 0. The decoder spans the leading eigenvectors of S C^-1 S, where S is the
        covariance and C = p^2 S + p (1-p) diag(S); its encoder is another, unless p = 1.

        Parameters
        ----------
        keep_probability : float, default=1.0
            Probability p in (0, 1] that an entry is kept. With 1 this is PCA.

        Returns
        -------
        components : ndarray of shape (n_components, n_features)
            Orthonormal rows.
        """
        _check_keep_probability(keep_probability)
        if keep_probability == 1:
            return self.pca_components()
        return masked_decoder(self.covariance, keep_probability, self.n_components)

    def autoencoder_encoder(self, keep_probability: float = 1.0) -> FloatArray:
        """Row space of the encoder of a linear autoencoder of masked samples.

        With U' the rows of :meth:`autoencoder_decoder`, the encoder is p U' S C^-1. The encoder's
        output is used as features of another task, so this subspace matters there.

        Parameters
        ----------
        keep_probability : float, default=1.0
            Probability p in (0, 1] that an entry is kept. With 1 this is PCA.

        Returns
        -------
        components : ndarray of shape (n_components, n_features)
            Orthonormal rows.
        """
        _check_keep_probability(keep_probability)
        if keep_probability == 1:
            return self.pca_components()
        return masked_encoder(self.covariance, keep_probability, self.n_components)

    def contrastive_components(self) -> FloatArray:
        """Row space of the minimiser of the linear contrastive loss under complementary masks.

        These are the leading eigenvectors of the covariance without its diagonal, at any mask
        rate, and so the same for all noise variances. The minimiser itself scales each by the root
        of its eigenvalue, and has a row of zeros where the eigenvalue is not positive; here these
        rows are eigenvectors too. So do :meth:`supervised_components`.

        Returns
        -------
        components : ndarray of shape (n_components, n_features)
            Orthonormal rows.
        """
        return leading_rows(without_diagonal(self.signal_covariance), self.n_components)

    def supervised_components(self, class_scores: ArrayLike, alpha: float) -> FloatArray:
        """Minimiser of the linear contrastive loss with labels, for equally frequent classes.

        The loss of the samples and alpha times the supervised loss lead to the eigenvectors of
        Delta(S) / 4 + alpha K/(K-1) B, where Delta deletes the diagonal of the covariance S, K is
        the number of classes, and B the covariance between their means.

        Parameters
        ----------
        class_scores : array-like of shape (n_classes, n_components)
            Mean scores of each class, as in the truth of
            :func:`~sklearn_contrastive.datasets.make_spiked_classification`.
        alpha : float
            Weight of the labels, at least 0. With 0 the components are those of
            :meth:`contrastive_components`; with infinity they come from the labels alone.

        Returns
        -------
        components : ndarray of shape (n_components, n_features)
            Orthonormal rows. Labels alone give as many as the class means have directions, at
            most n_classes - 1.
        """
        if not alpha >= 0:
            raise ValueError(f"alpha={alpha!r} is not allowed; give a number of at least 0.")
        spread = self._check_class_scores(class_scores) @ self.components
        # a row's square is 1/(K-1), not 1/K, of the sum over classes: the loss's K/(K-1)
        spread /= np.sqrt(len(spread) - 1)
        if alpha < np.inf:
            matrix = without_diagonal(self.signal_covariance) / 4 + alpha * (spread.T @ spread)
            return leading_rows(matrix, self.n_components)
        singular_values = np.linalg.svd(spread, compute_uv=False)
        # centring leaves rounding errors of the size of the scores, not of their differences
        size = max(singular_values[0], np.linalg.norm(class_scores))
        smallest = size * max(spread.shape) * np.finfo(np.float64).eps
        rank = min(np.sum(singular_values > smallest), len(spread) - 1)
        if rank == 0:
            raise ValueError(
                "All classes have the same mean scores, so that labels alone have no direction; "
                "give a finite alpha."
            )
        return leading_rows(spread.T @ spread, int(rank))

    def optimal_components(self) -> FloatArray:
        """Best linear features for every task on the scores: the span of diag(noise_variance)^-1 U.

        No n_components rows predict the scores better. Those of the signal subspace are no better,
        since they weigh noisy features as much as others. The rows are ordered by the ratio of
        signal to noise.

        Returns
        -------
        components : ndarray of shape (n_components, n_features)
            Orthonormal rows.
        """
        if self.noise_variance.min() == 0:
            raise ValueError(
                f"Feature {self.noise_variance.argmin()} has no noise; the best features need "
                "noise_variance to be positive."
            )
        loadings = self.components * self.signal[:, None]
        weighted = loadings / self.noise_variance
        order = leading_rows(weighted @ loadings.T, self.n_components)
        return orthonormal_rows(order @ weighted)

    def _check_class_scores(self, class_scores: ArrayLike) -> FloatArray:
        """Class means of the scores, at least two, centred; the scores must vary as much."""
        class_scores = self._check_scores(class_scores, "class_scores", ensure_min_samples=2)
        centred = class_scores - class_scores.mean(axis=0)
        within = np.diag(self.signal**2) - centred.T @ centred / len(centred)
        if np.linalg.eigvalsh(within)[0] < -1e-6 * self.signal.max() ** 2:
            raise ValueError(
                "The class means in class_scores vary more than scores with standard deviations "
                "signal do; give a larger signal or class means that are closer together."
            )
        return centred

    def _check_scores(self, scores: ArrayLike, name: str, **checks: int) -> FloatArray:
        """Finite float64 matrix with a column for each component."""
        scores = check_array(scores, dtype=np.float64, input_name=name, **checks)
        if scores.shape[1] != self.n_components:
            raise ValueError(
                f"{name} has {scores.shape[1]} columns, but the model has {self.n_components} "
                "components; give one column for each."
            )
        return scores


def _check_keep_probability(keep_probability: float) -> None:
    if not 0 < keep_probability <= 1:
        raise ValueError(
            f"keep_probability={keep_probability!r} is not allowed; give a number in (0, 1]."
        )
