"""
Does it help on my data?
========================

Is a reducer better than PCA on my table, with the labels that I have?

``compare_representations`` fits each reducer on the same random splits, without labels, and a
classifier on the same few labels. It says which differences the splits can show.
"""

# %%
# Thirty measurements of the cells of 569 tumours, as shipped and with noise that differs from
# feature to feature, as that of sensors does.
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.evaluation import compare_representations

X, y = load_breast_cancer(return_X_y=True)
rng = np.random.default_rng(0)
noise_sd = 10 ** rng.uniform(-1, 1, X.shape[1]) * X.std(axis=0)
tables = {"as shipped": X, "noise": X + noise_sd * rng.standard_normal(X.shape)}
representations = {
    "PCA": PCA(5),
    "StandardScaler + PCA": make_pipeline(StandardScaler(), PCA(5)),
    "LinearContrastive": LinearContrastive(5, random_state=0),
}
comparisons = {
    name: compare_representations(
        representations,
        table,
        y,
        n_labels=(20, 80, 400),
        estimator=make_pipeline(StandardScaler(), LogisticRegression()),
        random_state=0,
    )
    for name, table in tables.items()
}

# %%
# The verdict compares with the first representation. Intervals are wide: splits overlap, and they
# are corrected for that and for their number. Where 0 is inside, no difference is claimed.
for name, comparison in comparisons.items():
    print(f"{name}:\n{comparison.verdict()}\n")

# %%
# The curves, with the standard deviation over the splits. As shipped the three are alike. With
# noise the scaler helps PCA, and LinearContrastive needs none; only its difference from PCA is
# large enough to be shown by ten splits.
import matplotlib.pyplot as plt

from sklearn_contrastive.plotting import LabelEfficiencyDisplay

figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained", sharey=True)
for ax, (name, comparison) in zip(axes, comparisons.items(), strict=True):
    LabelEfficiencyDisplay(comparison.curves).plot(ax=ax)
    ax.set_title(f"Tumours, {name}")
plt.show()

# %%
# All numbers, as a data frame. The p value is that of a permutation test on the test samples, with
# the trained models as they are.
comparisons["noise"].frame().round(3)
