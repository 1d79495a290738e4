"""From a covariance to a factor model: by the kind of noise, and by whether rows are incomplete."""

from dataclasses import replace
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from .._covariance.base import Covariance
from .._covariance.samples import Samples
from .._covariance.scale import feature_scale
from .._solvers.davidson import Eigenpairs
from .closed_form import closed_form, contrastive_eigenvalues
from .floor import uniqueness_floor
from .map_em import START_STEPS, START_TOL, refine_on_rows
from .map_groups import fit_block_noise
from .map_newton import PRIOR_SAMPLES, REFINEMENT_FLOOR, refine, refinement_of
from .model import FactorFit, FactorModel
from .n_components import count_common, count_components, largest_number
from .noise import DiagonalNoise
from .options import FitOptions
from .rows_with_gaps import rows_with_gaps

__all__ = ["fit_diagonal_noise", "fit_factor_model", "fit_from_eigenpairs", "refined_model"]


def fit_factor_model(
    covariance: Covariance,
    samples: Samples,
    n_components: int | float | str | None,
    options: FitOptions,
) -> FactorFit:
    """Maximum a posteriori loadings and noise of samples.

    Parameters
    ----------
    covariance : Covariance
        Of the samples, and of earlier ones where they are streaming.
    samples : Samples
        The samples; read again only if entries are missing.
    n_components : int, float, "auto" or None
        Number of factors; share of the common variance; estimated; every positive direction.
    options : FitOptions
        Of the fit.

    Returns
    -------
    FactorFit
        Its factors may be fewer than requested: those without variance are left out.
    """
    if samples.groups is not None:
        return fit_block_noise(covariance, samples.groups, n_components, options)
    if not samples.missing or samples.streaming or options.max_iter == 0:
        return fit_diagonal_noise(covariance, n_components, options)
    of_pairs = replace(
        options, max_iter=min(options.max_iter, START_STEPS), tol=max(options.tol, START_TOL)
    )
    start = fit_diagonal_noise(covariance, n_components, of_pairs)
    if not start.model.loadings.size:
        return start
    return refine_on_rows(start, rows_with_gaps(samples), feature_scale(covariance), options)


def fit_diagonal_noise(
    covariance: Covariance, n_components: int | float | str | None, options: FitOptions
) -> FactorFit:
    """Maximum a posteriori loadings and noise variances, from the covariance alone.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.
    n_components : int, float, "auto" or None
        Number of factors; share of the common variance; estimated; every positive direction.
    options : FitOptions
        Of the fit; with `max_iter` 0 the closed form is the solution.

    Returns
    -------
    FactorFit
        Its factors may be fewer than requested: those without variance are left out.
    """
    scale, rng, warm = feature_scale(covariance), options.rng, options.start
    floor = _floor(covariance)
    loadings = None if warm is None else warm.loadings.astype(np.float64)
    if options.max_iter == 0:
        count = count_components(covariance, n_components, scale, rng)
        if count.n_sought == 0:
            return _nothing(covariance, scale, count.n_requested)
        spectrum = closed_form(covariance, count.n_sought, rng, loadings, options.tol)
        options.on_step("eigenproblem")
        return fit_from_eigenpairs(covariance, scale, spectrum, count.n_requested)
    every = not isinstance(n_components, Integral) and n_components != "auto"
    count = count_components(covariance, "auto" if every else n_components, scale, rng)
    ones, block = np.ones_like(scale), count.block
    if block is None:
        block = covariance.correlation_block(scale, count.n_sought, rng, loadings)
    prior = PRIOR_SAMPLES / covariance.effective_samples(ones)
    start = ones if count.uniqueness is None else count.uniqueness
    if warm is not None:
        start = _uniqueness(warm.noise.variances, scale, floor)
    n_requested, refined = count.n_requested, None
    if count.n_sought:
        refined = refine(block, count.n_sought, start, options, prior=prior, floor=floor)
    if every:
        uniqueness = ones if refined is None else refined.uniqueness
        pairs = block.all_pairs(uniqueness)
        options.on_step("eigenproblem")
        largest = largest_number(covariance, scale)
        n_requested = count_common(pairs, uniqueness, scale, n_components, largest)
        if n_requested:
            n_iter, converged = (
                (0, True) if refined is None else (refined.n_iter, refined.converged)
            )
            refined = refinement_of(
                pairs, n_requested, uniqueness, n_iter + 1, converged, prior=prior, floor=floor
            )
    if refined is None:
        return _nothing(covariance, scale, n_requested)
    loadings, further = scale[:, None] * refined.loadings, scale[:, None] * refined.further
    eigenvalues = contrastive_eigenvalues(covariance, np.hstack([loadings, further]))
    return _fit(
        covariance,
        scale,
        loadings,
        further,
        refined.uniqueness,
        eigenvalues,
        n_requested,
        refined.n_iter,
        refined.converged,
        floor,
    )


def refined_model(
    covariance: Covariance,
    n_components: int | str,
    noise_variances: NDArray[np.float64],
    options: FitOptions,
) -> FactorModel:
    """Maximum a posteriori model alone, for fits that are repeated on nearly the same samples.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.
    n_components : int or "auto"
        Number of factors, or estimated.
    noise_variances : ndarray of shape (n_features,)
        Noise to start with.
    options : FitOptions
        Of the fit.

    Returns
    -------
    FactorModel
        Its factors may be fewer than requested: those without variance are left out.
    """
    scale, rng = feature_scale(covariance), options.rng
    count = count_components(covariance, n_components, scale, rng)
    uniqueness, loadings = np.ones_like(scale), np.zeros((len(scale), 0))
    if count.n_sought:
        block = count.block
        if block is None:
            block = covariance.correlation_block(scale, count.n_sought, rng)
        prior = PRIOR_SAMPLES / covariance.effective_samples(uniqueness)
        start = _uniqueness(noise_variances, scale, REFINEMENT_FLOOR)
        refined = refine(block, count.n_sought, start, options, prior=prior)
        uniqueness, loadings = refined.uniqueness, scale[:, None] * refined.loadings
    noise = _noise_variances(uniqueness, scale)
    return FactorModel(covariance.mean, loadings, DiagonalNoise(noise))


def _nothing(covariance, scale, n_requested):
    """The model without a factor."""
    nothing = np.zeros((covariance.n_features, 0))
    ones, no_values = np.ones_like(scale), np.zeros(0)
    return _fit(covariance, scale, nothing, nothing, ones, no_values, n_requested, 0, True)


def fit_from_eigenpairs(
    covariance: Covariance,
    scale: NDArray[np.float64],
    spectrum: Eigenpairs,
    n_requested: int,
    n_iter: int = 1,
) -> FactorFit:
    """Loadings U Lambda^(1/2) of the positive eigenvalues; noise is the residual variance.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.
    scale : ndarray of shape (n_features,)
        Standard deviation of each feature, 0 for a constant one.
    spectrum : Eigenpairs
        Of the covariance with another diagonal; vectors are orthonormal.
    n_requested : int
        Number of factors requested.
    n_iter : int, default=1
        Steps taken.

    Returns
    -------
    FactorFit
        Its factors are those whose eigenvalue is positive.
    """
    variances = scale**2
    positive = spectrum.values > 1e-12 * variances.sum()
    values = spectrum.values[positive]
    loadings = spectrum.vectors[:, positive] * np.sqrt(values)
    common = np.sum(loadings**2, axis=1)
    share = np.divide(common, variances, out=np.zeros_like(scale), where=scale > 0)
    uniqueness = np.maximum(1.0 - share, REFINEMENT_FLOOR)
    return _fit(
        covariance,
        scale,
        loadings,
        spectrum.vectors[:, ~positive],
        uniqueness,
        np.concatenate([values, spectrum.values[~positive]]),
        n_requested,
        n_iter,
        spectrum.converged,
    )


def _floor(covariance):
    """Smallest uniqueness of refinement; pairwise covariances let noise vanish too easily."""
    if not covariance.semidefinite:
        return REFINEMENT_FLOOR
    return uniqueness_floor(covariance.n_samples, covariance.rounding)


def _uniqueness(noise_variances, scale, floor):
    """Noise variances as shares of the variances, 1 for constant features."""
    share = np.divide(noise_variances, scale**2, out=np.ones_like(scale), where=scale > 0)
    return np.clip(share, floor, 1.0).astype(np.float64)


def _fit(
    covariance,
    scale,
    loadings,
    further,
    uniqueness,
    eigenvalues,
    n_requested,
    n_iter,
    converged,
    floor=REFINEMENT_FLOOR,
):
    noise = DiagonalNoise(_noise_variances(uniqueness, scale))
    return FactorFit(
        FactorModel(covariance.mean, loadings, noise),
        further,
        eigenvalues,
        n_requested,
        np.flatnonzero((uniqueness <= floor) & (scale > 0)),
        floor,
        n_iter,
        converged,
    )


def _noise_variances(uniqueness, scale):
    """Noise variances of the features, above 0."""
    noise_variances = uniqueness * scale**2
    live = noise_variances > 0
    # a constant feature has no noise: it gets the smallest noise of the others, so that a value
    # that differs later is as unlikely as it would be there, and the precision stays finite
    noise_variances[~live] = noise_variances[live].min() if live.any() else 1.0
    return noise_variances
