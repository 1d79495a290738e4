"""Grid searches in two processes."""

import numpy as np
import pandas as pd
from joblib.externals.loky import get_reusable_executor
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_contrastive import MaskedAugmenter
from sklearn_contrastive.deep import (
    AutoencoderEmbedder,
    ContrastiveClassifier,
    SimCLREmbedder,
    SupConEmbedder,
    TabularContrastiveEmbedder,
)

# Each of the two processes imports PyTorch, which takes five seconds. joblib keeps them for the
# next search, hence one module.


def test_a_temperature_is_found_in_two_processes():
    # joblib takes the import of PyTorch into a process of earlier tests for a leak, and warns in a
    # thread of its own, which ends because warnings are errors here: the search would wait forever
    get_reusable_executor().shutdown(wait=True)
    X, y = load_digits(return_X_y=True)
    X, y = (X[:120] / 16).astype(np.float32), y[:120]
    settings = {"max_epochs": 2, "batch_size": 40, "device": "cpu", "random_state": 0}
    embedder = SimCLREmbedder("resnet_narrow", **settings)
    pipeline = make_pipeline(embedder, LogisticRegression(max_iter=1000))
    grid = {"simclrembedder__temperature": [0.1, 0.5]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    alone = clone(pipeline).set_params(**search.best_params_).fit(X, y)
    assert_array_equal(search.predict(X), alone.predict(X))


def test_labels_reach_the_embedder_of_a_pipeline_in_two_processes():
    X, y = load_digits(n_class=3, return_X_y=True)
    X, y = (X[:120] / 16).astype(np.float32), np.array(["zero", "one", "two"])[y[:120]]
    settings = {"max_epochs": 2, "batch_size": 40, "device": "cpu", "random_state": 0}
    embedder = SupConEmbedder("resnet_narrow", **settings)
    pipeline = make_pipeline(embedder, LogisticRegression(max_iter=1000))
    grid = {"supconembedder__class_balanced": [False, True]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_score_ > 0.7
    best = search.best_estimator_
    assert best[0].classes_.tolist() == best[1].classes_.tolist() == ["one", "two", "zero"]
    assert_array_equal(clone(best).fit(X, y).predict(X), search.predict(X))


def test_the_width_of_a_code_is_found_in_two_processes():
    # two factors: a code of one cannot tell the classes apart
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(200, 2))
    y = (factors[:, 0] > 0) + 2 * (factors[:, 1] > 0)
    X = factors @ rng.normal(size=(2, 8)) + 0.1 * rng.normal(size=(200, 8))
    embedder = AutoencoderEmbedder(max_epochs=30, batch_size=40, device="cpu", random_state=0)
    pipeline = make_pipeline(embedder, LogisticRegression(max_iter=1000))
    grid = {"autoencoderembedder__n_components": [1, 3]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_ == {"autoencoderembedder__n_components": 3}
    alone = clone(pipeline).set_params(**search.best_params_).fit(X, y)
    assert_array_equal(search.predict(X), alone.predict(X))


def test_views_of_a_table_are_found_in_two_processes():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=60), "b": rng.choice(["x", "y", None], 60)})
    y = rng.integers(0, 2, size=60)
    settings = {"max_epochs": 1, "batch_size": 30, "device": "cpu", "random_state": 0}
    pipeline = make_pipeline(TabularContrastiveEmbedder(width=4, **settings), LogisticRegression())
    grid = {"tabularcontrastiveembedder__augmentations": ["masking", "corruption"]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    alone = clone(pipeline).set_params(**search.best_params_).fit(X, y)
    assert_array_equal(search.predict(X), alone.predict(X))


def test_embedders_of_classifiers_are_searched_with_few_labels_in_two_processes():
    X, y = load_digits(return_X_y=True)
    X, y = (X[:120] / 16).astype(np.float32), np.where(np.arange(120) < 80, y[:120] % 3, -1)
    settings = {"max_epochs": 1, "batch_size": 40, "device": "cpu", "random_state": 0}
    embedder = SimCLREmbedder("resnet_narrow", **settings)
    epochs = {"max_epochs": 2, "self_training_epochs": 2}
    classifier = ContrastiveClassifier(embedder, **epochs, random_state=0)
    grid = {"embedder__max_epochs": [1, 2]}
    search = GridSearchCV(classifier, grid, cv=2, n_jobs=2).fit(X, y)
    alone = clone(classifier).set_params(**search.best_params_).fit(X, y)
    assert_array_equal(search.predict(X), alone.predict(X))
    assert np.all(search.cv_results_["mean_test_score"] > 0)


def test_masks_that_hide_everything_score_worst_in_two_processes():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=60)
    X = y[:, None] + rng.normal(size=(60, 6))
    search = GridSearchCV(
        make_pipeline(MaskedAugmenter(random_state=0), LogisticRegression()),
        {"maskedaugmenter__mask_rate": [0.0, 0.5, 1.0]},
        cv=3,
        n_jobs=2,
    ).fit(X, y)
    whole, _, nothing = search.cv_results_["mean_test_score"]
    assert whole > 0.7  # six features, each at one standard deviation
    assert nothing < 0.6  # every feature is hidden: no better than the larger class
