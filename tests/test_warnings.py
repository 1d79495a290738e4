"""Warnings point at the user's line, and are shown once in a search."""

import inspect
import warnings
from collections import Counter
from weakref import WeakKeyDictionary

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive, _warnings
from sklearn_contrastive._warnings import search_of_this_fit, warn
from sklearn_contrastive.exceptions import ComponentsWarning, HeywoodWarning

NOISE = np.random.default_rng(0).normal(size=(50, 6))

# an estimator as ours are: decorators of scikit-learn and a context manager around the warning
OF_THE_PACKAGE = """
from contextlib import contextmanager

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn_contrastive._sklearn_compat import fit_context
from sklearn_contrastive._warnings import warn

@contextmanager
def warned(text):
    yield
    warn(text)

class Warns(TransformerMixin, BaseEstimator):
    _parameter_constraints = {}

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        with warned("fit"):
            return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        warn("transform", FutureWarning)
        return X
"""


@pytest.fixture(scope="module")
def estimator():
    names = {"__name__": "sklearn_contrastive._an_estimator"}
    exec(OF_THE_PACKAGE, names)
    return names["Warns"]()


def assert_points_at_line_above(caught):
    line = inspect.currentframe().f_back.f_lineno - 1
    assert caught
    assert {(each.filename, each.lineno) for each in caught} == {(__file__, line)}


def test_a_fit_warns_at_the_line_that_called_it():
    with pytest.warns(ComponentsWarning) as caught:
        LinearContrastive().fit(NOISE)
    assert_points_at_line_above(caught)


@pytest.mark.parametrize("method", ["fit", "transform", "fit_transform"])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_decorators_and_pipelines_are_skipped(estimator, method, in_pipeline):
    model = make_pipeline(StandardScaler(), estimator) if in_pipeline else estimator
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(NOISE)
        caught.clear()
        getattr(model, method)(NOISE)
    assert_points_at_line_above(caught)


def test_a_warning_outside_the_package_points_at_its_own_line():
    with pytest.warns(FutureWarning, match="text") as caught:
        warn("text", FutureWarning)
    assert_points_at_line_above(caught)


# --- once for all fits of a search ---------------------------------------------------------------


def with_equal_columns(n_samples):
    """Samples whose fits warn of features without noise, and of components that rest on one."""
    rng = np.random.default_rng(n_samples)
    X = rng.normal(size=(n_samples, 2)) @ rng.normal(size=(2, 8)) + rng.normal(size=(n_samples, 8))
    return np.column_stack([X, X[:, 0]])


def caught_in(action, *calls, **filters):
    """Warnings of calls, one after the other, under a filter."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        warnings.filterwarnings(action, **filters)
        for call in calls:
            call()
    return caught


def search(X, n_jobs=None):
    """Nine fits and that of the best model, each of which warns of features without noise."""
    grid = GridSearchCV(LinearContrastive(2), {"n_components": [2, 3, 4]}, cv=3, n_jobs=n_jobs)
    return lambda: grid.fit(X)


def counts(caught):
    return Counter(each.category for each in caught)


def test_each_category_is_shown_once_in_a_search_with_its_best_model():
    X = with_equal_columns(150)
    caught = caught_in("default", search(X))
    line = inspect.currentframe().f_lineno
    assert counts(caught)[HeywoodWarning] == 1
    assert set(counts(caught).values()) == {1}
    assert "(Shown once for all fits of this call.)" in str(caught[0].message)
    assert {each.filename for each in caught} == {__file__}
    assert all(each.lineno < line for each in caught)


def test_the_next_search_warns_again():
    X = with_equal_columns(150)
    calls = search(X), search(X), lambda: cross_val_score(LinearContrastive(2), X, cv=3)
    assert counts(caught_in("default", *calls))[HeywoodWarning] == 3


def test_a_user_who_asks_for_every_warning_gets_every_warning():
    X = with_equal_columns(150)
    for filters in ({}, {"message": "The components explain"}, {"category": HeywoodWarning}):
        caught = caught_in("always", search(X), **filters)
        assert counts(caught)[HeywoodWarning] == 10
        assert not any("Shown once" in str(each.message) for each in caught if not filters)
    assert not caught_in("ignore", search(X))
    with pytest.raises(ValueError, match="All the 9 fits failed"):
        caught_in("error", search(X))


def test_fits_of_their_own_warn_every_time():
    fits = [lambda n=n: LinearContrastive(2).fit(with_equal_columns(n)) for n in (100, 120, 140)]
    caught = caught_in("default", *fits)
    assert counts(caught)[HeywoodWarning] == 3
    assert not any("Shown once" in str(each.message) for each in caught)


def test_a_pipeline_with_a_memory_is_not_a_search(tmp_path):
    pipeline = make_pipeline(StandardScaler(), LinearContrastive(2), None, memory=str(tmp_path))
    fits = [lambda n=n: pipeline.fit(with_equal_columns(n)) for n in (100, 120)]
    assert counts(caught_in("default", *fits))[HeywoodWarning] == 2


def test_workers_warn_once(monkeypatch):
    monkeypatch.setattr(_warnings, "_shown", WeakKeyDictionary())
    X = with_equal_columns(150)
    with parallel_config(backend="threading"):
        caught = caught_in("default", search(X, n_jobs=2))
    # once from the threads, once from the best model, which the search fits itself
    assert counts(caught)[HeywoodWarning] == 2


def test_plain_user_warnings_are_shown_once_for_each_text():
    names = {"__name__": "sklearn_contrastive._an_estimator"}
    exec(OF_THE_PACKAGE.replace('warned("fit")', "warned(str(len(X) // 2 * 2))"), names)
    X = NOISE[:31]  # folds of 10 and 11 rows
    caught = caught_in(
        "default", lambda: cross_val_score(names["Warns"](), X, cv=3, scoring=lambda *_: 0.0)
    )
    assert len(caught) == 1 == len({str(each.message) for each in caught})


def test_no_search_is_found_outside_of_one():
    assert search_of_this_fit() is None
