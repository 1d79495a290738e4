"""Settings of TabularContrastiveEmbedder, one changed at a time, on the tuning tables.

Each setting is trained for 60 epochs, so that the comparison is short; the numbers of epochs are
compared by themselves. Logistic regression with 30 and 100 labels, mean of four draws of the
labels.
"""

import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive.evaluation._labels import stratified_order

from .._common.averages import averaged
from .._common.record import Run
from ._mixed_tables import TUNING, load
from .embedder import columns_as_numbers, embedder

LABELS = (30, 100)
N_DRAWS = 4
BASELINE = {"max_epochs": 60}
COLUMNS = "columns"
SETTINGS = {
    "baseline": {},
    "not trained": {"max_epochs": 1, "learning_rate": 1e-12},
    "corruption": {"augmentations": "corruption"},
    "depth 2": {"depth": 2},
    "temperature 1": {"temperature": 1.0},
    "20 epochs": {"max_epochs": 20},
    "200 epochs": {"max_epochs": 200},
}


def outcome(name, seed):
    """Accuracy by "labels, setting" on one test set of a tuning table."""
    X, y = load(name)
    with warnings.catch_warnings(action="ignore"):  # optimisers that stop
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=1 / 3, random_state=seed, stratify=y
        )
        steps = {
            setting: embedder(seed, **(BASELINE | changed)) for setting, changed in SETTINGS.items()
        }
        accuracy = {}
        for setting, step in ({COLUMNS: columns_as_numbers()} | steps).items():
            h_train, h_test = step.fit(X_train).transform(X_train), step.transform(X_test)
            for n_labels in LABELS:
                accuracy[f"{n_labels}, {setting}"] = float(
                    np.mean(
                        [
                            probed(h_train, y_train, h_test, y_test, n_labels, draw)
                            for draw in range(N_DRAWS)
                        ]
                    )
                )
    return accuracy


def probed(h_train, y_train, h_test, y_test, n_labels, draw):
    """Accuracy of logistic regression on one draw of the labelled rows."""
    order = stratified_order(y_train, np.random.RandomState(draw))[:n_labels]
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    return probe.fit(h_train[order], y_train[order]).score(h_test, y_test)


def main():
    """Compare the settings and print their means over the tables."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=1, quick_seeds=1)
    names = TUNING[:2] if run.quick else TUNING
    outcomes = run.draws(outcome, [(name,) for name in names])
    tables = [draw for name in names for draw in outcomes[(name,)]]
    average = averaged(tables)
    rows = {
        setting: {str(n): average["mean"][f"{n}, {setting}"] for n in LABELS}
        for setting in (COLUMNS, *SETTINGS)
    }
    against = {
        setting: averaged(
            [
                {str(n): table[f"{n}, {setting}"] - table[f"{n}, baseline"] for n in LABELS}
                for table in tables
            ]
        )
        for setting in rows
        if setting != "baseline"
    }
    run.add_table("Mean accuracy", [{"setting": name} | found for name, found in rows.items()])
    run.results = {"n_tables": len(names), "means": rows, "less_the_baseline": against}
    run.save()


if __name__ == "__main__":
    main()
