"""
When PCA is the better choice
=============================

My table is clean, and I want few components before a classifier. Which reducer should I take?

Take ``PCA``, with ``StandardScaler`` in front if the units differ.
"""

# %%
# The 64 pixels of handwritten digits are clean and have one unit, so that a scaler is not needed
# either. There are ten classes. All reducers are followed by the same classifier. The pixels at the
# edge are nearly always empty, and a ``HeywoodWarning`` says that their noise cannot be estimated.
# It is left out here.
import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.exceptions import HeywoodWarning

warnings.simplefilter("ignore", HeywoodWarning)

X, y = load_digits(return_X_y=True)
reducers = {
    "PCA": lambda k: make_pipeline(PCA(k)),
    "StandardScaler + PCA": lambda k: make_pipeline(StandardScaler(), PCA(k)),
    "StandardScaler + FactorAnalysis": lambda k: make_pipeline(StandardScaler(), FactorAnalysis(k)),
    "LinearContrastive": lambda k: make_pipeline(LinearContrastive(k, random_state=0)),
}
numbers = [2, 4, 6, 8, 10]
figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
for (name, reducer), style in zip(reducers.items(), ["s-", "v--", "D:", "o-."], strict=True):
    accuracies = []
    for k in numbers:
        classifier = make_pipeline(reducer(k), StandardScaler(), LogisticRegression())
        accuracies.append(cross_val_score(classifier, X, y).mean())
    ax.plot(numbers, accuracies, style, label=name)
    print(f"{name:32}" + "".join(f"{accuracy:7.2f}" for accuracy in accuracies))
ax.set(xticks=numbers, xlabel="components", ylabel="accuracy (five folds)")
ax.set_title("A clean table with ten classes")
ax.legend()
plt.show()

# %%
# PCA keeps the largest differences between rows, and on a clean table these are the differences
# between classes. A factor model keeps what features share. Variance of one pixel alone is noise
# for it, even if it tells classes apart.
#
# **To remember:** on clean tables compare with PCA before you replace it, above all with fewer
# components than classes. Where some features are much noisier than others the order changes:
# :ref:`sphx_glr_auto_examples_linear_plot_noisy_sensors.py`.
