"""fit and partial_fit of the reducers that need only the mean and covariance of the samples."""

from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._arrays import dtype_name
from .._base import fit_progress, fitted_state_kept_on_error
from .._sklearn_compat import fit_context
from .._typing import MatrixLike, VectorLike
from .._warnings import warn
from ..exceptions import ComponentsWarning, MissingValuesWarning
from ._chunked_fit import ChunkedFit
from ._covariance.read import covariance_of
from ._covariance.samples import read_samples, unobserved_text
from ._covariance.unit import in_range, in_unit, measured, unit_of, unit_of_mean
from ._dask import is_dask
from ._factor.diagnostics import count_warnings, fit_warnings, share_warnings
from ._factor_transformer import FactorTransformer
from ._moments import Moments, samples_of_moments
from ._outlier_scores import OutlierScoring

__all__ = ["MomentEstimator"]

# attributes of a robust fit that describe its rows
_OF_ROWS = ("sample_noise_", "outlying_cells_", "_screening")

_DROPPED = (
    "partial_fit cannot continue: drop_moments() removed what is needed of the earlier samples. "
    "Begin anew with a clone, or keep moments_ before they are dropped, add the moments of more "
    "samples, and call fit_moments."
)


def _unless_robust(method):
    """Condition of a method that reads no row twice; the error says why it is not there."""

    def condition(estimator):
        if robust := getattr(estimator, "robust", False):
            raise AttributeError(
                f"{method} cannot be used with robust={robust!r}: which cells and rows are "
                "outlying depends on all samples, which a robust fit reads several times. Use fit "
                "with all samples, in one array or in chunks of dask, or robust=False."
            )
        return True

    return available_if(condition)


@contextmanager
def _chunk_named(number):
    """Begin the message of an error about a chunk with the number of the chunk."""
    try:
        yield
    except (TypeError, ValueError) as error:
        # the same error, which keeps its type and its traceback
        error.args = (f"Chunk {number} of partial_fit, counted from 0, was refused: {error}",)
        raise


class MomentEstimator(ChunkedFit, OutlierScoring, FactorTransformer):
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

    #: whether drop_moments was called after the last fit
    _moments_dropped: bool = False

    #: how many chunks partial_fit has read since the last fit
    _n_chunks: int = 0

    def _read(self, X, y, sample_weight, streaming=False):
        """Validated Samples."""
        return read_samples(self, X, sample_weight, streaming=streaming)

    def _covariance_of(self, samples, on_step):
        """Covariance of the samples; mergeable if they are streaming."""
        return covariance_of(samples, self.solver, on_step)

    def _measured(self, samples, on_step):
        """The samples in a unit in which their squares are in range, and their covariance."""
        return measured(samples, lambda read: self._covariance_of(read, on_step))

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

    def _as_precise(self, samples):
        """The samples, for attributes in the widest float type of all chunks so far."""
        if not hasattr(self, "components_"):
            return samples
        dtype = np.result_type(dtype_name(self.components_), samples.dtype)
        return replace(samples, dtype=dtype.type)

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
            maps are read block by block. Arrays and data frames of dask are read chunk by chunk,
            several times if entries are missing or the fit is robust.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights: a weight of 2 is the same as the row written twice. Of dask, with the
            chunks of X, or in memory if X is of dask.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        if is_dask(X):
            return self._fit_chunks(X, y, sample_weight)
        with fitted_state_kept_on_error(self), fit_progress(self, X, y) as on_step:
            samples, covariance, fit = self._solved(self._read(X, y, sample_weight), on_step)
            self._set_model(fit, covariance, samples)
            kept = covariance.mergeable and fit.describes_covariance
            self._keep(covariance if kept else None, samples)
            self._n_samples_cold = covariance.n_samples
            self._warn_about(fit, covariance, samples)
            self._watch(samples)
        return self

    def _fit_chunks(self, X, y, sample_weight):
        """Fit to a collection of dask."""
        with fitted_state_kept_on_error(self), fit_progress(self) as on_step:
            for name in _OF_ROWS:
                vars(self).pop(name, None)
            chunks = self._row_chunks(X, y, sample_weight)
            samples, covariance, fit = self._solved_chunks(chunks, on_step)
            self._set_fit_without_rows(fit, covariance, samples)
            # complete rows that are not screened are read only once
            if samples.missing or getattr(self, "robust", False):
                self._watch(samples)
        return self

    @_unless_robust("fit_moments")
    @fit_context(prefer_skip_nested_validation=True)
    def fit_moments(self, moments: Moments) -> Self:
        """Fit to moments of samples that were read elsewhere: in chunks, files or other processes.

        The same solution as that of `fit` to all samples, as closely as two solutions agree, which
        is what `tol` promises. `partial_fit` can continue from it. Distances of training rows,
        which calibrate `outlier_scores` after a `fit`, are not known. With missing values the fit
        is that of the pairwise covariances, as by `partial_fit`; `fit`, which reads the rows, is
        more accurate.

        Parameters
        ----------
        moments : Moments
            Of at least two samples.

        Returns
        -------
        self : object
            The fitted estimator.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_contrastive import LinearContrastive
        >>> from sklearn_contrastive.linear import Moments
        >>> rng = np.random.default_rng(0)
        >>> X = rng.standard_normal((500, 1)) + 0.5 * rng.standard_normal((500, 6))
        >>> moments = Moments.from_array(X[:200]) + Moments.from_array(X[200:])
        >>> LinearContrastive(1, random_state=0).fit_moments(moments).n_samples_
        500
        """
        with fitted_state_kept_on_error(self), fit_progress(self) as on_step:
            samples, covariance = self._read_moments(moments)
            fit = self._fit_model(covariance, samples, None, on_step)
            for name in _OF_ROWS:
                vars(self).pop(name, None)
            self._set_fit_without_rows(fit, covariance, samples)
        return self

    def _set_fit_without_rows(self, fit, covariance, samples):
        """Set the attributes of a fit whose rows are not in memory, and emit its warnings."""
        self._set_model(fit, covariance, samples)
        self._keep(covariance if fit.describes_covariance else None, samples)
        self._n_samples_cold = covariance.n_samples
        self._training_distances = None
        self._warn_about(fit, covariance, samples)

    def _read_moments(self, moments):
        """Samples without rows that have the features of the moments, and the covariance."""
        samples = samples_of_moments(self, moments)
        return samples, moments.stored

    @property
    def moments_(self) -> Moments:
        """Moments of all samples so far, if they were kept: add more, save them, fit them."""
        return self._as_moments(self._kept_covariance())

    def _kept_covariance(self):
        check_is_fitted(self)
        if getattr(self, "_covariance", None) is None:
            raise AttributeError(
                f"This {type(self).__name__} has no moments_: its fit did not form the scatter "
                "matrix, or drop_moments() removed it. Compute Moments.from_array(X)."
            )
        return self._covariance

    def _as_moments(self, covariance):
        dtype = np.dtype(dtype_name(self.components_)).type
        return Moments(covariance, self._unit, dtype, getattr(self, "feature_names_in_", None))

    def drop_moments(self) -> Self:
        """Remove the moments of the samples, which only `partial_fit` and `moments_` need.

        They are most of the size of a fitted reducer in memory and in files: 8 n_features² bytes.

        Returns
        -------
        self : object
            The estimator; all other methods work as before.
        """
        self._check_fitted("drop_moments")
        self._covariance, self._moments_dropped = None, True
        return self

    def _keep(self, covariance, samples):
        """Keep the moments of all samples so far, if they can be added to."""
        self._covariance, self._unit = covariance, samples.unit
        self._moments_dropped, self._n_chunks = False, 0

    @_unless_robust("partial_fit")
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

        Raises
        ------
        ValueError
            If the chunk is refused. The message has its number: how many were read before it since
            the last fit. Those stay, and the estimator is as before the call.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y) as on_step:
            # fit_context skips this in the second call, when parameters may be other ones
            self._validate_params()
            earlier = hasattr(self, "n_features_in_")
            if earlier and getattr(self, "_covariance", None) is None:
                if hasattr(self, "components_"):
                    self._check_fitted("partial_fit")
                raise ValueError(_DROPPED if self._moments_dropped else self._cannot_continue)
            n_chunks = self._n_chunks
            with _chunk_named(n_chunks):
                samples = self._read(X, y, sample_weight, streaming=True)
                samples, covariance = self._merged(self._as_precise(samples), on_step)
            start = self._warm_start(covariance, samples)
            self._keep(covariance, samples)
            self._n_chunks = n_chunks + 1
            if covariance.n_samples > 1 and not self._has_unobserved(covariance, samples):
                fit = self._fit_model(covariance, samples, start, on_step)
                self._set_model(fit, covariance, samples)
                self._training_distances = None
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
