"""Warnings after a fit."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..._features import listed
from ...exceptions import ComponentsWarning, HeywoodWarning
from .model import FactorFit, FactorModel

__all__ = ["fit_warnings"]

# share of a factor's squared loadings that, on one feature or group, makes it look like its noise
_SINGLE_GROUP_SHARE = 0.9


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
        yield (
            ComponentsWarning,
            f"Only {n_found} of {fit.n_requested} components have variance that features share; "
            f"the others were dropped. Set n_components to at most {n_found}.",
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
            f"and set to {fit.floor:.2g} of the variance (a Heywood case). Fewer components "
            "often avoid it; duplicated or derived features cause it.",
        )
    if not fit.converged:
        yield (
            ConvergenceWarning,
            f"No convergence in {fit.n_iter} eigenproblems; increase max_iter or tol, or ask for "
            "fewer components.",
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
