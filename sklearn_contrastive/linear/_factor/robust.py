"""Fit that outlying cells and noisy rows do not mislead: rounds of model, judgement and moments."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._covariance.base import Covariance
from .._covariance.read import forms_scatter
from .._covariance.samples import Samples
from .column_scale import column_scale
from .fit import fit_diagonal_noise
from .imputed_moments import MomentSums
from .judge import RobustModel
from .model import FactorFit
from .options import FitOptions
from .outlying_cells import CellModel, cell_threshold
from .row_noise import RowSpread, ScalePrior, scale_prior

__all__ = ["RobustFit", "fit_robust"]

# cells of the rows on which the first rounds run, and the fewest such rows
_FIRST_CELLS, _FIRST_ROWS = 2**20, 2000
# rounds on these rows, and then on all rows
_FIRST_ROUNDS, _ROUNDS = 6, 4
# robust deviations from the median from which a cell is hidden in the first fit
_START = 6.0
# share of hidden cells below which one round on all rows is enough
_FEW_HIDDEN = 0.002
# standard errors of a noise variance by which rounds may still change it
_SETTLED = 0.2
# accuracy of the fits of the rounds, in steps and standard errors
_STEPS, _TOL = 20, 0.3
# cells of a block of rows
_BLOCK_CELLS = 2**19
# degrees of freedom of the rows' noise before it is known
_FIRST_STRENGTH = 4.0


@dataclass(frozen=True)
class RobustFit:
    """Result of a robust fit.

    Parameters
    ----------
    fit : FactorFit
        Model of the typical row.
    covariance : Covariance
        Of the cleaned samples.
    judge : RobustModel
        By which new rows are judged.
    noise_variance : ndarray of shape (n_rows,) or None
        Of each row, in units of a typical row.
    outlying : csr_array of shape (n_rows, n_features) or None
        Standardised residuals of the outlying cells.
    """

    fit: FactorFit
    covariance: Covariance
    judge: RobustModel
    noise_variance: NDArray[np.float64] | None
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
    return _RobustEstimation(samples, n_components, robust, solver, options).result()


class _RobustEstimation:
    """Rounds of one robust fit."""

    def __init__(self, samples, n_components, robust, solver, options):
        self._samples, self._n_components, self._solver = samples, n_components, solver
        self._options = options
        self._rows, self._cells = robust in ("rows", True), robust in ("cells", True)
        X, weight = samples.values, samples.weight
        self._scale = column_scale(X, weight)
        self._threshold = cell_threshold(samples.total * samples.n_features)
        n_rows = max(_FIRST_ROWS, _FIRST_CELLS // samples.n_features)
        step = max(1, len(X) // n_rows)
        self._first = X[::step], None if weight is None else weight[::step]

    def result(self) -> RobustFit:
        """The fit."""
        judge = self._started()
        X, weight = self._first
        whole = len(X) == len(self._samples.values)
        judge = self._rounds(judge, X, weight, _FIRST_ROUNDS)
        return self._last(judge, whole)

    def _started(self):
        """First model: cells near the medians, rows by their size."""
        scale, n_features = self._scale, self._samples.n_features
        live = scale.deviation > 0
        deviation = np.where(live, scale.deviation, 1.0)
        empty = np.zeros((n_features, 0))
        bounds = np.full(n_features, _START)
        cells = CellModel(scale.centre, deviation, empty, bounds)
        prior = ScalePrior(1.0, _FIRST_STRENGTH, np.inf) if self._rows else None
        return RobustModel(cells, prior)

    def _rounds(self, judge, X, weight, n_rounds):
        """Rounds on some rows until the noise settles."""
        for _ in range(n_rounds):
            moments, prior, _ = self._read(judge, X, weight)
            fit = self._fitted(moments, judge)
            model = moments.corrected(fit.model)
            changed = np.abs(np.log(model.noise.variances / judge.cells.deviation**2)).max()
            judge = self._judge(model, prior)
            if changed <= _SETTLED * np.sqrt(2.0 / moments.covariance.n_samples):
                break
        return judge

    def _judge(self, model, prior):
        threshold = self._threshold if self._cells else np.inf
        return RobustModel(CellModel.of(model, threshold, self._scale.least_noise), prior)

    def _fitted(self, moments, judge):
        covariance = moments.covariance
        options = FitOptions(self._options.rng, _STEPS, _TOL * np.sqrt(2.0 / covariance.n_samples))
        count = self._n_components if isinstance(self._n_components, Integral) else "auto"
        return fit_diagonal_noise(covariance, count, options)

    def _blocks(self, X) -> Iterator[slice]:
        n_rows = max(1, _BLOCK_CELLS // X.shape[1])
        return (slice(i, min(i + n_rows, len(X))) for i in range(0, len(X), n_rows))

    def _read(self, judge, X, weight, keep=False):
        """Moments of cleaned rows, the prior of their noise, and what was found."""
        variances = weights = None
        prior = judge.prior
        if self._rows:
            parts = [judge.judged(X[rows])[1] for rows in self._blocks(X)]
            spread = RowSpread.joined(parts)
            prior = scale_prior(spread, weight)
            variances, weights = prior.variances(spread), prior.weights(spread)
        frequency = np.ones(len(X)) if weight is None else weight
        n_samples = float(frequency.sum())
        mean_weight = 1.0 if weights is None else float(frequency @ weights / n_samples)
        equal = weights is None or np.all(weights == 1.0)
        sums = MomentSums(
            judge.cells,
            n_samples,
            mean_weight,
            keeps_rows=not forms_scatter(self._samples.values, self._solver),
            fourth=not isinstance(self._n_components, Integral),
        )
        outlying = []
        for rows in self._blocks(X):
            found, _ = judge.judged(X[rows])
            sums.add(
                X[rows],
                found,
                None if weight is None else weight[rows],
                None if equal else weights[rows],
                None if equal else variances[rows],
            )
            if keep:
                outlying.append(_outlying(found))
        return sums.moments(weight), prior, (variances, weights, outlying)

    def _last(self, judge, whole):
        """Rounds on all rows; the last fit has the accuracy that was asked for."""
        X, weight = self._samples.values, self._samples.weight
        for _ in range(_ROUNDS):
            moments, prior, found = self._read(judge, X, weight, keep=True)
            if whole or moments.hidden <= _FEW_HIDDEN:
                break
            fit = self._fitted(moments, judge)
            judge = self._judge(moments.corrected(fit.model), prior)
            whole = True
        variances, _, outlying = found
        outlying = sparse.vstack(outlying, format="csr") if self._cells else None
        fit = fit_diagonal_noise(moments.covariance, self._n_components, self._options)
        model = moments.corrected(fit.model)
        return RobustFit(
            replace(fit, model=model),
            moments.covariance,
            self._judge(model, prior),
            variances,
            outlying,
        )


def _outlying(found):
    """Standardised residuals of the outlying cells of a block, as a sparse array."""
    residuals = np.where(found.hidden[found.searched], found.residuals, 0.0)
    rows, columns = np.nonzero(np.nan_to_num(residuals))
    return sparse.csr_array(
        (residuals[rows, columns], (found.searched[rows], columns)), shape=found.hidden.shape
    )
