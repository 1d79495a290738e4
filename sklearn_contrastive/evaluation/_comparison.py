"""Does a representation help on these data? Several, on the same splits and labels."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from .._install import needs
from .._typing import ArrayLike, DataFrame, FloatArray, RandomState, VectorLike
from ._probes import LabelEfficiency
from ._resampled import corrected_intervals, sign_flip_p_values
from ._split_task import SplitTask

__all__ = ["RepresentationComparison", "compare_representations"]

# seconds before the first report, and between two
_PAUSE = 10.0


@dataclass(frozen=True, eq=False)
class RepresentationComparison:
    """Scores of several representations on the same splits, and their differences.

    Parameters
    ----------
    baseline : str
        Name of the representation that the others are compared with.
    n_labels : ndarray of shape (n_sizes,)
        Numbers of labelled samples.
    scores : dict of str to ndarray of shape (n_sizes, n_splits)
        Accuracy, or R², on the test samples of each split, by the name of the representation.
    p_values : dict of str to ndarray of shape (n_sizes,)
        Of the permutation test against the baseline, by the name of the other representation.
    test_ratio : float
        Number of test samples over that of the other samples.
    confidence_level : float
        Probability with which all intervals hold together.
    metric : str
        "accuracy" or "R²".
    """

    baseline: str
    n_labels: NDArray[np.integer]
    scores: dict[str, FloatArray]
    p_values: dict[str, FloatArray]
    test_ratio: float
    confidence_level: float
    metric: str

    @property
    def curves(self) -> dict[str, LabelEfficiency]:
        """The scores by number of labels, for `LabelEfficiencyDisplay`."""
        return {name: LabelEfficiency(self.n_labels, each) for name, each in self.scores.items()}

    def intervals(self) -> dict[str, FloatArray]:
        """Mean difference from the baseline, and its corrected interval.

        Returns
        -------
        intervals : dict of str to ndarray of shape (n_sizes, 3)
            Mean difference, lower and upper limit, by the name of the other representation.
        """
        others = [name for name in self.scores if name != self.baseline]
        n_intervals = len(others) * len(self.n_labels)
        level = 1.0 - (1.0 - self.confidence_level) / n_intervals
        return {
            name: corrected_intervals(
                self.scores[name] - self.scores[self.baseline], self.test_ratio, level
            )
            for name in others
        }

    def frame(self) -> DataFrame:
        """All numbers as a pandas data frame.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each number of labels and representation. Columns: mean and standard deviation
            of the scores over the splits; then difference from the baseline, the limits of its
            interval and the p value, NaN for the baseline itself.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        if find_spec("pandas") is None:
            raise ImportError(needs("frame", "pandas", "pandas"))
        import pandas as pd

        intervals, rows = self.intervals(), []
        for size, n_labels in enumerate(self.n_labels):
            for name, curve in self.curves.items():
                low_high = intervals[name][size] if name in intervals else np.full(3, np.nan)
                p_value = self.p_values[name][size] if name in intervals else np.nan
                rows.append((n_labels, name, curve.mean[size], curve.std[size], *low_high, p_value))
        columns = ["n_labels", "representation", self.metric, "std"]
        columns += ["difference", "lower", "upper", "p_value"]
        return pd.DataFrame(rows, columns=columns).set_index(columns[:2])

    def verdict(self) -> str:
        """What the intervals show, a line for each number of labels and representation.

        Returns
        -------
        verdict : str
            A difference is named only where its interval is on one side of 0.
        """
        lines = []
        n_splits = self.scores[self.baseline].shape[1]
        for name, intervals in self.intervals().items():
            for n_labels, (mean, low, high) in zip(self.n_labels, intervals, strict=True):
                limits = f"{low:+.3f} to {high:+.3f}"
                if low <= 0.0 <= high:
                    found = f"no difference from {self.baseline} that {n_splits} splits can show"
                    found += f" ({limits})"
                else:
                    side = "above" if mean > 0 else "below"
                    found = f"{abs(mean):.3f} {side} {self.baseline} ({limits})"
                lines.append(f"{n_labels} labels: {name}: {found}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.verdict()


def compare_representations(
    representations: Mapping[str, Any],
    X: Any,
    y: VectorLike,
    *,
    n_labels: int | Sequence[int] | None = None,
    estimator: BaseEstimator | None = None,
    groups: ArrayLike | None = None,
    baseline: str | None = None,
    n_splits: int = 10,
    test_size: float = 0.25,
    confidence_level: float = 0.95,
    n_jobs: int | None = None,
    random_state: RandomState = None,
    verbose: bool = True,
) -> RepresentationComparison:
    """Does a representation help on these data? Compare several on the same splits.

    In each split, a transformer is fitted to all training samples without their labels, and an
    estimator to those that count as labelled. All representations get the same samples.

    Parameters
    ----------
    representations : dict of str to transformer, array or "passthrough"
        What to compare, by name. A transformer is cloned. One that needs labels, such as
        LinearDiscriminantAnalysis, is fitted to the labelled samples, and one with the parameter
        `unlabelled` to all training samples, with -1 for those without a label. An array is a
        representation of X that was learned without labels before. "passthrough" is X itself.
    X : array-like, sparse matrix, data frame or list of shape (n_samples, ...)
        The samples: whatever the transformers take.
    y : array-like of shape (n_samples,)
        Labels, or numbers to predict.
    n_labels : int, sequence of int or None, default=None
        Numbers of labelled samples; None labels all training samples. The smaller sets are subsets
        of the larger ones, and those of labels are stratified.
    estimator : classifier or regressor, default=None
        Fitted to the representations of the labelled samples. None is a linear model of
        standardised components with a penalty chosen by cross-validation: logistic regression,
        or ridge regression if y is continuous.
    groups : array-like of shape (n_samples,), default=None
        Samples of one group, such as the photographs of one person, are all in the training part
        or all in the test part.
    baseline : str, default=None
        Name of the representation to compare the others with. None is the first.
    n_splits : int, default=10
        Number of random splits, at least 2.
    test_size : float, default=0.25
        Share of the samples, or of the groups, to test on.
    confidence_level : float, default=0.95
        Probability with which all intervals hold together (Bonferroni).
    n_jobs : int or None, default=None
        Number of splits at the same time, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Draws splits, labelled samples and permutations. That of a transformer is its parameter.
    verbose : bool, default=True
        Whether a comparison that takes more than ten seconds tells on stderr how much is left.

    Returns
    -------
    comparison : RepresentationComparison
        Scores, intervals, p values, and a verdict in words.

    Raises
    ------
    ValueError
        If arguments do not fit each other, or numbers of labels the samples. An error of a
        transformer or of the estimator has a note with the name of the representation.

    See Also
    --------
    label_efficiency_curve : Of one representation, on one split.
    sklearn_contrastive.plotting.LabelEfficiencyDisplay : Draws `curves` of the result.

    Notes
    -----
    Splits overlap, so that the ordinary standard error of a mean over splits is too small. The
    variance of the mean difference is taken as (1/J + n_test/n_train) S², with J splits and S² the
    variance of the differences [1]_, equation 9; its interval is of Student's t with J - 1 degrees
    of freedom.

    The permutation test asks another question: would these trained representations differ on other
    test samples? The differences of each sample, or of each group, get random signs.

    R² is 1 - squared error / variance, with the variance of all of y.

    References
    ----------
    .. [1] Nadeau and Bengio (2003), "Inference for the Generalization Error", Machine Learning 52.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.evaluation import compare_representations
    >>> X, y = load_wine(return_X_y=True)
    >>> reducers = {"PCA": PCA(2), "LinearContrastive": LinearContrastive(2, random_state=0)}
    >>> comparison = compare_representations(reducers, X, y, n_labels=50, random_state=0)
    >>> bool(comparison.scores["LinearContrastive"].mean() > 0.9)
    True
    >>> "above PCA" in comparison.verdict()
    True
    """
    task = SplitTask.of(representations, X, y, n_labels, estimator)
    baseline = next(iter(task.representations)) if baseline is None else baseline
    if baseline not in task.representations or len(task.representations) < 2:
        raise ValueError(
            "representations must hold at least two, and the baseline among them; got "
            f"{list(task.representations)} and baseline={baseline!r}."
        )
    if not 0.0 < confidence_level < 1.0:
        raise ValueError(f"confidence_level={confidence_level!r} must be between 0 and 1.")
    rng = check_random_state(random_state)
    parts = task.splits(groups, n_splits, test_size, rng)
    n_labels = task.numbers_of_labels(parts)
    calls = [delayed(task.sample_scores)(*part, n_labels) for part in parts]
    results = Parallel(n_jobs=n_jobs, return_as="generator")(calls)
    sample_scores = list(_reported(results, n_splits) if verbose else results)
    # a unit of the permutation test is a group or a sample
    _, units = np.unique(
        np.arange(task.n_samples) if groups is None else groups, return_inverse=True
    )
    # those of the test samples of all splits, one after another
    tested = np.concatenate([units[test] for _, test in parts])
    scores, p_values = {}, {}
    first = list(task.representations).index(baseline)
    for i, name in enumerate(task.representations):
        scores[name] = np.stack([each[i].mean(axis=1) for each in sample_scores], axis=1)
        if name != baseline:
            gaps = np.concatenate([each[i] - each[first] for each in sample_scores], axis=1)
            sums = np.stack([np.bincount(tested, row) for row in gaps], axis=1)
            p_values[name] = sign_flip_p_values(sums, rng)
    n_test = np.mean([len(test) for _, test in parts])
    return RepresentationComparison(
        baseline,
        n_labels,
        scores,
        p_values,
        float(n_test / (task.n_samples - n_test)),
        confidence_level,
        "R²" if task.regression else "accuracy",
    )


def _reported(results, n_splits) -> Iterator:
    """Yield the results; after ten seconds tell how much is left, now and then."""
    began = told = time.perf_counter()
    for done, result in enumerate(results, start=1):
        yield result
        now = time.perf_counter()
        if now - told >= _PAUSE and done < n_splits:
            told, left = now, (now - began) / done * (n_splits - done)
            message = f"compare_representations: split {done} of {n_splits}, {left:.0f} s left"
            print(message, file=sys.stderr, flush=True)
