"""Estimators of tables get anything: a result of the right shape, or a refusal."""

import copy
import warnings
from functools import cache

import numpy as np
import pytest
from helpers.fuzz import WEIRD, attempt, fuzz_inputs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_contrastive import (
    HeteroPCA,
    LinearContrastive,
    MaskedAugmenter,
    PairedContrastive,
    SupervisedLinearContrastive,
)
from sklearn_contrastive.exceptions import MissingValuesWarning
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
from sklearn_contrastive.linear import Moments

ESTIMATORS = {
    kind.__name__: kind
    for kind in (
        LinearContrastive,
        HeteroPCA,
        SupervisedLinearContrastive,
        PairedContrastive,
        LinearAutoencoder,
        LinearGAN,
        MaskedAugmenter,
    )
}
# values that a parameter may have, others apart
VALUES = {
    "n_components": ["auto", None, 1, 2, 3, 0.5, 0.9, np.int64(2)],
    "whiten": [True],
    "noise_weighted": [False],
    "robust": [True, "rows", "cells"],
    "max_iter": [0, 1, 5],
    "tol": [1e-12, 1e-3, 10.0],
    "solver": ["gram", "operator"],
    "feature_groups": [[0, 0, 1, 1], ["a"] * 4, [None] * 4, [1, 1], np.array([1, np.nan, 2, 2])],
    "random_state": [0, None, np.random.RandomState(0)],
    "deflated": [False],
    "alpha": [0.0, 0.5, 1.0],
    "target_type": ["classes", "continuous"],
    "unlabelled": [None, -1, 0],
    "normalization": ["whitened"],
    "shrinkage": [0.0, 0.5, 1.0, "auto"],
    "keep_probability": [0.3, 0.9],
    "mask_rate": [0.0, 0.2, 1.0],
}
METHODS = ["transform", "score", "score_samples", "impute", "outlier_scores", "sample_views"]
# patterns of which a result may be infinite, but not NaN
OUT_OF_RANGE = {"huge", "largest", "scales", "beyond float32", "tiny", "smallest"}
N_EXAMPLES = settings().max_examples

RNG = np.random.default_rng(0)
GOOD = RNG.standard_normal((30, 1)) + 0.5 * RNG.standard_normal((30, 4))
CLASSES = np.arange(30) // 2 % 3


@cache
def fitted(name):
    model = ESTIMATORS[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that this many samples have no component, for instance
        return model.fit(GOOD, CLASSES)


def targets(n_rows):
    """Draw y or groups: classes, numbers, some missing, of another length, or anything."""

    def build(kind, seed):
        rng = np.random.default_rng(seed)
        return {
            "classes": rng.integers(0, 3, n_rows),
            "labels": rng.integers(-1, 2, n_rows),
            "unlabelled": np.full(n_rows, -1),
            "bools": rng.random(n_rows) < 0.5,
            "strings": np.array(["a", "b"])[rng.integers(0, 2, n_rows)],
            "objects": np.array([None, "a", 1.5], dtype=object)[rng.integers(0, 3, n_rows)],
            "numbers": rng.standard_normal(n_rows),
            "NaN": np.where(rng.random(n_rows) < 0.4, np.nan, rng.standard_normal(n_rows)),
            "two": rng.standard_normal((n_rows, 2)) * 10.0 ** rng.integers(-200, 200),
            "too many": rng.integers(0, 2, n_rows + 1),
            "list": rng.integers(0, 2, n_rows).tolist(),
        }[kind]

    kinds = ["classes", "labels", "unlabelled", "bools", "strings", "objects", "numbers", "NaN"]
    drawn = st.builds(
        build, st.sampled_from([*kinds, "two", "too many", "list"]), st.integers(0, 99)
    )
    return st.one_of(drawn, drawn, st.sampled_from(WEIRD))


def weights(n_rows):
    """Draw sample weights, mostly None."""
    rng = np.random.default_rng(n_rows)
    drawn = [rng.random(n_rows), np.ones(n_rows), np.zeros(n_rows), np.full(n_rows, np.nan)]
    drawn += [1e300 * rng.random(n_rows), 1e-30 * rng.random(n_rows), np.ones(n_rows + 1)]
    drawn += [-np.ones(n_rows), np.full(n_rows, np.inf), *WEIRD[:8]]
    return st.one_of(st.none(), st.sampled_from(drawn))


def parameters(kind):
    """Draw up to three parameters, valid ones or anything."""

    def value(name):
        valid = st.sampled_from(VALUES.get(name, WEIRD))
        return st.one_of(valid, valid, st.sampled_from(WEIRD))

    names = st.lists(st.sampled_from(kind._get_param_names()), max_size=3, unique=True)
    return names.flatmap(lambda drawn: st.fixed_dictionaries({name: value(name) for name in drawn}))


# half of them as wide as the good samples, which a fitted estimator accepts
TABLES = st.one_of(fuzz_inputs(), fuzz_inputs(n_rows=(2, 30), n_columns=(4, 4)))


def state_of(model):
    """Attributes that a fit sets; parameters apart."""
    return {name: each for name, each in vars(model).items() if name not in model.get_params()}


@pytest.mark.parametrize("name", ESTIMATORS)
@settings(max_examples=4 * N_EXAMPLES)
@given(data=st.data())
def test_any_input_gives_a_result_or_a_refusal(name, data):
    model = copy.deepcopy(fitted(name))
    before = state_of(model)
    model.set_params(**data.draw(parameters(type(model)), label="parameters"))
    X = data.draw(TABLES, label="X")
    method = data.draw(st.sampled_from(["fit", "fit_transform", "partial_fit"]), label="method")
    method = method if hasattr(model, method) else "fit"
    arguments = {}
    if name != "MaskedAugmenter" or method == "fit":
        arguments["y"] = data.draw(targets(X.n_rows), label="y")
    weight = data.draw(weights(X.n_rows), label="sample_weight")
    if weight is not None and hasattr(model, "set_fit_request"):
        accepted = "sample_weight" in type(model).fit.__annotations__
        arguments |= {"sample_weight": weight} if accepted else {}
    result, _ = attempt(lambda: getattr(model, method)(X.build(), **arguments))
    if result is None:  # the earlier fit stays
        now = state_of(model)
        assert now.keys() == before.keys()
        assert all(now[each] is before[each] for each in now)
        model.set_params(**type(model)().get_params())
    new = X if data.draw(st.booleans(), label="the same") else data.draw(TABLES, label="new X")
    # what is out of range in the fit stays so in attributes
    in_range = {X.pattern, new.pattern}.isdisjoint(OUT_OF_RANGE)
    for each in METHODS:
        if hasattr(model, each):
            check_result(model, each, new, in_range)
    if result is not None and name != "MaskedAugmenter":
        assert len(model.get_feature_names_out()) == model.n_components_


def check_result(model, method, table, in_range):
    """Call a method, and assert that its result has the right shape and finite numbers."""
    result, seen = attempt(lambda: getattr(model, method)(table.build()))
    if result is None:
        return
    n_rows = np.shape(table.build())[0] if table.form != "generator" else table.n_rows
    width = getattr(model, "n_components_", model.n_features_in_)
    shapes = {
        "transform": (n_rows, width),
        "score": (),
        "impute": (n_rows, model.n_features_in_),
    }
    parts = result if isinstance(result, tuple) else (result,)
    parts = vars(result).values() if method == "outlier_scores" else parts
    for part in parts:
        expected = (n_rows, model.n_features_in_) if method == "sample_views" else (n_rows,)
        assert np.shape(part) == shapes.get(method, expected)
        values = np.asarray(part.toarray() if sparse.issparse(part) else part, dtype=float)
        if method == "transform" and (isinstance(model, MaskedAugmenter) or _unscored(seen)):
            continue
        assert not np.isnan(values).any()
        assert not in_range or np.isfinite(values).all()


def _unscored(seen):
    return MissingValuesWarning in seen


@settings(max_examples=4 * N_EXAMPLES)
@given(first=TABLES, second=TABLES, weight=st.data())
def test_any_input_gives_moments_or_a_refusal(first, second, weight):
    drawn = weight.draw(weights(first.n_rows))
    found = [
        attempt(lambda: Moments.from_array(first.build(), drawn))[0],
        attempt(lambda: Moments.from_array(second.build()))[0],
    ]
    if None in found:
        return
    both, _ = attempt(lambda: found[0] + found[1])
    if both is None:
        return
    assert both.n_samples == pytest.approx(found[0].n_samples + found[1].n_samples)
    assert both.mean.shape == (both.n_features,)
    assert both.covariance.shape == (both.n_features, both.n_features)
    attempt(lambda: LinearContrastive(1).fit_moments(both))
