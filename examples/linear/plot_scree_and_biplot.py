"""
Scree plot and biplot instead of PCA's
======================================

How many components does my table have, and which features and rows belong together?

Fit ``LinearContrastive`` on standardised columns. Then draw ``SpectrumDisplay`` for the first
question and ``BiplotDisplay`` for the second. Both accept ``PCA`` too, for comparison.
"""

# %%
# The table has 13 chemical measurements of 178 wines from three cultivars. Columns have different
# units, so standardise them before a plot.
import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.plotting import BiplotDisplay, SpectrumDisplay

X, y = load_wine(return_X_y=True, as_frame=True)
X = X.rename(columns={"od280/od315_of_diluted_wines": "od280/od315"})
cultivar = y.map({0: "A", 1: "B", 2: "C"}).rename("cultivar")
ours = make_pipeline(StandardScaler(), LinearContrastive(random_state=0)).fit(X)
pca = make_pipeline(StandardScaler(), PCA()).fit(X)

# %%
# How many components?
# --------------------
#
# PCA's scree plot falls slowly: you have to choose where to stop. Ours has a line, the noise edge.
# Noise that is independent between features stays below it. ``n_components="auto"``, the default,
# keeps the components above it.
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
ratio = pca[-1].explained_variance_ratio_
quantity = "share of the total variance"
SpectrumDisplay(ratio, n_components=len(ratio), quantity=quantity).plot(axes[0])
SpectrumDisplay.from_estimator(ours, X, ax=axes[1])
axes[0].set_title("StandardScaler + PCA")
axes[1].set_title("StandardScaler + LinearContrastive")
print("Number of components:", ours[-1].n_components_)

# %%
# Which features and rows belong together?
# ----------------------------------------
#
# Each point is a wine. An arrow points to where wines with a large value of its feature are. Arrows
# in one direction belong to features that vary together; a long arrow belongs to a feature that the
# two components explain well.
figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for ax, pipeline in zip(axes, [pca, ours], strict=True):
    BiplotDisplay.from_estimator(pipeline, X, cultivar, n_arrows=8, ax=ax)
    ax.set_title(f"StandardScaler + {type(pipeline[-1]).__name__}")
plt.show()

# %%
# The two biplots nearly agree: no column of this table is noisy enough to mislead PCA. In that case
# you lose nothing, and the noise edge tells you where to stop. :ref:`Here
# <sphx_glr_auto_examples_linear_plot_noisy_sensors.py>` is a table in which they differ.
#
# The axes are scores of two of the components that were kept. Draw the next two with
# ``components=(2, 3)``.
