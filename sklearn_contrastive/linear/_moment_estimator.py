"""Fitting from moments: what the reducers share, wherever their samples come from."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._arrays import ArrayPlace, dtype_name, place_of
from .._base import fit_progress, fitted_state_kept_on_error
from .._features import listed
from .._sklearn_compat import check_sample_weight, fit_context
from .._typing import MatrixLike, VectorLike
from ..exceptions import MissingValuesWarning
from ._covariance.device import DeviceRows, moments_on_device
from ._covariance.incomplete_rows import IncompleteRows, unseen_pairs
from ._covariance.missing import PairwiseMoments, pairwise_moments_of
from ._covariance.rows import rows_of
from ._covariance.scatter import SecondMoments, moments_of
from ._factor.diagnostics import findings
from ._factor.fit import warm_start
from ._factor_transformer import FactorTransformer

__all__ = ["MomentEstimator", "Samples"]


@dataclass(frozen=True)
class Samples:
    """Validated samples of one call.

    Parameters
    ----------
    values : array or sparse matrix of shape (n_rows, n_features)
        The rows; NaN where an entry is missing.
    weight : ndarray of shape (n_rows,) or None
        Frequency weights.
    missing : bool
        Whether entries are missing.
    place : ArrayPlace
        Where the rows were when they came.
    """

    values: Any
    weight: NDArray[np.float64] | None
    missing: bool
    place: ArrayPlace

    @property
    def total(self) -> float:
        """Number of samples; with weights, their sum."""
        return self.values.shape[0] if self.weight is None else self.weight.sum()

    @property
    def on_device(self) -> bool:
        """Whether the rows are elsewhere than NumPy's arrays."""
        return not place_of(self.values).is_numpy

    @property
    def dtype(self) -> type[np.floating]:
        """Float type of the attributes."""
        return np.dtype(dtype_name(self.values)).type


class MomentEstimator(FactorTransformer):
    """Base of the reducers that see samples through their mean and covariance alone.

    A subclass has the parameters `n_components`, `solver` and those of `FactorTransformer`, and
    says in `_estimate` what model the moments lead to.
    """

    #: kinds of moments that `partial_fit` goes on from
    _mergeable: ClassVar[tuple] = (SecondMoments, PairwiseMoments)

    @abstractmethod
    def _estimate(self, moments, samples, start, on_step):
        """FactorModel of moments; `samples` are all there are, or None where more were before."""

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: MatrixLike, y: VectorLike | None = None, sample_weight: VectorLike | None = None
    ) -> Self:
        """Learn the signal subspace and the noise of each feature.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples; NaN where an entry is missing. Sparse matrices (CSR, CSC) are
            centred implicitly, which costs the digits by which a mean exceeds its deviation;
            memory maps are read block by block.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights: a weight of 2 is the same as the row written twice.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    def _fit(self, X, y, sample_weight):
        with fitted_state_kept_on_error(self), fit_progress(self, X, y) as progress:
            samples = self._samples(X, y, sample_weight, reset=True)
            if samples.total <= 1:
                raise ValueError(_too_few(samples.total))
            self._check_parameters(samples.total, samples.values.shape[1])
            moments = self._moments_of(samples, progress.step)
            self._fit_moments(moments, samples, progress.step)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: MatrixLike, y: VectorLike | None = None, sample_weight: VectorLike | None = None
    ) -> Self:
        """Learn from more samples; any chunks in any order give what one `fit` would.

        Keeps the (n_features, n_features) scatter of all samples so far and goes on from a `fit`
        that formed it. Until the second sample the estimator counts as not fitted; until there are
        more samples than features `n_components_` may grow and no warning is given.

        With missing values the chunks give what the covariances of the pairs of features hold:
        the order does not matter, but `fit`, which sees the rows, is more accurate. Until every
        pair of features has been seen together the estimator counts as not fitted.

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
            The estimator, up to date with all samples seen.
        """
        return self._partial_fit(X, y, sample_weight)

    def _partial_fit(self, X, y, sample_weight):
        with fitted_state_kept_on_error(self), fit_progress(self, X, y) as progress:
            first = not hasattr(self, "n_features_in_")
            if not first and self._moments is None:
                self._explain_no_going_on()
            samples = self._samples(X, y, sample_weight, reset=first)
            self._check_parameters(np.inf, samples.values.shape[1])
            moments = self._mergeable_moments(samples, progress.step)
            if not first:
                moments = self._moments + moments
            if moments.n_samples <= 1 or self._waits_for_pairs(moments):
                self._moments = moments
            else:
                self._fit_moments(moments, samples, progress.step, streaming=True)
        return self

    def _fit_moments(self, moments, samples, on_step, streaming=False):
        """Set everything that follows from the moments; nothing else knows where they came from."""
        start = self._warm_start(moments) if streaming else None
        model = self._estimate(moments, None if streaming else samples, start, on_step)
        incomplete = isinstance(moments, PairwiseMoments | IncompleteRows)
        # the covariance of pairs may be indefinite, that of the model is not
        described = model if incomplete else moments
        self._set_factor_model(model, described, moments.n_samples, samples.dtype, samples.place)
        self._moments = moments if isinstance(moments, self._mergeable) else None
        if start is None:
            self._n_samples_cold = moments.n_samples
        if not streaming or moments.n_samples > moments.n_features:
            # until then more samples are what the solution needs, and a warning a row says nothing
            names = getattr(self, "feature_names_in_", None)
            for category, text in findings(model, self.n_components, names, moments.n_samples):
                warnings.warn(text, category, stacklevel=5)

    def _explain_no_going_on(self):
        """Refuse partial_fit after a fit that did not keep what it needs."""
        raise ValueError(
            "partial_fit cannot go on from a fit that did not form the (n_features, n_features) "
            "scatter, as this one did not (fewer samples than features, or large sparse X). Fit "
            'with solver="gram", or begin with partial_fit.'
        )

    def _warm_start(self, moments):
        """The last solution, unless it stems from a start with less than half of the samples.

        The likelihood may have several maxima; few samples could lead to one that all samples
        together would not choose. Covariances of pairs have more of them: they always start anew.
        """
        if isinstance(moments, PairwiseMoments):
            return None
        if not hasattr(self, "components_") or moments.n_samples >= 2 * self._n_samples_cold:
            return None
        return warm_start(moments, self._model.loadings, self._model.noise.variances)

    def _samples(self, X, y, sample_weight, *, reset):
        """Validated samples and weights."""
        place = place_of(X)
        X, missing = self._validated(X, reset=reset)
        if missing and not place.is_numpy:
            X = place.take(X)  # rows of their own patterns are solved on the host
        if sample_weight is None:
            return Samples(X, None, missing, place)
        weight = place_of(sample_weight).take(sample_weight)
        weight = check_sample_weight(
            weight, np.empty((X.shape[0], 0)), dtype=np.float64, ensure_non_negative=True
        )
        if missing and not weight.all():  # what counts for nothing must not look observed
            X, weight = X[weight > 0], weight[weight > 0]
        return Samples(X, weight, missing, place)

    def _check_parameters(self, n_samples, n_features):
        """Refuse what parameter validation alone cannot."""
        if isinstance(self.n_components, str) and self.n_components == "mle":
            raise ValueError(
                "n_components='mle' assumes equal noise in every feature; use \"auto\", which does "
                "not."
            )
        largest = int(min(n_samples, n_features))
        if isinstance(self.n_components, Integral) and self.n_components > largest:
            raise ValueError(
                f"n_components={self.n_components} must be between 0 and "
                f"min(n_samples, n_features)={largest}."
            )

    def _moments_of(self, samples, on_step):
        """Moments in the form that suits the samples, and the refusal of too incomplete ones."""
        X, weight = samples.values, samples.weight
        if self._forms_gram(X):
            moments = self._mergeable_moments(samples, on_step)
            unseen = moments.unseen_pairs() if samples.missing else ()
        elif samples.missing:
            unseen = unseen_pairs(X)
            moments = IncompleteRows(X, weight) if not len(unseen) else None
        elif samples.on_device:
            return DeviceRows(X, weight, samples.place)
        else:
            return rows_of(X, weight)
        if len(unseen):
            raise ValueError(_unseen(unseen, getattr(self, "feature_names_in_", None)))
        return moments

    def _mergeable_moments(self, samples, on_step):
        """Moments that hold d x d matrices, and can be added to those of other samples."""
        X, weight = samples.values, samples.weight
        if samples.missing:
            return pairwise_moments_of(X, weight, on_step)
        if samples.on_device:
            return moments_on_device(X, weight, samples.place, on_step)
        return moments_of(X, weight, on_step)

    def _forms_gram(self, X):
        """Whether the (n_features, n_features) scatter is worth its memory and its product."""
        if self.solver != "auto":
            return self.solver == "gram"
        n_samples, n_features = X.shape
        affordable = not sparse.issparse(X) or n_features**2 <= max(4 * X.nnz, 500**2)
        return n_samples >= n_features and affordable

    def _waits_for_pairs(self, moments):
        """Whether the samples so far leave pairs of features unseen, which is told."""
        unseen = moments.unseen_pairs() if isinstance(moments, PairwiseMoments) else ()
        if not len(unseen):
            return False
        names = getattr(self, "feature_names_in_", None)
        warnings.warn(
            f"Not fitted yet: {_described(unseen, names)}. More samples that show them are needed.",
            MissingValuesWarning,
            stacklevel=5,
        )
        return True


def _described(pairs, names):
    """What was not seen: single features where there are such, pairs of them else."""
    never = pairs[pairs[:, 0] == pairs[:, 1], 0]
    if len(never):
        return f"{listed(never, names)} {'is' if len(never) == 1 else 'are'} never observed"
    shown = [f"({', '.join(str(i if names is None else names[i]) for i in p)})" for p in pairs[:3]]
    more = f" and {len(pairs) - 3} more" if len(pairs) > 3 else ""
    return f"no sample shows both features of the pairs {', '.join(shown)}{more}"


def _unseen(pairs, names):
    """What to say, and to do, where pairs of features were never seen together."""
    return (
        f"Too much of X is missing: {_described(pairs, names)}. A covariance needs samples that "
        "show both features; drop one of them, or add samples."
    )


def _too_few(n_samples):
    """What to say where no variance can be computed."""
    if float(n_samples).is_integer() and n_samples >= 0:
        return f"Found array with {int(n_samples)} sample(s) while a minimum of 2 is required."
    return f"The sum of sample_weight is {n_samples:g}, but frequency weights must exceed 1 in all."
