"""Warnings after a fit."""

from numbers import Integral, Real

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..._features import listed
from ...exceptions import ComponentsWarning, HeywoodWarning
from .model import FactorFit, FactorModel

__all__ = ["fit_warnings", "number_warnings"]

# share of a factor's squared loadings that, on one feature or group, makes it look like its noise
_SINGLE_GROUP_SHARE = 0.9
# share of the requested share of variance below which the variance that was kept is far from it
_FAR_BELOW = 0.9


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
            f"The noise of {listed(fit.floored, feature_names)} was estimated as nearly zero "
            f"and set to {fit.floor:.1g} of the variance (a Heywood case). Fewer components "
            "often avoid it; duplicated or derived features cause it.",
        )
    if not fit.converged:
        yield (
            ConvergenceWarning,
            f"No convergence in {fit.n_iter} eigenproblems; increase max_iter or tol, or ask for "
            "fewer components.",
        )


def number_warnings(n_components, n_found: int, n_live: int, kept_share: float):
    """Warnings about a number of components that is not what a user of PCA expects.

    Parameters
    ----------
    n_components : int, float, str or None
        The parameter of that name.
    n_found : int
        Number of components.
    n_live : int
        Number of features that are not constant.
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
    if n_components == "auto" and n_found == n_live // 2:
        yield (
            ComponentsWarning,
            f'n_components="auto" stopped at its limit, {n_found} for {n_live} features that vary: '
            "with more components than half of the features the noise cannot be estimated well. "
            "Set n_components to an integer to choose the number yourself.",
        )
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
