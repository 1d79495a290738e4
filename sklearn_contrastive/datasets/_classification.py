"""Spiked-covariance samples with class labels."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.linalg import helmert
from scipy.special import expit, ndtri
from sklearn.utils import check_random_state

from .._typing import ArrayLike, FloatArray, RandomState
from ..theory import SpikedCovarianceModel
from ..theory._checks import check_size
from ..theory._logistic import mean_logistic_slope
from ._covariance import SpikedCovariance
from ._draw import draw_model, draw_weights

__all__ = ["SpikedClassification", "make_spiked_classification"]


@dataclass(frozen=True, eq=False)
class SpikedClassification(SpikedCovariance):
    """Population of a classification task on scores, with equally frequent classes.

    The covariance and the subspaces found in the population hold for all labels. `sample` draws
    Gaussian scores and no labels: for more samples of a mixture, draw them with the generator.

    Parameters
    ----------
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows U' that span the signal subspace.
    signal : ndarray of shape (n_components,)
        Standard deviation of the samples along each component, without noise.
    noise_variance : ndarray of shape (n_features,)
        Variance of the noise of each feature.
    mean : ndarray of shape (n_features,)
        Mean of each feature.
    scores : ndarray of shape (n_samples, n_components)
        The sampled coordinates signal * u of each sample in the basis of components.
    class_scores : ndarray of shape (n_classes, n_components)
        Population mean of the scores of each class.
    weights : ndarray of shape (n_components,) or None
        Weights, of length 1, of the standardised scores that the classes follow. None in a
        mixture.

    See Also
    --------
    make_spiked_classification : Draws the samples.
    sklearn_contrastive.theory.risk.classification_risk : Exact risk of features.
    """

    class_scores: FloatArray = field(kw_only=True)
    weights: FloatArray | None = field(kw_only=True)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.class_scores)

    @property
    def class_means(self) -> FloatArray:
        """Population mean of the samples of each class, of shape (n_classes, n_features)."""
        return self.mean + self.class_scores @ self.components


def make_spiked_classification(
    n_samples: int = 1000,
    n_features: int = 100,
    n_components: int = 5,
    *,
    n_classes: int = 2,
    labels: str = "logistic",
    within_sd: float = 0.0,
    weights: ArrayLike | None = None,
    subspace: str | ArrayLike = "haar",
    support_size: int = 10,
    signal: float | ArrayLike = 1.0,
    noise: str | float | ArrayLike = "linear",
    mean: float | ArrayLike = 0.0,
    random_state: RandomState = None,
) -> tuple[FloatArray, npt.NDArray[np.integer], SpikedClassification]:
    """Draw samples with unequal noise, and classes that depend on their scores.

    The samples have the covariance of :func:`make_spiked_covariance`, whatever the labels: the
    standardised scores u have covariance I. All classes are equally probable.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples. The population is drawn before the samples.
    n_features : int, default=100
        Number of features.
    n_components : int, default=5
        Dimension of the signal subspace, at most `n_features`.
    n_classes : int, default=2
        Number of classes: 2 for logistic labels, at most n_components + 1 in a mixture, any number
        from 2 for quantiles.
    labels : {"logistic", "quantile", "mixture"}, default="logistic"
        "logistic": u is Gaussian and P(y = 1 | u) = F(<u, weights>), F the logistic function [1]_.
        "quantile": u is Gaussian and y numbers the quantile intervals of <u, weights>.
        "mixture": the class comes first, and u is its mean plus a Gaussian. The means are the
        corners of a regular simplex in the span of the first n_classes - 1 components; the other
        components, where there are any, are Gaussian and independent of the class. With
        n_components + 1 classes the means span the signal subspace.
    within_sd : float, default=0.0
        Standard deviation, in [0, 1], of u within the classes of a mixture along the components
        that their means span; the means vary by the rest of the variance. Only for a mixture.
    weights : array-like of shape (n_components,), default=None
        Weights of the standardised scores, of length 1. None draws them uniformly. Not for a
        mixture.
    subspace : {"haar", "sparse"} or array-like of shape (n_components, n_features), \
            default="haar"
        Signal subspace, as in :func:`make_spiked_covariance`.
    support_size : int, default=10
        Number of features per component of ``subspace="sparse"``; not used otherwise.
    signal : float or array-like of shape (n_components,), default=1.0
        Standard deviation along each component, positive.
    noise : {"linear", "lognormal"}, float or array-like of shape (n_features,), default="linear"
        Standard deviation of the noise of each feature, as in :func:`make_spiked_covariance`.
    mean : float or array-like of shape (n_features,), default=0.0
        Mean of each feature.
    random_state : int, RandomState instance or None, default=None
        Draws the population and the samples. Pass an int for samples that can be repeated.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The samples.
    y : ndarray of shape (n_samples,)
        The classes, integers from 0 to n_classes - 1.
    truth : SpikedClassification
        The population they come from, and their scores.

    Raises
    ------
    ValueError
        If a number is out of its range, an array has the wrong shape, rows are not orthonormal,
        weights has not length 1, or a parameter is given that these labels do not have.

    See Also
    --------
    sklearn_contrastive.theory.risk.classification_risk : Exact risk of features, logistic labels.
    sklearn_contrastive.theory.SpikedCovarianceModel.supervised_components : Subspace from labels.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    The means of six classes span all five components, those of two only one:

    >>> import numpy as np
    >>> from sklearn_contrastive.datasets import make_spiked_classification
    >>> for n_classes in (6, 2):
    ...     X, y, truth = make_spiked_classification(
    ...         n_classes=n_classes, labels="mixture", random_state=0
    ...     )
    ...     print(truth.supervised_components(truth.class_scores, np.inf).shape)
    (5, 100)
    (1, 100)
    """
    check_size("n_samples", n_samples)
    random_state = check_random_state(random_state)
    model = draw_model(
        n_features,
        n_components,
        subspace=subspace,
        support_size=support_size,
        signal=signal,
        noise=noise,
        mean=mean,
        random_state=random_state,
    )
    _check_labels(labels, n_classes, n_components, weights, within_sd)
    if labels == "mixture":
        X, y, scores, class_scores = _sample_mixture(
            model, n_samples, n_classes, within_sd, random_state
        )
    else:
        weights = draw_weights(weights, n_components, random_state)
        X, scores = model.sample(n_samples, random_state)
        y, projections = _label(scores / model.signal @ weights, labels, n_classes, random_state)
        class_scores = np.outer(projections, weights * model.signal)
    truth = SpikedClassification(
        **vars(model), scores=scores, class_scores=class_scores, weights=weights
    )
    return X, y, truth


def _label(
    projection: FloatArray, labels: str, n_classes: int, random_state: np.random.RandomState
) -> tuple[npt.NDArray[np.integer], FloatArray]:
    """Classes that follow a standard normal projection, and its mean in each class."""
    if labels == "logistic":
        y = (random_state.uniform(size=len(projection)) < expit(projection)).astype(int)
        # E t F(t) = E F'(t) for t standard normal, over P(y = 1) = 1/2
        return y, 2 * mean_logistic_slope(1.0) * np.array([-1.0, 1.0])
    cuts = ndtri(np.arange(n_classes + 1) / n_classes)
    density = np.exp(-(cuts**2) / 2) / np.sqrt(2 * np.pi)
    # the integral of t times the normal density is minus that density
    return np.searchsorted(cuts[1:-1], projection), n_classes * (density[:-1] - density[1:])


def _sample_mixture(
    model: SpikedCovarianceModel,
    n_samples: int,
    n_classes: int,
    within_sd: float,
    random_state: np.random.RandomState,
) -> tuple[FloatArray, npt.NDArray[np.integer], FloatArray, FloatArray]:
    """Samples, classes, scores and the classes' mean scores of a mixture on a simplex."""
    # columns of mean 0 and mean square 1, orthogonal: points with covariance I, equally far apart
    corners = np.sqrt(n_classes) * helmert(n_classes).T
    class_scores = np.zeros((n_classes, model.n_components))
    class_scores[:, : n_classes - 1] = np.sqrt(1 - within_sd**2) * corners
    spread = np.ones(model.n_components)
    spread[: n_classes - 1] = within_sd
    y = random_state.randint(n_classes, size=n_samples)
    within = spread * random_state.standard_normal((n_samples, model.n_components))
    scores = model.signal * (class_scores[y] + within)
    return model.observe(scores, random_state), y, scores, model.signal * class_scores


def _check_labels(
    labels: str, n_classes: int, n_components: int, weights: ArrayLike | None, within_sd: float
) -> None:
    """Refuse numbers of classes that these labels cannot have, and parameters of other labels."""
    largest = {"logistic": 2, "quantile": np.inf, "mixture": n_components + 1}
    if labels not in largest:
        raise ValueError(
            f'labels={labels!r} is not known; give "logistic", "quantile" or "mixture".'
        )
    check_size("n_classes", n_classes, at_least=2, at_most=largest[labels])
    if not 0 <= within_sd <= 1:
        raise ValueError(f"within_sd={within_sd!r} is not allowed; give a number in [0, 1].")
    if labels != "mixture" and within_sd != 0:
        raise ValueError(f'within_sd is for labels="mixture"; leave it out for {labels!r}.')
    if labels == "mixture" and weights is not None:
        raise ValueError('labels="mixture" has no weights; give "logistic" or "quantile".')
