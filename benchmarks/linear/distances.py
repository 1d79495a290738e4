"""k-nearest neighbours, k-means and logistic regression on scores, with and without a scaler.

Seven real tables as shipped; as many components as classes, between 3 and 10 and at most half the
features, and two components where there are more classes. Three stratified folds for each seed;
k-means groups all samples, its clusters are compared with the classes by the adjusted Rand index.
"""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive

from .._common.classification import number_of_components
from .._common.real_tables import LOADERS, load
from .._common.record import Run

MEASURES = ["k-NN", "k-means", "logistic"]
NAMES = ["iris", *LOADERS]


def reducers(k):
    """Name -> reducer to k components ("auto" chooses the number)."""
    return {
        "PCA": PCA(k, random_state=0),
        "Scaler+PCA": make_pipeline(StandardScaler(), PCA(k, random_state=0)),
        "Scaler+FA": make_pipeline(StandardScaler(), FactorAnalysis(k, random_state=0)),
        "LinearContrastive": LinearContrastive(k, random_state=0),
        "Scaler+LinearContrastive": make_pipeline(
            StandardScaler(), LinearContrastive(k, random_state=0)
        ),
        "whiten=True": LinearContrastive(k, whiten=True, random_state=0),
        "Scaler+auto": make_pipeline(StandardScaler(), LinearContrastive(random_state=0)),
    }


def table(name):
    """Samples and classes of one table."""
    return load_iris(return_X_y=True) if name == "iris" else load(name)


def measured(name, two, seed):
    """Reducer -> measure -> value, for one draw of the folds."""
    X, y = table(name)
    k = 2 if two else number_of_components(X, y)
    return {method: _values(reducer, X, y, seed) for method, reducer in reducers(k).items()}


def _values(reducer, X, y, seed):
    accuracies = {"k-NN": [], "logistic": []}
    # a rival that has not converged, a feature without noise: both count in the accuracy
    with warnings.catch_warnings(action="ignore"):
        for train, test in StratifiedKFold(3, shuffle=True, random_state=seed).split(X, y):
            fitted = clone(reducer).fit(X[train])
            scores, others = fitted.transform(X[train]), fitted.transform(X[test])
            for measure, classifier in _classifiers(scores.shape[1]).items():
                classifier.fit(scores, y[train])
                accuracies[measure].append(classifier.score(others, y[test]))
        scores = clone(reducer).fit_transform(X)
        found = np.zeros(len(y))
        if scores.shape[1]:
            n_classes = len(np.unique(y))
            found = KMeans(n_classes, n_init=10, random_state=seed).fit_predict(scores)
    means = {measure: float(np.mean(values)) for measure, values in accuracies.items()}
    return means | {"k-means": float(adjusted_rand_score(y, found))}


def _classifiers(n_scores):
    if n_scores == 0:  # n_components="auto" may find nothing
        return {"k-NN": DummyClassifier(), "logistic": DummyClassifier()}
    return {
        "k-NN": KNeighborsClassifier(10),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
    }


def means_of(outcomes, names):
    """Measure -> reducer -> mean over tables and seeds."""
    return {
        measure: {
            method: float(
                np.mean([draw[method][measure] for name in names for draw in outcomes[name]])
            )
            for method in outcomes[names[0]][0]
        }
        for measure in MEASURES
    }


def main():
    """Measure all tables, print and save the means."""
    run = Run(__spec__.name, __doc__.splitlines()[0])
    names = NAMES[:3] if run.quick else NAMES
    many = [name for name in names if len(np.unique(table(name)[1])) > 2]
    cases = [(name, False) for name in names] + [(name, True) for name in many]
    outcomes = run.draws(measured, cases)
    for title, chosen, two in (("as many as classes", names, False), ("two", many, True)):
        of_tables = {name: outcomes[name, two] for name in chosen}
        by_table = {name: means_of(of_tables, [name]) for name in chosen}
        means = means_of(of_tables, chosen)
        run.results[title] = {"means": means, "tables": by_table}
        rows = [{"measure": measure} | value for measure, value in means.items()]
        run.add_table(f"Components: {title}; mean over {len(chosen)} tables", rows)
        for measure in MEASURES:
            rows = [{"data": name} | by_table[name][measure] for name in chosen]
            run.add_table(f"Components: {title}; {measure}", rows)
    run.save()


if __name__ == "__main__":
    main()
