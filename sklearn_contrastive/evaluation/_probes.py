"""Linear probe, k-NN accuracy and label efficiency."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler
from sklearn.utils import check_random_state, check_X_y
from sklearn.utils.multiclass import check_classification_targets

from .._typing import ArrayLike, FloatArray, RandomState
from ._labels import numbers_of_labels, refuse_missing_labels, stratified_order

__all__ = [
    "LabelEfficiency",
    "knn_accuracy",
    "label_efficiency_curve",
    "leave_one_out_knn_accuracy",
    "linear_probe",
]

AUTO_C = (1e-3, 1e-2, 1e-1, 1.0)


def linear_probe(
    H_train: ArrayLike,
    y_train: ArrayLike,
    H_test: ArrayLike,
    y_test: ArrayLike,
    *,
    C: float | Literal["auto"] = 1.0,
    max_iter: int = 1000,
    scaling: Literal["columns", "rows"] = "columns",
) -> float:
    """Accuracy of logistic regression on scaled representations.

    Parameters
    ----------
    H_train : array-like of shape (n_train, n_components)
        Representations of the labelled samples.
    y_train : array-like of shape (n_train,)
        Their labels, of two classes or more.
    H_test : array-like of shape (n_test, n_components)
        Representations of the samples to classify.
    y_test : array-like of shape (n_test,)
        Their labels; a class that is not in `y_train` cannot be predicted.
    C : float or "auto", default=1.0
        Inverse strength of the penalty. "auto" chooses .001, .01, .1 or 1 by stratified
        cross-validation of the labelled samples; it costs about fifteen times as much.
    max_iter : int, default=1000
        Largest number of iterations; scikit-learn warns where it is too small.
    scaling : {"columns", "rows"}, default="columns"
        "columns" standardises each feature, whatever its unit. "rows" centres the features and
        gives all rows one length, as in cosine similarity: better with few labels where features
        of small variance say little. 100 labels of Fashion-MNIST on components of PCA: 0.52 with
        columns, 0.70 with rows (`benchmarks.images.fashion_mnist`).

    Returns
    -------
    accuracy : float
        Share of the test samples that are classified correctly.

    Raises
    ------
    ValueError
        If samples and labels do not fit, there is one class only, scaling is unknown, or C="auto"
        and a class has one sample.

    See Also
    --------
    knn_accuracy : Needs no training and no penalty.
    label_efficiency_curve : The same with few labels.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive.evaluation import linear_probe
    >>> X, y = load_digits(return_X_y=True)
    >>> round(linear_probe(X[:500], y[:500], X[500:], y[500:]), 1)
    0.9
    """
    H_train, y_train, H_test, y_test = _checked(H_train, y_train, H_test, y_test)
    classes, counts = np.unique(y_train, return_counts=True)
    if len(classes) < 2:
        raise ValueError(f"The labelled samples are all of class {classes[0]}; give two classes.")
    if scaling not in ("columns", "rows"):
        raise ValueError(f'scaling={scaling!r} must be "columns" or "rows".')
    scaled = StandardScaler() if scaling == "columns" else _unit_rows(H_train.shape[1])
    probe = make_pipeline(scaled, LogisticRegression(max_iter=max_iter))
    if C == "auto":
        probe = searched(probe, counts.min())
    else:
        probe.set_params(logisticregression__C=C)
    return float(probe.fit(H_train, y_train).score(H_test, y_test))


def knn_accuracy(
    H_train: ArrayLike,
    y_train: ArrayLike,
    H_test: ArrayLike,
    y_test: ArrayLike,
    *,
    n_neighbors: int = 10,
) -> float:
    """Accuracy of a k-nearest-neighbour classifier with cosine similarity.

    Parameters
    ----------
    H_train : array-like of shape (n_train, n_components)
        Representations of the labelled samples.
    y_train : array-like of shape (n_train,)
        Their labels.
    H_test : array-like of shape (n_test, n_components)
        Representations of the samples to classify.
    y_test : array-like of shape (n_test,)
        Their labels.
    n_neighbors : int, default=10
        Number of neighbours, one vote each. A tie goes to the smallest of the labels.

    Returns
    -------
    accuracy : float
        Share of the test samples that are classified correctly.

    Raises
    ------
    ValueError
        If samples and labels do not fit, or there are fewer labelled samples than neighbours.

    See Also
    --------
    linear_probe : Learns a weight for each direction.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive.evaluation import knn_accuracy
    >>> X, y = load_digits(return_X_y=True)
    >>> round(knn_accuracy(X[:500], y[:500], X[500:], y[500:]), 1)
    0.9
    """
    H_train, y_train, H_test, y_test = _checked(H_train, y_train, H_test, y_test)
    if n_neighbors > len(H_train):
        raise ValueError(
            f"n_neighbors={n_neighbors} is more than the {len(H_train)} labelled samples."
        )
    return _vote_accuracy(H_train, y_train, H_test, y_test, n_neighbors)


def leave_one_out_knn_accuracy(H: FloatArray, y: ArrayLike, *, n_neighbors: int = 10) -> float:
    """Accuracy of the vote of the nearest other representations; fewer where there are fewer."""
    return _vote_accuracy(H, y, None, y, min(n_neighbors, len(H) - 1))


def _vote_accuracy(H_train, y_train, H_test, y_test, n_neighbors):
    """Accuracy of the nearest neighbours by cosine; H_test=None leaves each training row out."""
    voters = KNeighborsClassifier(n_neighbors, metric="cosine", algorithm="brute")
    return float(voters.fit(H_train, y_train).score(H_test, y_test))


@dataclass(frozen=True, eq=False)
class LabelEfficiency:
    """Accuracy of the linear probe by the number of labels, draw by draw.

    Parameters
    ----------
    n_labels : ndarray of shape (n_sizes,)
        Numbers of labelled samples.
    accuracy : ndarray of shape (n_sizes, n_draws)
        Accuracy on the test samples with each draw of the labelled ones.

    Attributes
    ----------
    mean : ndarray of shape (n_sizes,)
        Mean over the draws.
    std : ndarray of shape (n_sizes,)
        Standard deviation over the draws (ddof=1); NaN for one draw.
    """

    n_labels: NDArray[np.integer]
    accuracy: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Mean over the draws."""
        return self.accuracy.mean(axis=1)

    @property
    def std(self) -> FloatArray:
        """Standard deviation over the draws."""
        if self.accuracy.shape[1] == 1:
            return np.full(len(self.n_labels), np.nan)
        return self.accuracy.std(axis=1, ddof=1)


def label_efficiency_curve(
    H_train: ArrayLike,
    y_train: ArrayLike,
    H_test: ArrayLike,
    y_test: ArrayLike,
    *,
    n_labels: Sequence[int] = (100, 1000, 5000),
    n_draws: int = 5,
    C: float | Literal["auto"] = 1.0,
    max_iter: int = 1000,
    scaling: Literal["columns", "rows"] = "columns",
    random_state: RandomState = None,
) -> LabelEfficiency:
    """Accuracy of the linear probe by the number of labelled samples.

    The labelled samples are a stratified random draw with at least one sample of each class.
    Within a draw the smaller sets are subsets of the larger ones, so that differences along the
    curve do not come from the draw.

    Parameters
    ----------
    H_train : array-like of shape (n_train, n_components)
        Representations of the samples that may be labelled.
    y_train : array-like of shape (n_train,)
        Their labels.
    H_test : array-like of shape (n_test, n_components)
        Representations of the samples to classify.
    y_test : array-like of shape (n_test,)
        Their labels.
    n_labels : sequence of int, default=(100, 1000, 5000)
        Numbers of labelled samples, each at least the number of classes.
    n_draws : int, default=5
        Number of draws.
    C : float or "auto", default=1.0
        As in :func:`linear_probe`.
    max_iter : int, default=1000
        As in :func:`linear_probe`.
    scaling : {"columns", "rows"}, default="columns"
        As in :func:`linear_probe`.
    random_state : int, RandomState instance or None, default=None
        Draws the labelled samples. Pass an int to compare representations on the same samples.

    Returns
    -------
    curve : LabelEfficiency
        The accuracies, with their mean and standard deviation over the draws.

    Raises
    ------
    ValueError
        If a number of labels exceeds the samples or is less than the classes, n_draws is below 1,
        or samples and labels do not fit.

    See Also
    --------
    linear_probe : With all labels.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive.evaluation import label_efficiency_curve
    >>> X, y = load_digits(return_X_y=True)
    >>> curve = label_efficiency_curve(
    ...     X[:900], y[:900], X[900:], y[900:], n_labels=(20, 200), n_draws=3, random_state=0
    ... )
    >>> curve.accuracy.shape
    (2, 3)
    >>> bool(curve.mean[0] < curve.mean[1])
    True
    """
    H_train, y_train, H_test, y_test = _checked(H_train, y_train, H_test, y_test)
    sizes = numbers_of_labels(n_labels, len(np.unique(y_train)), len(H_train))
    if n_draws < 1:
        raise ValueError(f"n_draws={n_draws} must be at least 1.")
    rng = check_random_state(random_state)
    accuracy = np.empty((len(sizes), n_draws))
    for draw in range(n_draws):
        order = stratified_order(y_train, rng)
        for row, size in enumerate(sizes):
            labelled = order[:size]
            accuracy[row, draw] = linear_probe(
                H_train[labelled],
                y_train[labelled],
                H_test,
                y_test,
                C=C,
                max_iter=max_iter,
                scaling=scaling,
            )
    return LabelEfficiency(sizes, accuracy)


def _checked(H_train, y_train, H_test, y_test):
    """Arguments as arrays, or an error that names the fault."""
    for name, labels in (("y_train", y_train), ("y_test", y_test)):
        refuse_missing_labels(name, labels)
    H_train, y_train = check_X_y(H_train, y_train, dtype=(np.float64, np.float32))
    H_test, y_test = check_X_y(H_test, y_test, dtype=(np.float64, np.float32))
    if H_train.shape[1] != H_test.shape[1]:
        raise ValueError(
            f"H_train has {H_train.shape[1]} components and H_test {H_test.shape[1]}; they must be "
            "representations by the same encoder."
        )
    check_classification_targets(y_train)
    return H_train, y_train, H_test, y_test


def _unit_rows(n_features):
    """Centred rows of a length at which features have variance 1 on the mean, as penalties need."""
    return make_pipeline(
        StandardScaler(with_std=False),
        Normalizer(),
        FunctionTransformer(partial(np.multiply, np.sqrt(n_features))),
    )


def searched(probe: Pipeline, smallest_class: int) -> GridSearchCV:
    """The probe with its penalty chosen by cross-validation."""
    if smallest_class < 2:
        raise ValueError(
            'C="auto" needs at least two labelled samples of each class; give a float.'
        )
    grid = {"logisticregression__C": AUTO_C}
    return GridSearchCV(probe, grid, cv=StratifiedKFold(min(5, int(smallest_class))))
