"""Fit that outlying cells and noisy rows do not mislead: rounds of model, screening and moments."""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._covariance.base import Covariance
from .._covariance.scale import feature_scale
from .fit import fit_factor_model, refined_model
from .model import FactorFit
from .noise import DiagonalNoise
from .options import FitOptions
from .outlying_cells import CellModel, cell_threshold
from .robust_rows import RobustRows, read_rows
from .row_noise import ScalePrior, scale_prior
from .screening import RobustModel

__all__ = ["RobustFit", "fit_robust"]

# rounds on these rows
_FIRST_ROUNDS = 8
# robust deviations from the median from which a cell is hidden in the first fit
_START = 6.0
# rounds in which components are counted again
_COUNTS = 4
# share of hidden cells below which one round on all rows is enough
_FEW_HIDDEN = 0.002
# rounds of a fit to sparse rows
_SPARSE_ROUNDS = 4
# share of hidden cells that does not change a model
_HARDLY_HIDDEN = 1e-5
# standard errors of a noise variance by which rounds may still change it
_SETTLED = 0.2
# accuracy of the fits of the rounds, in steps and standard errors
_STEPS, _TOL = 20, 0.2
# variance of the logarithms of the rows' noise variances before it is known
_FIRST_SPREAD = 1.0


@dataclass(frozen=True)
class RobustFit:
    """Result of a robust fit.

    Parameters
    ----------
    fit : FactorFit
        Model of the typical row.
    covariance : Covariance
        Of the cleaned samples.
    screening : RobustModel
        By which new rows are screened.
    noise_variance : ndarray of shape (n_rows,) or None
        Of each row, in units of a typical row.
    outlying : csr_array of shape (n_rows, n_features) or None
        Standardised residuals of the outlying cells.
    """

    fit: FactorFit
    covariance: Covariance
    screening: RobustModel
    noise_variance: NDArray[np.float64] | None
    outlying: sparse.csr_array | None


def fit_robust(
    rows: RobustRows,
    n_components: int | float | str | None,
    robust: str | bool,
    options: FitOptions,
) -> RobustFit:
    """Maximum a posteriori factor model of samples with outlying cells or noisy rows.

    Parameters
    ----------
    rows : RobustRows
        The samples.
    n_components : int, float, "auto" or None
        As in `fit_factor_model`.
    robust : {"rows", "cells", True}
        What may be wrong.
    options : FitOptions
        Of the last fit.

    Returns
    -------
    RobustFit
        The fit and what was found.
    """
    if rows.is_sparse:
        return _fit_sparse(rows, n_components, options)
    return _RobustEstimation(rows, n_components, robust, options).result()


def _fit_sparse(rows, n_components, options):
    """Rounds of a fit to sparse rows, whose noise may differ; their weights are frequencies."""
    nothing = np.zeros(rows.samples.n_features)
    samples, covariance = rows.weighted(None, options.on_step)
    scale = feature_scale(covariance)
    empty, bounds = np.zeros((len(scale), 0)), np.full(len(scale), np.inf)
    cells = CellModel(covariance.mean, np.where(scale > 0, scale, 1.0), empty, bounds)
    screening = RobustModel(cells, ScalePrior(1.0, _FIRST_SPREAD, 0.0, np.inf))
    for number in range(_SPARSE_ROUNDS + 1):
        spread = rows.spread(screening)
        prior = scale_prior(spread, rows.weight)
        weights, variances = prior.weights(spread), prior.variances(spread)
        equal = bool(np.all(weights == 1.0))
        weight, factor = None, 1.0
        if not equal:
            frequency = np.ones(len(weights)) if rows.weight is None else rows.weight
            weight = frequency * weights
            weight *= frequency.sum() / weight.sum()
            factor = float(frequency.sum() / (weight @ variances))
        samples, covariance = rows.weighted(weight, options.on_step)
        if number == _SPARSE_ROUNDS or (equal and number):
            break
        count = n_components if isinstance(n_components, Integral) else "auto"
        first = FitOptions(options.rng, _STEPS, _TOL * np.sqrt(2.0 / rows.total))
        model = refined_model(covariance, count, scale**2, first)
        model = replace(model, noise=DiagonalNoise(factor * model.noise.variances))
        screening = RobustModel(CellModel.of(model, np.inf, nothing), prior)
    fit = fit_factor_model(covariance, samples, n_components, options)
    model = replace(fit.model, noise=DiagonalNoise(factor * fit.model.noise.variances))
    fit = replace(fit, model=model, describes_covariance=equal)
    screening = RobustModel(CellModel.of(model, np.inf, nothing), prior)
    return RobustFit(fit, covariance, screening, variances, None)


class _RobustEstimation:
    """Rounds of one robust fit."""

    def __init__(self, rows, n_components, robust, options):
        self._all, self._n_components, self._options = rows, n_components, options
        self._rows, self._cells = robust in ("rows", True), robust in ("cells", True)
        self._n_features = rows.samples.n_features
        self._threshold = cell_threshold(rows.total * self._n_features)
        self._reads = {
            "finds_cells": self._cells,
            "fourth": not isinstance(n_components, Integral),
        }

    def result(self) -> RobustFit:
        """The fit."""
        screening = self._settled(self._started())
        read = self._all.read(screening, **self._reads)
        if not self._all.is_all and read.moments.hidden > _FEW_HIDDEN:
            screening = self._screening(self._round_model(read.moments, screening), read.prior)
            read = self._all.read(screening, **self._reads)
        return self._last(screening, read)

    def _started(self):
        """First model: cells by their distances from the medians."""
        scale = self._all.scale
        deviation = np.where(scale.deviation > 0, scale.deviation, 1.0)
        empty, bounds = np.zeros((self._n_features, 0)), np.full(self._n_features, _START)
        cells = CellModel(scale.centre, deviation, empty, bounds)
        prior = ScalePrior(1.0, _FIRST_SPREAD, 0.0, np.inf) if self._rows else None
        return RobustModel(cells, prior)

    def _settled(self, screening):
        """Model after rounds on some rows, until the noise settles."""
        first, keeps_rows = self._all.first, self._all.keeps_rows
        for number in range(_FIRST_ROUNDS):
            read = read_rows(screening, first, keeps_rows=keeps_rows, **self._reads)
            model = self._round_model(read.moments, screening, recount=number < _COUNTS)
            same_number = screening.cells.loadings.shape == model.loadings.shape
            change = np.log(model.noise.variances / screening.cells.deviation**2)
            error = np.sqrt(2.0 / read.moments.covariance.n_samples)
            settled = same_number and np.sqrt(np.mean(change**2)) <= _SETTLED * error
            screening = self._screening(model, read.prior)
            clean = read.weights is None and read.moments.hidden <= _HARDLY_HIDDEN
            if settled or (clean and number):
                break
        return screening

    def _screening(self, model, prior):
        threshold = self._threshold if self._cells else np.inf
        return RobustModel(CellModel.of(model, threshold, self._all.scale.least_noise), prior)

    def _round_model(self, moments, screening, *, recount=True):
        """Model of a typical row, as exact as a round needs it."""
        if isinstance(self._n_components, Integral):
            n_components = self._n_components
        else:
            n_components = "auto" if recount else screening.cells.loadings.shape[1]
        earlier = screening.cells.deviation**2 / moments.noise_factor
        tol = _TOL * np.sqrt(2.0 / moments.covariance.n_samples)
        options = FitOptions(self._options.rng, _STEPS, tol, on_step=self._options.on_step)
        return moments.corrected(refined_model(moments.covariance, n_components, earlier, options))

    def _last(self, screening, read):
        """The fit with the accuracy that was asked for."""
        moments, samples = read.moments, self._all.samples
        if samples.missing and read.weights is None:
            samples, covariance = self._all.with_gaps(read.outlying, self._options.on_step)
            ones = np.ones(self._n_features)
            moments = replace(moments, covariance=covariance, noise_factor=ones)
        # few noisy rows with gaps leave pairs of features without a covariance: imputed rows do not
        samples = replace(samples, missing=samples.missing and read.weights is None)
        covariance = moments.covariance
        fit = fit_factor_model(covariance, samples, self._n_components, self._options)
        model = moments.corrected(fit.model)
        unchanged = read.weights is None and (read.outlying is None or not read.outlying.nnz)
        return RobustFit(
            replace(fit, model=model, describes_covariance=unchanged),
            covariance,
            self._screening(model, read.prior),
            read.variances,
            read.outlying,
        )
