"""One split of a comparison: fit each representation, then the estimator, and score samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone, is_regressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import column_or_1d, get_tags
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._sklearn_compat import n_rows, safe_indexing
from .._typing import ArrayLike, FloatArray, VectorLike
from ._labels import numbers_of_labels, refuse_missing_labels, stratified_order
from ._probes import searched

__all__ = ["SplitTask"]

# of ridge regression, on standardised components
_PENALTIES = np.logspace(-2, 4, 13)


@dataclass(frozen=True, eq=False)
class SplitTask:
    """What every split of a comparison shares.

    Parameters
    ----------
    representations : dict of str to transformer, array or "passthrough"
        What is compared.
    X : array-like of shape (n_samples, ...)
        Samples.
    y : ndarray of shape (n_samples,)
        Codes of the classes from 0, or numbers to predict.
    classes : ndarray of shape (n_classes,) or None
        The classes; None for numbers.
    n_labels : int, sequence of int or None
        Numbers of labelled samples; None for all.
    estimator : classifier, regressor or None
        Fitted to representations; None is a linear model.
    """

    representations: Mapping[str, Any]
    X: Any
    y: NDArray
    classes: NDArray | None
    n_labels: int | Sequence[int] | None
    estimator: BaseEstimator | None

    @classmethod
    def of(
        cls,
        representations: Mapping[str, Any],
        X: Any,
        y: VectorLike,
        n_labels: int | Sequence[int] | None,
        estimator: BaseEstimator | None,
    ) -> Self:
        """The task of these arguments, or an error that says which of them is wrong."""
        refuse_missing_labels("y", y)
        y = column_or_1d(y)
        if n_rows(X) != len(y):
            raise ValueError(f"X has {n_rows(X)} samples, but y has {len(y)} labels.")
        for name, each in representations.items():
            _check_representation(name, each, len(y))
        kind = type_of_target(y)
        if estimator is None and kind == "multiclass" and y.dtype.kind == "f":
            raise ValueError(
                "y holds whole numbers as floats, which may be labels or numbers to predict. Give "
                "y.astype(int) for labels, or a regressor, such as RidgeCV(), as estimator."
            )
        continuous = kind == "continuous"
        if continuous if estimator is None else is_regressor(estimator):
            return cls(representations, X, y.astype(np.float64), None, n_labels, estimator)
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"All samples are of class {classes[0]}; give two classes.")
        return cls(representations, X, codes, classes, n_labels, estimator)

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self.y)

    @property
    def regression(self) -> bool:
        """Whether y holds numbers to predict."""
        return self.classes is None

    def splits(
        self,
        groups: ArrayLike | None,
        n_splits: int,
        test_size: float,
        rng: np.random.RandomState,
    ) -> list[tuple[NDArray[np.integer], NDArray[np.integer]]]:
        """Training samples in the order in which they are labelled, and test samples."""
        if n_splits < 2:
            raise ValueError(f"n_splits={n_splits} must be at least 2: one has no spread.")
        splitter = GroupShuffleSplit
        if groups is None:
            splitter = ShuffleSplit if self.regression else StratifiedShuffleSplit
        drawn = splitter(n_splits, test_size=test_size, random_state=rng).split(
            np.empty((self.n_samples, 0)), self.y, groups
        )
        return [(self._label_order(train, rng), test) for train, test in drawn]

    def _label_order(self, train, rng):
        if self.regression:
            return rng.permutation(train)
        return train[stratified_order(self.y[train], rng)]

    def numbers_of_labels(self, parts: list) -> NDArray[np.integer]:
        """Numbers of labelled samples that are possible in each split."""
        smallest = min(len(train) for train, _ in parts)
        if self.n_labels is None:
            return np.array([smallest])
        if self.regression:
            return numbers_of_labels(self.n_labels, 2, smallest, "least number")
        n_classes = max(len(np.unique(self.y[part])) for part, _ in parts)
        return numbers_of_labels(self.n_labels, n_classes, smallest)

    def sample_scores(
        self,
        train: NDArray[np.integer],
        test: NDArray[np.integer],
        n_labels: NDArray[np.integer],
    ) -> FloatArray:
        """Score of each test sample, whose mean is the accuracy or R².

        Parameters
        ----------
        train : ndarray of shape (n_train,)
            Training samples in the order in which they are labelled.
        test : ndarray of shape (n_test,)
            Test samples.
        n_labels : ndarray of shape (n_sizes,)
            Numbers of labelled samples.

        Returns
        -------
        scores : ndarray of shape (n_representations, n_sizes, n_test)
            1 for a correct label and 0 for a wrong one, or 1 - squared error / variance of y.
        """
        scores = np.empty((len(self.representations), len(n_labels), len(test)))
        for i, (name, each) in enumerate(self.representations.items()):
            try:
                for j, m in enumerate(n_labels):
                    if j == 0 or _uses_labels(each):
                        H_train, H_test = self._represented(each, train, test, m)
                    labelled, y_labelled = H_train[:m], self.y[train[:m]]
                    estimator = self._estimator(labelled, y_labelled).fit(labelled, y_labelled)
                    scores[i, j] = self._score(self.y[test], estimator.predict(H_test))
            except Exception as error:
                error.add_note(f"The error is of the representation {name!r}.")
                raise
        return scores

    def _represented(self, each, train, test, m):
        """Rows of the training and test samples, the transformer fitted to the former."""
        if isinstance(each, str):
            return _rows(safe_indexing(self.X, train)), _rows(safe_indexing(self.X, test))
        if not hasattr(each, "transform"):
            return _rows(np.asarray(each)[train]), _rows(np.asarray(each)[test])
        transformer, X_train = clone(each), safe_indexing(self.X, train)
        marker = _parameter(transformer, "unlabelled")
        if marker is not None:
            transformer.set_params(**{marker: -1})
            some = np.where(np.arange(len(train)) < m, self.y[train], -1)
            transformer.fit(X_train, some)
        elif _uses_labels(each):
            transformer.fit(safe_indexing(self.X, train[:m]), self.y[train[:m]])
        else:
            transformer.fit(X_train)
        transformed = transformer.transform(safe_indexing(self.X, test))
        return _rows(transformer.transform(X_train)), _rows(transformed)

    def _estimator(self, H, y):
        """A clone of the user's estimator, or a linear one for these samples."""
        if self.estimator is not None:
            return clone(self.estimator)
        scaler = StandardScaler(with_mean=not issparse(H))
        if self.regression:
            return make_pipeline(scaler, RidgeCV(_PENALTIES))
        probe = make_pipeline(scaler, LogisticRegression(max_iter=1000))
        smallest = np.unique(y, return_counts=True)[1].min()
        return searched(probe, smallest) if smallest > 1 else probe

    def _score(self, y, predicted):
        if self.regression:
            return 1.0 - (y - predicted) ** 2 / self.y.var()
        return (y == predicted).astype(float)


def _check_representation(name, each, n_samples):
    if isinstance(each, str):
        if each != "passthrough":
            raise ValueError(
                f"representations[{name!r}]={each!r} must be a transformer, an array "
                'or "passthrough".'
            )
    elif hasattr(each, "transform"):
        clone(each)  # a TypeError says what is wrong with the object
    elif np.ndim(each) < 1 or len(each) != n_samples:
        raise ValueError(
            f"representations[{name!r}] is neither a transformer nor an array with a row for each "
            f"of the {n_samples} samples."
        )


def _uses_labels(each):
    """Whether a transformer learns from labels."""
    return hasattr(each, "fit") and (
        get_tags(each).target_tags.required or _parameter(each, "unlabelled") is not None
    )


def _parameter(transformer, name):
    """The parameter of this name, of the transformer or of a step of a pipeline; or None."""
    found = [key for key in transformer.get_params() if key.split("__")[-1] == name]
    return found[0] if found else None


def _rows(H):
    """Representations of shape (n_samples, n_components)."""
    return H.reshape(len(H), -1) if isinstance(H, np.ndarray) else H
