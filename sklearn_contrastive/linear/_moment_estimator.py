"""fit and partial_fit of the reducers that need only the mean and covariance of the samples."""

from abc import abstractmethod
from typing import ClassVar, Self

import numpy as np
from sklearn.utils.metaestimators import available_if

from .._base import fit_progress, fitted_state_kept_on_error
from .._sklearn_compat import fit_context
from .._typing import MatrixLike, VectorLike
from .._warnings import warn
from ..exceptions import ComponentsWarning, MissingValuesWarning
from ._covariance.read import covariance_of
from ._covariance.samples import read_samples, unobserved_text
from ._covariance.unit import in_range, in_unit, unit_of, unit_of_mean
from ._factor.diagnostics import count_warnings, fit_warnings, share_warnings
from ._factor_transformer import FactorTransformer

__all__ = ["MomentEstimator"]


def _may_continue(estimator):
    """Whether the estimator has partial_fit; the error says why not."""
    if robust := getattr(estimator, "robust", False):
        raise AttributeError(
            f"partial_fit cannot be used with robust={robust!r}: which cells and rows are outlying "
            "depends on all samples, which a robust fit reads several times. Use fit, or "
            "robust=False."
        )
    return True


class MomentEstimator(FactorTransformer):
    """Base of the reducers that need only the mean and covariance of the samples.

    A subclass has the parameters `n_components`, `solver` and those of `FactorTransformer`. It
    defines `_fit_model`, and may replace `_read` and `_covariance_of`.
    """

    #: message of partial_fit after a fit whose covariance cannot be added to
    _cannot_continue: ClassVar[str] = (
        "partial_fit cannot continue from a fit that did not form the (n_features, n_features) "
        "scatter, as this one did not (fewer samples than features, or large sparse X). Fit "
        'with solver="gram", or begin with partial_fit.'
    )

    def _read(self, X, y, sample_weight, streaming=False):
        """Validated Samples."""
        return read_samples(self, X, sample_weight, streaming=streaming)

    def _covariance_of(self, samples, on_step):
        """Covariance of the samples; mergeable if they are streaming."""
        return covariance_of(samples, self.solver, on_step)

    def _measured(self, samples, on_step):
        """The samples in a unit in which their squares are in range, and their covariance."""
        with np.errstate(over="ignore", invalid="ignore"):
            covariance = self._covariance_of(samples, on_step)
        if in_range(covariance, samples):
            return samples, covariance
        samples = in_unit(samples, unit_of(samples.values))
        return samples, self._covariance_of(samples, on_step)

    def _merged(self, samples, on_step):
        """The same for more samples: their covariance is that of the earlier ones too."""
        earlier, unit = getattr(self, "_covariance", None), getattr(self, "_unit", 1.0)
        read = samples if unit == 1.0 else in_unit(samples, unit)
        with np.errstate(over="ignore", invalid="ignore"):
            covariance = self._covariance_of(read, on_step)
            covariance = covariance if earlier is None else earlier + covariance
        if in_range(covariance, read):
            return read, covariance
        new = unit_of(samples.values)
        if earlier is not None:
            new = max(new, unit * unit_of_mean(earlier))
        read = in_unit(samples, new)
        covariance = self._covariance_of(read, on_step)
        return read, covariance if earlier is None else earlier.scaled(unit / new) + covariance

    @abstractmethod
    def _fit_model(self, covariance, samples, start, on_step):
        """FactorFit to the covariance, from the FactorModel `start` if there is one."""

    def _solved(self, samples, on_step):
        """Samples in a suitable unit, their covariance and the fit to it."""
        samples, covariance = self._measured(samples, on_step)
        return samples, covariance, self._fit_model(covariance, samples, None, on_step)

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: MatrixLike, y: VectorLike | None = None, sample_weight: VectorLike | None = None
    ) -> Self:
        """Learn the signal subspace and the noise of each feature.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples; NaN where an entry is missing. Sparse matrices (CSR, CSC) are
            centred implicitly, which loses digits where a mean exceeds its deviation; memory
            maps are read block by block.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights: a weight of 2 is the same as the row written twice.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y) as on_step:
            samples, covariance, fit = self._solved(self._read(X, y, sample_weight), on_step)
            self._set_model(fit, covariance, samples)
            kept = covariance.mergeable and fit.describes_covariance
            self._covariance = covariance if kept else None
            self._unit = samples.unit
            self._n_samples_cold = covariance.n_samples
            self._warn_about(fit, covariance, samples)
        return self

    @available_if(_may_continue)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: MatrixLike, y: VectorLike | None = None, sample_weight: VectorLike | None = None
    ) -> Self:
        """Learn from more samples; chunks in any order are equivalent to one `fit`.

        The moments are exact; two solutions agree to what `tol` promises. Keeps the
        (n_features, n_features) scatter of all samples so far and continues from a `fit`
        that formed it. Before the second sample the estimator is not fitted. Until there are more
        samples than features, `n_components_` may grow and no warning is given.

        With missing values the chunks are reduced to pairwise covariances: the order does not
        matter, but `fit`, which reads the rows, is more accurate. Until every pair of features has
        been observed together the estimator is not fitted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            More samples; one row is enough.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights.

        Returns
        -------
        self : object
            The estimator, fitted to all samples so far.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y) as on_step:
            earlier = hasattr(self, "n_features_in_")
            if earlier and getattr(self, "_covariance", None) is None:
                if hasattr(self, "components_"):
                    self._check_fitted("partial_fit")
                raise ValueError(self._cannot_continue)
            samples = self._read(X, y, sample_weight, streaming=True)
            samples, covariance = self._merged(samples, on_step)
            start = self._warm_start(covariance, samples)
            self._covariance, self._unit = covariance, samples.unit
            if covariance.n_samples > 1 and not self._has_unobserved(covariance, samples):
                fit = self._fit_model(covariance, samples, start, on_step)
                self._set_model(fit, covariance, samples)
                if start is None:
                    self._n_samples_cold = covariance.n_samples
                if covariance.n_samples > covariance.n_features:
                    # until then more samples change the solution: no warning per row
                    self._warn_about(fit, covariance, samples)
        return self

    def _warm_start(self, covariance, samples):
        """The last solution, unless it began with less than half of the samples.

        The likelihood may have several maxima; few samples may select one that all samples
        together would not. Pairwise covariances have more of them: no warm start.
        """
        if not covariance.semidefinite or not hasattr(self, "_model"):
            return None
        if samples.unit != self._unit:
            return None
        return None if covariance.n_samples >= 2 * self._n_samples_cold else self._model

    def _warn_about(self, fit, covariance, samples):
        """Emit the warnings about the solution."""
        found = fit_warnings(fit, self.n_components, samples.feature_names, covariance.n_samples)
        kept = float(samples.place.take(self.explained_variance_ratio_).sum())
        share = share_warnings(self.n_components, self.n_components_, kept)
        for category, text in (*found, *share):
            warn(text, category)
        # rows that were weighted by their noise have heavy tails by that alone
        if self.n_components == "auto" and fit.describes_covariance:
            for text in count_warnings(covariance, fit.n_requested, samples.feature_names):
                warn(text, ComponentsWarning)
        if self._variance_out_of_range():
            warn(
                "The variances of X leave the range of float64: noise_variance_ and other "
                "attributes in squared units are inf or 0. Scores, components_ and likelihoods are "
                "not affected. Change the units of X to read those attributes.",
                RuntimeWarning,
            )

    def _variance_out_of_range(self):
        """Whether float64 does not hold some noise variance in squared units of the input."""
        noise = self._in_squared_units(self._model.noise.variances, self._unit)
        return not np.all(np.isfinite(noise) & (noise > 0))

    def _has_unobserved(self, covariance, samples):
        """Whether some pairs of features have not been observed together yet, with a warning."""
        pairs = covariance.unobserved_pairs()
        if len(pairs):
            warn(
                f"Not fitted yet: {unobserved_text(pairs, samples.feature_names)}. More samples "
                "that have them are needed.",
                MissingValuesWarning,
            )
        return bool(len(pairs))
