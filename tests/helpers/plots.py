"""Fitted reducers on named sensors, and one drawn plot of every display of a reducer."""

from functools import cache

import numpy as np
import pandas as pd

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.plotting import (
    BiplotDisplay,
    LoadingsDisplay,
    NoiseDisplay,
    OutlierDisplay,
    SpectrumDisplay,
    SubspaceErrorDisplay,
)

__all__ = ["DRAWN", "LOST", "STUCK", "fitted_sensors", "sensors"]

LOST, STUCK = "sensor 4", "sensor 9"


@cache
def sensors(n_samples=400, seed=0):
    """Return twelve named sensors of two causes: one of noise alone, one that is constant."""
    rng = np.random.default_rng(seed)
    mixing = np.kron(np.eye(2), np.ones((1, 6)))
    mixing[1, 6] = -1.0
    values = 2 * rng.standard_normal((n_samples, 2)) @ mixing
    values += rng.standard_normal(values.shape)
    X = pd.DataFrame(values, columns=[f"sensor {i}" for i in range(12)])
    X[LOST] = 30 * rng.standard_normal(n_samples)
    X[STUCK] = 20.0
    return X


@cache
def fitted_sensors():
    """Return LinearContrastive with two components, fitted to the sensors."""
    return LinearContrastive(2, random_state=0).fit(sensors())


def _errors(ax):
    errors = {"PCA": [[0.4, 0.5], [0.3, 0.2]], "LinearContrastive": [[0.2, 0.3], [0.1, 0.1]]}
    return SubspaceErrorDisplay([10, 20], errors, parameter_name="samples").plot(ax)


#: from each class to a function that draws it in given axes, or in a new figure
DRAWN = {
    SpectrumDisplay: lambda ax=None: SpectrumDisplay.from_estimator(
        fitted_sensors(), sensors(), ax=ax
    ),
    BiplotDisplay: lambda ax=None: BiplotDisplay.from_estimator(
        fitted_sensors(), sensors(), np.arange(400) % 3, ax=ax
    ),
    LoadingsDisplay: lambda ax=None: LoadingsDisplay.from_estimator(fitted_sensors(), ax=ax),
    NoiseDisplay: lambda ax=None: NoiseDisplay.from_estimator(fitted_sensors(), ax=ax),
    OutlierDisplay: lambda ax=None: OutlierDisplay.from_estimator(
        fitted_sensors(), sensors(), ax=ax
    ),
    SubspaceErrorDisplay: lambda ax=None: _errors(ax),
}
