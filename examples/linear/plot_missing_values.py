"""
Missing values: fit and fill in
===============================

My table has missing entries. Which imputer comes closest to the values that are missing?

For scores, do not impute: pass NaN to ``fit`` and ``transform``. For a complete table, call
``impute``.
"""

# %%
# We hide entries of a real table, 178 wines with thirteen measurements, at random. Then the true
# values are known. Distances of ``KNNImputer`` need a scaler, ``LinearContrastive`` does not; with
# it all errors are in standard deviations.
import numpy as np
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

X = StandardScaler().fit_transform(load_wine().data)
rng = np.random.default_rng(0)
draws = [rng.uniform(size=X.shape) for _ in range(2)]

# %%
# To fill in, use more components than for scores: half as many as features is a good start.
# ``IterativeImputer`` warns that it has not converged; more iterations do not change its errors
# much.
import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from sklearn_contrastive import LinearContrastive

imputers = {
    "SimpleImputer (mean)": SimpleImputer().fit_transform,
    "KNNImputer": KNNImputer().fit_transform,
    "IterativeImputer": IterativeImputer(random_state=0).fit_transform,
    "LinearContrastive": lambda X: LinearContrastive(6, random_state=0).fit(X).impute(X),
}


def error_of(fill_in, share):
    """Root mean square error of filled entries, over all draws."""
    differences = []
    for draw in draws:
        hidden = draw < share
        differences.extend((fill_in(np.where(hidden, np.nan, X)) - X)[hidden])
    return np.sqrt(np.mean(np.square(differences)))


shares = [0.1, 0.3, 0.5]
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "\\[IterativeImputer", ConvergenceWarning)
    errors = {
        name: [error_of(fill_in, share) for share in shares] for name, fill_in in imputers.items()
    }

# %%
# Filling in the mean has an error of one standard deviation.
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
for (name, values), style in zip(errors.items(), ["s:", "^--", "D-.", "o-"], strict=True):
    ax.plot(shares, values, style, label=name)
    print(f"{name:22}" + "".join(f"{value:8.2f}" for value in values))
ax.xaxis.set_major_formatter("{x:.0%}")
ax.set(xticks=shares, xlabel="entries that are missing", ylabel="error of filled entries (sd)")
ax.set(title="178 wines, thirteen measurements", ylim=(0.6, 1.1))
ax.legend(loc="lower right")
plt.show()

# %%
# **To remember:** with few missing entries ``KNNImputer`` is as good or better on this table, since
# wines of one cultivar are neighbours. With many, few neighbours share the same measurements, and
# the factor model is ahead.
