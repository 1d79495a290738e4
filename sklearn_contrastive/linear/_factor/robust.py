"""Fit that outlying cells and noisy rows do not mislead: rounds of model, screening and moments."""

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._covariance.base import Covariance
from .._covariance.read import covariance_of, forms_scatter
from .._covariance.samples import Samples
from .._covariance.scale import feature_scale
from .column_scale import column_scale
from .fit import fit_factor_model, refined_model
from .imputed_moments import CleanMoments, MomentSums
from .model import FactorFit
from .noise import DiagonalNoise
from .options import FitOptions
from .outlying_cells import CellModel, cell_threshold
from .row_noise import RowSpread, ScalePrior, scale_prior
from .screening import RobustModel, blocks_of_rows

__all__ = ["RobustFit", "fit_robust"]

# cells of the rows on which the first rounds run, and the fewest such rows
_FIRST_CELLS, _FIRST_ROWS = 2**20, 2000
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


@dataclass(frozen=True)
class _Read:
    """One pass over rows: moments, the prior of the noise of rows, and what was found."""

    moments: CleanMoments
    prior: ScalePrior | None
    variances: NDArray[np.float64] | None
    weights: NDArray[np.float64] | None
    outlying: sparse.csr_array | None


def fit_robust(
    samples: Samples,
    n_components: int | float | str | None,
    robust: str | bool,
    solver: str,
    options: FitOptions,
) -> RobustFit:
    """Maximum a posteriori factor model of dense samples with outlying cells or noisy rows.

    Parameters
    ----------
    samples : Samples
        Dense rows.
    n_components : int, float, "auto" or None
        As in `fit_factor_model`.
    robust : {"rows", "cells", True}
        What may be wrong.
    solver : {"auto", "gram", "operator"}
        Whether a (n_features, n_features) scatter matrix is formed.
    options : FitOptions
        Of the last fit.

    Returns
    -------
    RobustFit
        The fit and what was found.
    """
    if sparse.issparse(samples.values):
        return _fit_sparse(samples, n_components, solver, options)
    return _RobustEstimation(samples, n_components, robust, solver, options).result()


def _fit_sparse(samples, n_components, solver, options):
    """Rounds of a fit to sparse rows, whose noise may differ; their weights are frequencies."""
    X, nothing = samples.values, np.zeros(samples.n_features)
    covariance = covariance_of(samples, solver, options.on_step)
    scale = feature_scale(covariance)
    empty, bounds = np.zeros((len(scale), 0)), np.full(len(scale), np.inf)
    cells = CellModel(covariance.mean, np.where(scale > 0, scale, 1.0), empty, bounds)
    screening = RobustModel(cells, ScalePrior(1.0, _FIRST_SPREAD, 0.0, np.inf))
    frequency = np.ones(X.shape[0]) if samples.weight is None else samples.weight
    for number in range(_SPARSE_ROUNDS + 1):
        spread = RowSpread.joined([screening.screened(block)[1] for _, block in blocks_of_rows(X)])
        prior = scale_prior(spread, samples.weight)
        weights, variances = prior.weights(spread), prior.variances(spread)
        equal = bool(np.all(weights == 1.0))
        weighted, factor = samples, 1.0
        if not equal:
            weight = frequency * weights
            weight *= frequency.sum() / weight.sum()
            factor = float(frequency.sum() / (weight @ variances))
            weighted = replace(samples, weight=weight)
        covariance = covariance_of(weighted, solver, options.on_step)
        if number == _SPARSE_ROUNDS or (equal and number):
            break
        count = n_components if isinstance(n_components, Integral) else "auto"
        first = FitOptions(options.rng, _STEPS, _TOL * np.sqrt(2.0 / samples.total))
        model = refined_model(covariance, count, scale**2, first)
        model = replace(model, noise=DiagonalNoise(factor * model.noise.variances))
        screening = RobustModel(CellModel.of(model, np.inf, nothing), prior)
    fit = fit_factor_model(covariance, weighted, n_components, options)
    model = replace(fit.model, noise=DiagonalNoise(factor * fit.model.noise.variances))
    fit = replace(fit, model=model, describes_covariance=equal)
    screening = RobustModel(CellModel.of(model, np.inf, nothing), prior)
    return RobustFit(fit, covariance, screening, variances, None)


class _RobustEstimation:
    """Rounds of one robust fit."""

    def __init__(self, samples, n_components, robust, solver, options):
        self._samples, self._n_components, self._solver = samples, n_components, solver
        self._options = options
        self._rows, self._cells = robust in ("rows", True), robust in ("cells", True)
        X, weight = samples.values, samples.weight
        self._scale = column_scale(X, weight)
        self._threshold = cell_threshold(samples.total * samples.n_features)
        self._keeps_rows = not forms_scatter(X, solver)
        n_rows = max(_FIRST_ROWS, _FIRST_CELLS // samples.n_features)
        step = max(1, len(X) // n_rows)
        self._first = X[::step], None if weight is None else weight[::step]

    def result(self) -> RobustFit:
        """The fit."""
        X, weight = self._first
        screening = self._settled(self._started(), X, weight)
        if len(X) < len(self._samples.values):
            X, weight = self._samples.values, self._samples.weight
            read = self._read(screening, X, weight)
            if read.moments.hidden > _FEW_HIDDEN:
                screening = self._screening(self._round_model(read.moments, screening), read.prior)
                read = self._read(screening, X, weight)
        else:
            read = self._read(screening, X, weight)
        return self._last(screening, read)

    def _started(self):
        """First model: cells by their distances from the medians."""
        deviation = np.where(self._scale.deviation > 0, self._scale.deviation, 1.0)
        empty = np.zeros((self._samples.n_features, 0))
        bounds = np.full(self._samples.n_features, _START)
        cells = CellModel(self._scale.centre, deviation, empty, bounds)
        prior = ScalePrior(1.0, _FIRST_SPREAD, 0.0, np.inf) if self._rows else None
        return RobustModel(cells, prior)

    def _settled(self, screening, X, weight):
        """Model after rounds on some rows, until the noise settles."""
        for number in range(_FIRST_ROUNDS):
            read = self._read(screening, X, weight)
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
        return RobustModel(CellModel.of(model, threshold, self._scale.least_noise), prior)

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

    def _read(self, screening, X, weight):
        """One pass over rows: their moments and what was found."""
        known, prior, variances, weights = None, screening.prior, None, None
        if self._rows:
            known = [screening.screened(block) for _, block in blocks_of_rows(X)]
            spread = RowSpread.joined([part for _, part in known])
            prior = scale_prior(spread, weight)
            variances, weights = prior.variances(spread), prior.weights(spread)
            if np.all(weights == 1.0):
                weights = None
        frequency = np.ones(len(X)) if weight is None else weight
        n_samples = float(frequency.sum())
        sums = MomentSums(
            screening.cells,
            n_samples,
            1.0 if weights is None else float(frequency @ weights / n_samples),
            keeps_rows=self._keeps_rows,
            fourth=not isinstance(self._n_components, Integral),
        )
        outlying = []
        for number, (rows, block) in enumerate(blocks_of_rows(X)):
            found = known[number][0] if known else screening.screened(block)[0]
            noise = None if weights is None else (weights[rows], variances[rows])
            sums.add(block, found, None if weight is None else weight[rows], noise)
            if self._cells:
                outlying.append(_outlying(found))
        outlying = sparse.vstack(outlying, format="csr") if self._cells else None
        return _Read(sums.moments(weight), prior, variances, weights, outlying)

    def _last(self, screening, read):
        """The fit with the accuracy that was asked for."""
        moments, samples = read.moments, self._samples
        if samples.missing and read.weights is None:
            moments, samples = self._with_gaps(read)
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

    def _with_gaps(self, read):
        """Samples whose outlying cells are missing too, and their moments."""
        samples = self._samples
        X = samples.values
        if read.outlying is not None and read.outlying.nnz:
            X = np.array(X, dtype=np.float32 if X.dtype == np.float32 else np.float64)
            X[read.outlying.nonzero()] = np.nan
        samples = replace(samples, values=X)
        covariance = covariance_of(samples, self._solver, self._options.on_step)
        ones = np.ones(samples.n_features)
        return replace(read.moments, covariance=covariance, noise_factor=ones), samples


def _outlying(found):
    """Standardised residuals of the outlying cells of a block, as a sparse array."""
    if not len(found.searched):
        return sparse.csr_array(found.hidden.shape)
    residuals = np.where(found.hidden[found.searched], found.residuals, 0.0)
    rows, columns = np.nonzero(np.nan_to_num(residuals))
    return sparse.csr_array(
        (residuals[rows, columns], (found.searched[rows], columns)), shape=found.hidden.shape
    )
