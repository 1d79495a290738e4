"""outlier_scores: how far rows are from a fitted factor model, on a calibrated scale."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import sparse

from .._arrays import place_of
from .._typing import FloatArray, MatrixLike
from .._warnings import warn
from ..exceptions import OutlierWarning
from ._covariance.samples import validated
from ._factor.distance_tails import DistanceTails
from ._factor.row_distances import RowDistances, distances_of_rows, whitened_model
from ._factor.watched_rows import outlier_warning, watched
from ._factor_density import FactorDensity

__all__ = ["OutlierScores", "OutlierScoring"]

# training rows whose distances calibrate those of new rows; fewer where features are many
_WATCHED_ROWS, _FEWEST_WATCHED, _WATCHED_ENTRIES = 1000, 100, 2**17
# rows that are measured at once
_BLOCK_ROWS = 1024


@dataclass(frozen=True)
class OutlierScores:
    """Distances of rows from a factor model, and the shares of clean rows beyond them.

    Parameters
    ----------
    score_distance : ndarray of shape (n_samples,)
        Distance along the components from the mean, in standard deviations of the scores. Its
        square is Hotelling's T².
    orthogonal_distance : ndarray of shape (n_samples,)
        Distance from the subspace of the components, in standard deviations of the noise of each
        feature. Its square is Q, the squared prediction error, weighted by the noise.
    score_share, orthogonal_share : ndarray of shape (n_samples,)
        Expected share of clean rows with a larger distance, like a p-value: 0.5 is ordinary, 1e-6
        is an outlier. 1 where the row has no observed entry to tell.
    share : ndarray of shape (n_samples,)
        Expected share of clean rows for which the smaller of the two shares is as small.
    """

    score_distance: FloatArray
    orthogonal_distance: FloatArray
    score_share: FloatArray
    orthogonal_share: FloatArray
    share: FloatArray


class OutlierScoring(FactorDensity):
    """Base of the fitted factor models that measure distances of rows."""

    #: whether fit warns about rows and cells that affect the components
    _warns_about_outliers: ClassVar[bool] = False
    #: distances of some training rows, as if each had been left out; None if none were kept
    _training_distances: RowDistances | None = None

    def outlier_scores(self, X: MatrixLike) -> OutlierScores:
        """Distances of samples from the model, and the shares of clean samples beyond them.

        A sample may be far from the model in two ways. Along the components it is extreme, but
        the features agree as in training: the score distance is large. Orthogonal to them its
        features do not agree as in training, as when a sensor fails: the orthogonal distance is
        large. With missing entries both are measured in the observed features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New samples; NaN where an entry is missing. For samples that were fitted the shares
            are too large: each pulled the model towards itself.

        Returns
        -------
        scores : OutlierScores
            Arrays of shape (n_samples,): ``score_distance``, ``orthogonal_distance``,
            ``score_share``, ``orthogonal_share``, and ``share`` of both together.

        See Also
        --------
        outlier_limits : The distances that a given share of clean rows exceeds.
        score_samples : One number, the logarithm of the density of the Gaussian model.

        Notes
        -----
        Under the Gaussian model the squared distances are independent chi-squares. Real rows have
        heavier tails: `fit` keeps the distances of at most 1000 training samples, each as if it
        had been left out, and the shares are those of the F-distribution with their median and
        90 % point. Fewer than a tenth of bad training samples change it little. After
        `partial_fit` and `fit_moments`, and after a `fit` to complete chunks of dask, which read no
        row twice, the shares are those of the Gaussian model.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_contrastive import LinearContrastive
        >>> rng = np.random.default_rng(0)
        >>> factor = rng.standard_normal((500, 1))
        >>> X = factor @ np.ones((1, 6)) + 0.1 * rng.standard_normal((500, 6))
        >>> model = LinearContrastive(1, random_state=0).fit(X)
        >>> new = np.array([[1.0, 1, 1, 1, 1, 1], [9, 9, 9, 9, 9, 9], [1, 1, 1, 1, 1, 9]])
        >>> found = model.outlier_scores(new)
        >>> found.score_share < 0.001
        array([False,  True, False])
        >>> found.orthogonal_share < 0.001
        array([False, False,  True])
        """
        self._check_fitted("outlier_scores")
        self._check_place(X, "outlier_scores")
        X, _ = validated(self, X, reset=False)
        distances = self._distances(X)
        tails = self._distance_tails()
        score = tails.score.shares(distances.score, distances.n_scores)
        orthogonal = tails.orthogonal.shares(distances.orthogonal, distances.n_residuals)
        n_distances = (distances.n_scores > 0).astype(int) + (distances.n_residuals > 0)
        put = place_of(self.components_).put
        return OutlierScores(
            put(np.sqrt(distances.score)),
            put(np.sqrt(distances.orthogonal)),
            put(score),
            put(orthogonal),
            put(_share_of_both(np.minimum(score, orthogonal), n_distances)),
        )

    def outlier_limits(self, share: float = 0.01) -> tuple[float, float]:
        """Distances that clean rows seldom exceed: the control limits of a chart.

        Use them as lines in a plot of the distances over time. To decide about rows, use the
        shares of :meth:`outlier_scores`, which are valid for incomplete rows as well.

        Parameters
        ----------
        share : float, default=0.01
            Share of the clean rows that are expected beyond one of the two limits, in (0, 1).

        Returns
        -------
        score_limit : float
            Limit of ``score_distance`` of a complete row; 0 if there is no component.
        orthogonal_limit : float
            Limit of ``orthogonal_distance`` of a complete row.

        Raises
        ------
        ValueError
            If `share` is not between 0 and 1.

        See Also
        --------
        outlier_scores : The distances of rows, and the share of clean rows beyond them.

        Examples
        --------
        >>> from sklearn_contrastive import LinearContrastive
        >>> from sklearn_contrastive.datasets import make_spiked_covariance
        >>> X, _ = make_spiked_covariance(2000, 10, 2, signal=3.0, random_state=0)
        >>> model = LinearContrastive(2, random_state=0).fit(X[:1000])
        >>> score_limit, orthogonal_limit = model.outlier_limits(0.05)
        >>> found = model.outlier_scores(X[1000:])
        >>> beyond = found.score_distance > score_limit
        >>> beyond |= found.orthogonal_distance > orthogonal_limit
        >>> print(f"{beyond.mean():.3f}")
        0.049
        """
        self._check_fitted("outlier_limits")
        if not 0.0 < share < 1.0:
            raise ValueError(f"share={share!r} must be between 0 and 1, both excluded.")
        distances, tails = self._distances(self.mean_[None]), self._distance_tails()
        numbers = int(distances.n_scores[0]), int(distances.n_residuals[0])
        # each limit is exceeded by fewer rows: `share` are beyond one of the two
        each = -np.expm1(np.log1p(-share) / max(1, sum(number > 0 for number in numbers)))
        squares = (
            tails.score.square_at(each, numbers[0]),
            tails.orthogonal.square_at(each, numbers[1]),
        )
        return float(np.sqrt(squares[0])), float(np.sqrt(squares[1]))

    def _distances(self, X):
        """Squared distances of samples in the unit of the input."""
        place, white, parts = place_of(X), whitened_model(self._model), []
        for start in range(0, X.shape[0], _BLOCK_ROWS):
            block = X[start : min(start + _BLOCK_ROWS, X.shape[0]), :]
            block = block.toarray() if sparse.issparse(block) else place.take(block)
            parts.append(distances_of_rows(block.astype(np.float64) / self._unit, white))
        names = ("score", "orthogonal", "n_scores", "n_residuals")
        return RowDistances(*(np.concatenate([vars(p)[name] for p in parts]) for name in names))

    def _distance_tails(self):
        """Distribution of the distances of clean rows."""
        n_factors = self._model.loadings.shape[1]
        if self._training_distances is None:
            return DistanceTails.gaussian(self.n_samples_, n_factors)
        return DistanceTails.of(self._training_distances, self.n_samples_, n_factors)

    def _watch(self, samples):
        """Keep the distances of some training rows, and warn if bad data affect the components."""
        rows, numbers = _drawn(samples)
        if getattr(self, "robust", False):  # the distances are those of clean cells
            repaired = self._repaired(rows * self._unit)[0] / self._unit
            rows = np.where(repaired == rows, rows, np.nan)
        seen = watched(rows, numbers, whitened_model(self._model), self.n_samples_)
        self._training_distances = seen.distances
        dense = seen.along is not None and not sparse.issparse(samples.values)
        if self._warns_about_outliers and dense and (text := outlier_warning(seen)):
            warn(text, OutlierWarning)


def _drawn(samples):
    """Some rows of samples in float64, evenly spaced, and their positions."""
    if samples.chunks is None:
        numbers = _evenly_spaced(samples.total, samples.n_features, samples.weight)
        return _taken(samples, numbers), numbers
    weights = samples.chunks.map(_weight_of).compute()
    weights = [np.zeros(0) if weight is None else weight for weight in weights]
    weight, ends = np.concatenate(weights), np.cumsum([len(weight) for weight in weights])
    numbers = _evenly_spaced(weight.sum(), samples.n_features, weight)
    parts = np.split(numbers, np.searchsorted(numbers, ends[:-1]))
    own = [part - end + len(weight) for part, end, weight in zip(parts, ends, weights, strict=True)]
    drawn = samples.chunks.zip(own).map(_taken_of_chunk).compute()
    return np.concatenate([rows for rows in drawn if rows is not None]), numbers


def _weight_of(samples):
    return np.ones(samples.values.shape[0]) if samples.weight is None else samples.weight


def _taken_of_chunk(part):
    samples, numbers = part
    return _taken(samples, numbers)


def _evenly_spaced(total, n_features, weight):
    """Positions of some rows, evenly spaced; a row of weight 2 counts as two."""
    n_rows = max(_FEWEST_WATCHED, min(_WATCHED_ROWS, _WATCHED_ENTRIES // n_features))
    n_rows = max(1, min(n_rows, int(total)))
    positions = (np.arange(n_rows) + 0.5) * (total / n_rows)
    if weight is None:
        return positions.astype(np.intp)
    found = np.searchsorted(np.cumsum(weight), positions, side="right")
    return np.minimum(found, len(weight) - 1)


def _taken(samples, numbers):
    """Rows of the samples in float64."""
    values = samples.values
    if sparse.issparse(values):
        rows = values[numbers].toarray()
    elif samples.on_device:
        place = samples.place
        rows = place.take(place.xp.take(values, place.put(numbers), axis=0))
    else:
        rows = values[numbers]
    return np.asarray(rows, np.float64)


def _share_of_both(smaller, n_distances):
    """Share of rows whose smaller one of independent uniform shares is as small."""
    left = np.where(smaller < 1.0, smaller, 0.0)
    return np.where(smaller < 1.0, -np.expm1(n_distances * np.log1p(-left)), 1.0)
