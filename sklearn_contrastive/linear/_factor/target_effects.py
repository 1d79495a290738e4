"""Maximum a posteriori factor model with targets: numbers as evidence about the factors.

A target is a linear function of the factors plus noise of its own, y_t = g_t'z + noise, where it is
known. It counts with a weight: 0 if the factors of the model without targets explain it no better
than chance, near 1 if they do much better, and 1/m if m targets say the same.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from ..._noise_edge import noise_edge
from .._covariance.scale import feature_scale, reciprocal
from .._covariance.target_moments import TargetCovariance
from .._solvers.anderson import damped_anderson
from .closed_form import contrastive_eigenvalues
from .map_newton import SMALLEST_EXCESS
from .model import FactorFit, FactorModel
from .noise import DiagonalNoise
from .options import FitOptions
from .target_em import TargetExpectationMaximisation, TargetState, UnitMoments
from .target_evidence import (
    TargetRegression,
    evidence_weights,
    independent_weights,
    regress_targets,
)

__all__ = ["refine_with_targets", "target_shares"]

# smallest residual variance of a target to begin with, as a share of its variance
_FIRST_FLOOR = 0.05
# largest deviation along a direction that only targets show, in units of the noise: some is left
_LARGEST_SIZE = 0.95
# variance of the residuals of targets along an axis, in units of theirs, below which it is left out
_SMALLEST_AXIS = 0.1


def refine_with_targets(
    start: FactorFit,
    covariance: TargetCovariance,
    options: FitOptions,
    *,
    adds_directions: bool = False,
) -> FactorFit:
    """Maximum a posteriori factor model with targets, by accelerated EM.

    Directions that only targets show, because no two features share them, follow from the residuals
    of the targets: those whose covariance with the features, in units of the noise, exceeds that of
    targets that are independent of the features.

    Parameters
    ----------
    start : FactorFit
        The most probable model without targets.
    covariance : TargetCovariance
        Of all samples.
    options : FitOptions
        Of the fit: at most `max_iter` steps.
    adds_directions : bool, default=False
        Whether directions that only targets show are added to the factors. Otherwise they only
        replace directions without variance that features share.

    Returns
    -------
    FactorFit
        The start where targets say nothing.

    References
    ----------
    Rubin and Thayer (1982), EM algorithms for ML factor analysis.
    Lawley and Maxwell (1973), Regression and factor analysis.
    """
    scale = feature_scale(covariance)
    moments = UnitMoments.of(covariance, scale)
    uniqueness = np.where(scale > 0, start.model.noise.variances * moments.inverse**2, 1.0)
    uniqueness = np.clip(uniqueness, start.floor, 1.0)
    loadings = moments.inverse[:, None] * start.model.loadings
    regression = _regressed(moments, loadings, uniqueness)
    weights = evidence_weights(regression)
    n_iter, converged = 0, True
    if weights.any():
        used = np.flatnonzero(weights)
        pairs = np.ix_(used, used)
        correlations = _residual_correlations(moments, loadings, uniqueness, regression)[pairs]
        n_free = covariance.responses.counts[pairs] - 1.0 - loadings.shape[1]
        weights[used] *= independent_weights(correlations, n_free)
        first = _first_state(loadings, uniqueness, regression, used, start.floor)
        em = TargetExpectationMaximisation(moments, weights, start.floor, options)
        point, n_iter, converged = damped_anderson(em, em.evaluated(first), options.max_iter)
        loadings, uniqueness = point.following.loadings, point.following.uniqueness
    directions = np.zeros((len(scale), 0))
    if adds_directions or start.further.shape[1]:
        directions = _directions(moments, loadings, uniqueness)
    if not adds_directions:
        directions = directions[:, : start.further.shape[1]]
    if not (n_iter or directions.size):
        return start
    n_columns = start.model.loadings.shape[1] + start.further.shape[1]
    if adds_directions:
        n_columns += directions.shape[1]
        start = replace(start, n_requested=start.n_requested + directions.shape[1])
    start = replace(start, n_iter=start.n_iter + n_iter, converged=start.converged and converged)
    return _as_fit(start, covariance, scale, loadings, directions, uniqueness, n_columns)


def target_shares(fit: FactorFit, covariance: TargetCovariance) -> NDArray[np.float64]:
    """Share of each target's variance that the factors explain, adjusted for their number.

    Parameters
    ----------
    fit : FactorFit
        The model.
    covariance : TargetCovariance
        Of all samples.

    Returns
    -------
    shares : ndarray of shape (n_targets,)
        From 0 to 1; 0 where known samples are too few.
    """
    scale = feature_scale(covariance)
    moments = UnitMoments.of(covariance, scale)
    uniqueness = np.where(scale > 0, fit.model.noise.variances * moments.inverse**2, 1.0)
    directions = np.hstack([fit.model.loadings, fit.further])
    return _regressed(moments, moments.inverse[:, None] * directions, uniqueness).adjusted


def _regressed(moments, loadings, uniqueness):
    """Regression of the targets on the scores along the loadings."""
    if not loadings.shape[1]:
        n_targets = moments.covariance.n_targets
        counts = moments.covariance.counts - 1.0
        return TargetRegression(np.zeros((n_targets, 0)), np.zeros(n_targets), counts)
    weighted = _score_weights(loadings, uniqueness)
    along = moments.known_along(weighted)
    return regress_targets(along, weighted.T @ moments.cross, moments.covariance.counts)


def _score_weights(loadings, uniqueness):
    """Weights of uncorrelated noise that make scores in the span of the loadings."""
    root = np.sqrt(uniqueness)[:, None]
    return np.linalg.qr(loadings / root)[0] / root


def _residual_correlations(moments, loadings, uniqueness, regression):
    """Correlations of what the scores leave of the targets, (n_targets, n_targets)."""
    correlations, slopes = moments.covariance.correlations(), regression.slopes
    if loadings.shape[1]:
        along = moments.known_along(_score_weights(loadings, uniqueness))
        along = along / np.maximum(moments.covariance.counts, 1.0)[:, None, None]
        explained = np.einsum("sk,skl,tl->st", slopes, along, slopes)
        correlations = correlations - 0.5 * (explained + explained.T)
    root = np.sqrt(np.maximum(1.0 - regression.explained, np.finfo(np.float64).eps))
    return np.clip(correlations / np.outer(root, root), -1.0, 1.0)


def _first_state(loadings, uniqueness, regression, used, floor):
    """The model without targets, and the regression of those that are used on its factors."""
    root = np.sqrt(uniqueness)[:, None]
    white = loadings / root
    precision = np.eye(loadings.shape[1]) + white.T @ white
    # from slopes on scores u, orthogonal in units of the noise, to slopes on the factors given x
    triangle = np.linalg.qr(white)[0].T @ white
    slopes = np.linalg.solve(triangle, regression.slopes[used].T).T @ precision
    uncertain = np.sum(np.linalg.solve(precision, slopes.T).T * slopes, axis=1)
    rest = 1.0 - regression.explained[used] - uncertain
    return TargetState(loadings, uniqueness, slopes, np.clip(rest, max(floor, _FIRST_FLOOR), 1.0))


def _directions(moments, loadings, uniqueness):
    """Loadings outside the factors on what targets have in common with features, beyond chance."""
    covariance = moments.covariance
    regression = _regressed(moments, loadings, uniqueness)
    used = (regression.n_free > 0) & (covariance.deviations > 0) & (regression.explained < 1.0)
    n_features = int(np.sum(moments.live)) - loadings.shape[1]
    if not used.any() or n_features < 1:
        return np.zeros((len(uniqueness), 0))
    counts, pairs = covariance.counts[used], np.ix_(used, used)
    remaining = moments.cross
    if loadings.shape[1]:
        fitted = _score_weights(loadings, uniqueness) @ regression.slopes.T
        remaining = remaining - moments.known_times(fitted)
    root = np.sqrt(uniqueness)[:, None]
    white = remaining[:, used] / root / np.sqrt(counts * (1.0 - regression.explained[used]))
    basis = np.linalg.qr(loadings / root)[0]
    white -= basis @ (basis.T @ white)
    # of targets that are independent of the features, every entry has now variance 1, and columns
    # have the correlations of the residuals, as far as they are of the same samples
    shared = covariance.responses.counts[pairs] / np.sqrt(np.outer(counts, counts))
    correlations = _residual_correlations(moments, loadings, uniqueness, regression)[pairs]
    values, axes = np.linalg.eigh(correlations * shared)
    kept = values > _SMALLEST_AXIS
    left, singular, _ = np.linalg.svd(
        white @ (axes[:, kept] / np.sqrt(values[kept])), full_matrices=False
    )
    n_axes = int(kept.sum())
    chosen = singular**2 > n_axes * noise_edge(n_axes, n_features)
    # a factor like the residuals in units of their deviation, as far as it is not chance
    sizes = np.sqrt((singular[chosen] ** 2 - n_features) / counts.mean())
    return root * left[:, chosen] * np.minimum(sizes, _LARGEST_SIZE)


def _as_fit(start, covariance, scale, factors, directions, uniqueness, n_columns):
    """Factors orthogonal in units of the noise, strongest first, then directions of targets."""
    root = np.sqrt(uniqueness)[:, None]
    vectors, singular, _ = np.linalg.svd(factors / root, full_matrices=False)
    live = singular**2 > SMALLEST_EXCESS
    loadings = np.hstack([root * vectors[:, live] * singular[live], directions])
    candidates = np.hstack([root * vectors[:, ~live], reciprocal(scale)[:, None] * start.further])
    further = _independent_of(loadings / root, candidates / root, n_columns - loadings.shape[1])
    loadings, further = scale[:, None] * loadings, scale[:, None] * root * further
    uniqueness = np.clip(uniqueness - np.sum(directions**2, axis=1), start.floor, 1.0)
    noise = np.where(scale > 0, scale**2 * uniqueness, start.model.noise.variances)
    return replace(
        start,
        model=FactorModel(start.model.mean, loadings, DiagonalNoise(noise)),
        further=further,
        eigenvalues=contrastive_eigenvalues(covariance, np.hstack([loadings, further])),
        floored=np.flatnonzero((uniqueness <= start.floor) & (scale > 0)),
    )


def _independent_of(loadings, candidates, number):
    """So many of the candidates, as far as the loadings do not contain them."""
    if number <= 0 or not candidates.shape[1]:
        return candidates[:, :0]
    basis = np.linalg.qr(loadings)[0]
    outside = candidates - basis @ (basis.T @ candidates)
    order = qr(outside, mode="r", pivoting=True)[1][:number]
    return candidates[:, np.sort(order)]
