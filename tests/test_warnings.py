"""Warnings point at the user's line."""

import inspect
import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive._warnings import warn
from sklearn_contrastive.exceptions import ComponentsWarning

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
