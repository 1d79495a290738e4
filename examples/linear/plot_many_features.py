"""
Many more features than samples
===============================

I measured thousands of genes in ninety samples. How many components are real?

Leave ``n_components`` at ``"auto"``. It counts what exceeds the noise, and finds nothing in noise.
"""

# %%
# The data are drawn, so that the answer is known: three programmes of genes differ between samples,
# two of them between three tissues. Each programme changes about a seventh of the 3000 genes.
# Thirty genes are very noisy.
import numpy as np

rng = np.random.default_rng(0)
tissue = np.repeat([0, 1, 2], 30)
activity = np.column_stack([tissue == 0, tissue == 1, rng.standard_normal(90)])
effect = rng.standard_normal((3, 3000)) * (rng.uniform(size=(3, 3000)) < 0.15)
noise_sd = np.r_[np.full(30, 12.0), rng.lognormal(-0.4, 0.5, 2970)]
X = 1.2 * activity @ effect + noise_sd * rng.standard_normal((90, 3000))

# %%
# A permutation of each gene on its own makes a table of pure noise with the same values.
noise = rng.permuted(X, axis=0)

# %%
# Three rules count components. Parallel analysis compares the eigenvalues with those of tables that
# were permuted in this way.
import warnings

from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.exceptions import ComponentsWarning


def share_of_variance(X):
    """Components of standardised features that keep 80 % of the variance."""
    return PCA(0.8).fit(StandardScaler().fit_transform(X)).n_components_


def parallel_analysis(X):
    """Leading components of standardised features beyond those of ten permuted tables."""
    permuted = [rng.permuted(X, axis=0) for _ in range(10)]
    pca = PCA(30, random_state=0)
    values, *limits = [
        pca.fit(StandardScaler().fit_transform(table)).explained_variance_
        for table in [X, *permuted]
    ]
    return int(np.argmin(values > np.max(limits, axis=0)))


def auto(X):
    """Components that n_components="auto" finds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ComponentsWarning)  # it says that there is no component
        return LinearContrastive(random_state=0).fit(X).n_components_


rules = {
    "PCA(0.8)": share_of_variance,
    "parallel\nanalysis": parallel_analysis,
    "Linear-\nContrastive": auto,
}
counts = {name: (rule(X), rule(noise)) for name, rule in rules.items()}

# %%
# The share of variance depends on the noise and not on the structure. Parallel analysis agrees with
# ``"auto"``, and needs eleven fits instead of one.
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 4.2), layout="constrained")
scores = LinearContrastive(whiten=True, random_state=0).fit_transform(X)
for number, marker in enumerate("o^s"):
    left.plot(*scores[tissue == number, :2].T, marker, label=f"tissue {number + 1}")
left.set(xlabel="first score", ylabel="second score", title="90 samples of 3000 genes")
left.legend()
for offset, label, hatch in [(-0.2, "table", ""), (0.2, "table of pure noise", "///")]:
    heights = [count[offset > 0] for count in counts.values()]
    bars = right.bar(np.arange(3) + offset, heights, 0.38, label=label, hatch=hatch, edgecolor="w")
    right.bar_label(bars)
right.set(xticks=range(3), xticklabels=counts, ylabel="components", title="How many components?")
right.legend()
plt.show()

# %%
# With three components, how well does a regression on the scores find the activities of the three
# programmes? The noisy genes mislead PCA; a scaler is enough to prevent that.
from sklearn.decomposition import FactorAnalysis
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

for name, reducer in {
    "PCA": PCA(3),
    "StandardScaler + PCA": make_pipeline(StandardScaler(), PCA(3)),
    "StandardScaler + FactorAnalysis": make_pipeline(StandardScaler(), FactorAnalysis(3)),
    "LinearContrastive": LinearContrastive(3, random_state=0),
}.items():
    scores = reducer.fit_transform(X)
    found = LinearRegression().fit(scores, activity).score(scores, activity)
    print(f"{name}: R² {found:.3f}")

# %%
# **To remember:** zero components is a possible answer, with a ``ComponentsWarning``. It means that
# the features share no more variance than chance gives. More samples help; another reducer does
# not.
