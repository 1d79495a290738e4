"""
How many components?
====================

How many components does my table have? PCA's elbow, parallel analysis and ``"auto"`` may disagree.

Trust ``"auto"`` first, and look at the spectrum in units of the noise.
"""

# %%
# The data are drawn, so that the number is known: four causes, one of them much stronger than the
# others, in forty sensors of which three are bad.
import numpy as np

rng = np.random.default_rng(2)
strength = np.array([[2.0], [0.45], [0.45], [0.45]])
mixing = strength * np.c_[rng.uniform(0.5, 2, 40), rng.standard_normal((40, 3))].T
noise_sd = np.r_[np.ones(37), 10, 20, 30]
X = rng.standard_normal((500, 4)) @ mixing + noise_sd * rng.standard_normal((500, 40))

# %%
# Parallel analysis keeps the principal components of the standardised table that are larger than in
# 95 % of tables with permuted columns.
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler


def spectrum_of(X):
    """Eigenvalues of the correlation matrix."""
    return PCA().fit(StandardScaler().fit_transform(X)).explained_variance_


spectrum = spectrum_of(X)
limit = np.percentile([spectrum_of(rng.permuted(X, axis=0)) for _ in range(20)], 95, axis=0)
print("Parallel analysis:", np.argmin(spectrum > limit))
print("Eigenvalues above 1:", np.sum(spectrum > 1))

# %%
# The strong cause hides the weak ones from parallel analysis: permuted columns keep its variance as
# noise. ``"auto"`` first estimates the noise of each sensor, given the components so far.
# :class:`~sklearn_contrastive.plotting.SpectrumDisplay` shows eigenvalues in units of this noise.
import matplotlib.pyplot as plt

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.plotting import SpectrumDisplay

figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
numbers = np.arange(1, 21)
axes[0].semilogy(numbers, PCA(20).fit(X).explained_variance_, "o-", markerfacecolor="none")
axes[0].set(title="PCA: an elbow of three bad sensors", ylabel="variance")
axes[1].semilogy(numbers, spectrum[:20], "o-", markerfacecolor="none")
axes[1].semilogy(numbers, limit[:20], "--", label="parallel analysis")
axes[1].set(title="StandardScaler + PCA", ylabel="eigenvalue of the correlation matrix")
axes[1].legend()
for ax in axes[:2]:
    ax.set(xlabel="number of components")
model = LinearContrastive(random_state=0).fit(X)
SpectrumDisplay.from_estimator(model, X, ax=axes[2])
axes[2].set(title='LinearContrastive: four, by "auto"')
plt.show()

# %%
# A second opinion is the likelihood of rows that were not fitted. It rises with each real
# component, and falls a little with each superfluous one. Beyond four components a
# ``ComponentsWarning`` says that one of them rests on a single bad sensor; we leave it out here.
import warnings

from sklearn.model_selection import cross_val_score

from sklearn_contrastive.exceptions import ComponentsWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ComponentsWarning)
    for k in range(2, 7):
        print(f"{k} components: {cross_val_score(LinearContrastive(k), X).mean():.2f}")

# %%
# **To remember:** parallel analysis is right too where the causes are of similar strength. Where
# rows are not independent, as in a slow time series, ``"auto"`` counts too many; take every m-th
# row or use the likelihood.
