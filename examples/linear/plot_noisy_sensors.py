"""
Noisy sensors mislead PCA
=========================

Some sensors are noisier than others. Which reducer still finds what all of them measure?

Use ``LinearContrastive`` where you would use ``PCA``. Here forty sensors measure two causes. Three
of the sensors are bad.
"""

# %%
# The hidden causes move along a circle. The bad sensors have ten to thirty times the noise of the
# others.
import numpy as np

rng = np.random.default_rng(0)
angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
causes = np.column_stack([np.cos(angle), np.sin(angle)])
noise_sd = np.r_[np.ones(37), 10, 20, 30]
X = 1.5 * causes @ rng.standard_normal((2, 40)) + noise_sd * rng.standard_normal((2000, 40))

# %%
# PCA looks for large variance, and the bad sensors have the largest. ``LinearContrastive`` looks
# for what features have in common, and noise is not common to two features.
import matplotlib.pyplot as plt
from sklearn.decomposition import PCA

from sklearn_contrastive import LinearContrastive

figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, reducer in zip(axes, [PCA(2), LinearContrastive(2)], strict=True):
    scores = reducer.fit_transform(X)
    ax.scatter(*scores.T, c=angle, cmap="twilight", s=4)
    ax.set(title=type(reducer).__name__, xlabel="first score", ylabel="second score")
figure.suptitle("Scores of 2000 rows, coloured by their place on the circle")
plt.show()

# %%
# ``noise_variance_`` names the bad sensors.
sensors = LinearContrastive(2).fit(X).noise_variance_.argsort()[-3:]
print("Sensors with the most noise:", sensors)

# %%
# PCA on unscaled data is not the only rival. R² is the share of the causes' variance that a
# regression on two scores finds.
from sklearn.decomposition import FactorAnalysis
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

for name, reducer in {
    "PCA": PCA(2),
    "StandardScaler + PCA": make_pipeline(StandardScaler(), PCA(2)),
    "StandardScaler + FactorAnalysis": make_pipeline(StandardScaler(), FactorAnalysis(2)),
    "LinearContrastive": LinearContrastive(2),
}.items():
    scores = reducer.fit_transform(X)
    print(f"{name}: R² {LinearRegression().fit(scores, causes).score(scores, causes):.3f}")

# %%
# **To remember:** a scaler helps PCA, since it shrinks noisy features. ``LinearContrastive`` needs
# no scaler and fits the same model as ``FactorAnalysis``. If sensors also fail for some rows, see
# :ref:`sphx_glr_auto_examples_linear_plot_bad_hour.py`.
