"""
Channels that drift together
============================

The channels of one sensor drift together. How do I keep this drift out of the components?

Pass ``feature_groups``, one label for each column. Variance that features share only inside their
group then counts as noise.
"""

# %%
# Eight sensors have five channels each. All channels measure two causes, which move along a circle,
# and every sensor has a drift of its own. The data are drawn, so that the causes are known.
import numpy as np

rng = np.random.default_rng(0)
sensor = np.repeat(np.arange(8), 5)
angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
causes = np.column_stack([np.cos(angle), np.sin(angle)])
drift = 3 * rng.standard_normal((2000, 8))
X = 1.5 * causes @ rng.standard_normal((2, 40)) + drift[:, sensor]
X += rng.standard_normal((2000, 40))

# %%
# One rival needs the groups as well: whiten each group before PCA. This is canonical correlation
# analysis of several sets.
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive

whitened = ColumnTransformer(
    [(f"sensor {number}", PCA(whiten=True), sensor == number) for number in range(8)]
)
reducers = {
    "StandardScaler + PCA": make_pipeline(StandardScaler(), PCA(2)),
    "StandardScaler + FactorAnalysis": make_pipeline(StandardScaler(), FactorAnalysis(2)),
    "groups whitened, PCA": make_pipeline(whitened, PCA(2)),
    "LinearContrastive(feature_groups=...)": LinearContrastive(2, feature_groups=sensor),
}

# %%
# R² is the share of the causes' variance that a regression on the two scores finds.
import matplotlib.pyplot as plt
from sklearn.linear_model import LinearRegression

figure, axes = plt.subplots(2, 2, figsize=(7, 7), layout="constrained")
for ax, (name, reducer) in zip(axes.flat, reducers.items(), strict=True):
    scores = reducer.fit_transform(X)
    found = LinearRegression().fit(scores, causes).score(scores, causes)
    ax.scatter(*scores.T, c=angle, cmap="twilight", s=4)
    ax.set(title=f"{name}\nR² {found:.2f}", xticks=[], yticks=[])
    ax.set(xlabel="first score", ylabel="second score")
plt.show()

# %%
# Without groups the number of components is wrong too: every drift counts as a component.
print("Components without groups:", LinearContrastive().fit(X).n_components_)
print("Components with groups:", LinearContrastive(feature_groups=sensor).fit(X).n_components_)

# %%
# **To remember:** groups may be too coarse, but not too fine. If you do not know whether two
# features share noise, put them in one group.
