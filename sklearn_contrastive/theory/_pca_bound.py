"""Lower bound on the error of PCA under unequal noise."""

from dataclasses import dataclass

import numpy as np

from ._model import SpikedCovarianceModel

__all__ = ["NoisiestFeatures", "noisiest_features", "pca_lower_bound"]


def pca_lower_bound(model: SpikedCovarianceModel) -> float:
    """Lower bound on the error of PCA in infinitely many samples under unequal noise.

    With the features in descending order of noise variance and U_{1:r} the rows of U of the
    r = n_components noisiest ones, the error is at least

    sqrt(r - ||U_{1:r}||_F^2) - ||U_{1:r} diag(signal^2)||_F / gap,
    gap = noise_variance_r - noise_variance_{r+1} - max(signal)^2.

    The first term is the distance from the noisiest features to the signal subspace, the second
    bounds that from the noisiest features to PCA's, by the theorem of Davis and Kahan [2]_. This
    makes explicit, for PCA, the order sqrt(r) of the error in [1]_.

    Parameters
    ----------
    model : SpikedCovarianceModel
        The population.

    Returns
    -------
    bound : float
        No larger than the error of ``model.pca_components()``; it may be negative.

    Raises
    ------
    ValueError
        If there are as many components as features, or the gap is not positive: the r noisiest
        features do not stand out by more than the signal's variance.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).
    .. [2] Davis and Kahan (1970), "The Rotation of Eigenvectors by a Perturbation. III", SIAM
       Journal on Numerical Analysis 7(1).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.theory import SpikedCovarianceModel
    >>> from sklearn_contrastive.theory.bounds import pca_lower_bound
    >>> noise_variance = np.full(100, 0.25)
    >>> noise_variance[0] = 9.0
    >>> model = SpikedCovarianceModel(np.full((1, 100), 0.1), noise_variance=noise_variance)
    >>> round(pca_lower_bound(model), 3)
    0.982
    """
    found = noisiest_features(model)
    return found.distance - found.deviation


@dataclass(frozen=True)
class NoisiestFeatures:
    """The r noisiest features as a subspace, and how near it PCA's components are."""

    noise_variance: float  # of the least noisy one of them
    distance: float  # from the signal subspace
    deviation: float  # bound on the distance from PCA's components


def noisiest_features(model: SpikedCovarianceModel) -> NoisiestFeatures:
    """The noisiest features of a model in which they stand out by more than the signal."""
    r = model.n_components
    if r == model.n_features:
        raise ValueError(
            f"n_components and n_features are both {r}: every method finds the whole space."
        )
    order = np.argsort(-model.noise_variance, kind="stable")
    jump = model.noise_variance[order[r - 1]] - model.noise_variance[order[r]]
    gap = jump - model.signal.max() ** 2
    if not gap > 0:
        raise ValueError(
            f"The {r} noisiest features stand out from the others by {jump:.3g} in noise variance, "
            f"no more than the strongest component's variance, {model.signal.max() ** 2:.3g}: "
            "there is no lower bound on the error of PCA."
        )
    noisiest = model.components[:, order[:r]]
    # rounding may take a subspace of the noisiest features themselves below 0
    distance = np.sqrt(max(r - np.sum(noisiest**2), 0))
    deviation = np.linalg.norm(noisiest * model.signal[:, None] ** 2) / gap
    return NoisiestFeatures(
        float(model.noise_variance[order[r - 1]]), float(distance), float(deviation)
    )
