"""Warnings after a fit."""

from collections.abc import Iterator
from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from ..._features import listed
from ...exceptions import ComponentsWarning, HeywoodWarning
from .._covariance.base import Covariance
from .._covariance.scale import feature_scale
from .model import FactorFit, FactorModel
from .n_components import counting_weights
from .robust import RobustFit

__all__ = ["count_warnings", "fit_warnings", "robust_warnings", "share_warnings"]

# share of a factor's squared loadings that, on one feature or group, makes it look like its noise
_SINGLE_GROUP_SHARE = 0.9
# share of the requested share of variance below which the variance that was kept is far from it
_FAR_BELOW = 0.9
# weight in the count below which a feature is named as one with rare or extreme values
_SMALL_WEIGHT = 0.9
# share of outlying cells, and of rows whose noise is so many times larger or smaller than that of
# the typical row, that may mean a majority of wrong cells or rows somewhere
_MANY_CELLS, _OTHER_NOISE, _MANY_ROWS = 0.2, 5.0, 0.15


def fit_warnings(fit: FactorFit, n_components, feature_names, n_samples: float):
    """Warnings about a fitted model.

    Parameters
    ----------
    fit : FactorFit
        The solution.
    n_components : int, float, str or None
        The parameter of that name.
    feature_names : ndarray of shape (n_features,) or None
        Names, if the features have any.
    n_samples : float
        Number of samples.

    Yields
    ------
    category : type
        Class of the warning.
    text : str
        The problem and what to do.
    """
    model, n_found = fit.model, fit.model.loadings.shape[1]
    if n_found < fit.n_requested and n_samples > fit.n_requested:
        kept = isinstance(n_components, Integral) and fit.further.shape[1]
        rest = "are the next directions, with loadings of 0" if kept else "were dropped"
        yield (
            ComponentsWarning,
            f"Only {n_found} of {fit.n_requested} components have variance that features share; "
            f"the others {rest}. Set n_components to {n_found} to leave them out.",
        )
    elif n_found == 0 and n_components != 0:
        yield (
            ComponentsWarning,
            "No component was found: the features share no more variance than independent noise "
            "of this size. transform returns no columns. Set n_components to an integer to keep "
            "the leading directions all the same.",
        )
    for features in _single_group_factors(model):
        unit = "feature" if len(features) == 1 else "group of features"
        yield (
            ComponentsWarning,
            f"A component rests on one {unit} alone ({listed(features, feature_names)}): it cannot "
            f"be distinguished from the noise of that {unit}. Use fewer components, or more "
            "features of the same factor.",
        )
    if len(fit.floored):
        yield (
            HeywoodWarning,
            "The components explain some features completely, as if these had no noise: "
            f"{listed(fit.floored, feature_names)}. Their noise was set to {fit.floor:.2g} of "
            "their variance (a Heywood case of factor analysis). Fewer components often avoid it; "
            "duplicated or derived features cause it.",
        )
    if not fit.converged:
        yield (
            ConvergenceWarning,
            f"No convergence in {fit.n_iter} eigenproblems; increase max_iter or tol, or ask for "
            "fewer components.",
        )


def share_warnings(n_components, n_found: int, kept_share: float):
    """Warnings about a share of variance that is not what a user of PCA expects.

    Parameters
    ----------
    n_components : int, float, str or None
        The parameter of that name.
    n_found : int
        Number of components.
    kept_share : float
        Share of the total variance that the components keep.

    Yields
    ------
    category : type
        Class of the warning.
    text : str
        The problem and what to do.
    """
    if n_found == 0:
        return
    is_share = isinstance(n_components, Real) and not isinstance(n_components, Integral)
    if is_share and kept_share < _FAR_BELOW * n_components:
        yield (
            ComponentsWarning,
            f"n_components={n_components:g} is a share of the variance that features have in "
            f"common. The {n_found} component(s) keep {kept_share:.2f} of the total variance, "
            f"where PCA(n_components={n_components:g}) would keep at least {n_components:g}. Use "
            "PCA to keep a share of the total variance; here set n_components to an integer or "
            '"auto".',
        )


def count_warnings(
    covariance: Covariance, n_counted: int, feature_names: NDArray | None
) -> Iterator[str]:
    """Warnings about an estimated number of components.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.
    n_counted : int
        The number.
    feature_names : ndarray of shape (n_features,) or None
        Names, if the features have any.

    Yields
    ------
    text : str
        The problem and what to do.
    """
    scale = feature_scale(covariance)
    n_live = int(np.sum(scale > 0))
    if 1 <= n_counted == n_live // 2 < covariance.n_samples - 1:
        yield (
            f'n_components="auto" stopped at its limit, {n_counted} for {n_live} features that '
            "vary: with more components than half of the features the noise cannot be estimated "
            "well. Set n_components to an integer to choose the number yourself; PCA may be the "
            "better model."
        )
    if covariance.kurtosis() is None:
        yield (
            'n_components="auto" did not look for rare or extreme values, which may look like '
            "components: fourth moments of some samples are not known, since an earlier fit with "
            "another n_components did not read them, or only a covariance matrix was given. Fit "
            'all samples with n_components="auto", or set n_components to an integer.'
        )
    weights = counting_weights(covariance, scale)
    heavy = np.flatnonzero((weights > 0) & (weights < _SMALL_WEIGHT))
    if 2 * len(heavy) > n_live:
        yield (
            f"A few rare or extreme values make up the variance of {listed(heavy, feature_names)}. "
            "Such features correlate by chance, so that weak components cannot be distinguished "
            'from noise, and n_components="auto" may find too few. Transform the features first '
            "(logarithm, ranks, clipping), or set n_components to an integer."
        )


def robust_warnings(found: RobustFit) -> Iterator[str]:
    """Warnings about a robust fit that found more than it can be trusted with.

    Parameters
    ----------
    found : RobustFit
        What was found.

    Yields
    ------
    text : str
        The problem and what to do.
    """
    if found.outlying is not None:
        share = found.outlying.nnz / np.prod(found.outlying.shape)
        if share > _MANY_CELLS:
            yield (
                f"{share:.0%} of the cells of X are outlying. If more than about half of the cells "
                "of a row or a feature are wrong, the model may be that of the wrong ones. Look at "
                "outlying_cells_, and drop features or rows that are wrong as a whole."
            )
    if found.noise_variance is not None:
        noise = np.sqrt(found.noise_variance)
        share = max(np.mean(noise > _OTHER_NOISE), np.mean(noise < 1.0 / _OTHER_NOISE))
        if share > _MANY_ROWS:
            yield (
                f"{share:.0%} of the rows of X have more than {_OTHER_NOISE:g} times the noise of "
                "the typical row, or less than its inverse. If about half of the rows are wrong, "
                "the model may be that of the wrong ones. Look at sample_noise_, and fit the kinds "
                "of rows separately."
            )


def _single_group_factors(model: FactorModel):
    """Groups with noise of their own that hold nearly all of a factor's standardised loadings."""
    deviation = np.sqrt(model.variances)
    squares = (model.loadings / deviation[:, None]) ** 2
    if not squares.size:
        return []
    groups = model.noise.groups
    sums = np.zeros((groups.max() + 1, squares.shape[1]))
    np.add.at(sums, groups, squares)
    single = sums.max(axis=0) > _SINGLE_GROUP_SHARE * squares.sum(axis=0)
    return [np.flatnonzero(groups == group) for group in np.unique(sums.argmax(axis=0)[single])]
