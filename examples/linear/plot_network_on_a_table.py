"""
Does a network help on a table?
===============================

I have labels for few rows. Is a network that was trained on all rows better than the columns?

Compare it with the columns, and with the same network before training.
"""

# %%
# The table has 64 columns, the grey values of handwritten digits. The network is trained without
# labels on 1200 rows; the others are the test rows. All get the same classifier.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_contrastive.deep import TabularContrastiveEmbedder

X, y = load_digits(return_X_y=True)
order = np.random.default_rng(0).permutation(len(X))
X, y = X[order], y[order]
settings = {"max_epochs": 60, "random_state": 0, "device": "cpu"}
untrained = {"max_epochs": 1, "learning_rate": 1e-12}
inputs = {
    "columns": FunctionTransformer(),
    "network before training": TabularContrastiveEmbedder(**(settings | untrained)),
    "trained network": TabularContrastiveEmbedder(**settings),
}

# %%
# Each number of labels is drawn five times.
numbers = [20, 50, 100, 300]
figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
for (name, step), style in zip(inputs.items(), ["s:", "v--", "o-"], strict=True):
    h = step.fit(X[:1200]).transform(X)
    accuracies = []
    for n_labels in numbers:
        draws = [np.random.default_rng(seed).permutation(1200)[:n_labels] for seed in range(5)]
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        scores = [probe.fit(h[rows], y[rows]).score(h[1200:], y[1200:]) for rows in draws]
        accuracies.append(np.mean(scores))
    ax.plot(numbers, accuracies, style, label=name)
    print(f"{name:25}" + "".join(f"{accuracy:7.3f}" for accuracy in accuracies))
ax.set(xscale="log", xlabel="labelled rows", ylabel="accuracy")
ax.set_xticks(numbers, [str(number) for number in numbers])
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# **To remember:** the network before training is the control. What the trained network gains over
# it was learned from the rows without labels. On other tables the order may be another one, and
# boosted trees may be above all three: see :doc:`/guide/tables_networks`.
