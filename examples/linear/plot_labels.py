"""
Labels help, labels hurt
========================

I have labels for some rows. Should they influence the components?

Give the labels to ``SupervisedLinearContrastive`` if they are many and the later task has the same
classes. ``alpha`` is their weight; 0 ignores them.
"""

# %%
# The rows are images of handwritten digits. All components are learned from the same 1078 images.
# Labels are known for all of them, for 20 of them, or for 100 of them but of another task: whether
# the digit is odd. -1 marks a row without a label.
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

splits = [
    train_test_split(*load_digits(return_X_y=True), test_size=0.4, random_state=seed)
    for seed in range(2)
]
labels = {
    "all labels": lambda digit: digit,
    "20 labels": lambda digit: np.where(np.arange(len(digit)) < 20, digit, -1),
    "100 labels of another task": lambda digit: np.where(
        np.arange(len(digit)) < 100, digit % 2, -1
    ),
}

# %%
# To compare the components only, the classifier behind them is trained on all digits every time.
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import SupervisedLinearContrastive


def accuracy(reducer, label):
    """Accuracy for ten digits of a classifier behind the reducer, mean of the splits."""
    found = []
    for X, X_test, digit, digit_test in splits:
        reducer.fit(X, label(digit))
        classifier = make_pipeline(StandardScaler(), LogisticRegression())
        classifier.fit(reducer.transform(X), digit)
        found.append(classifier.score(reducer.transform(X_test), digit_test))
    return np.mean(found)


alphas = [0, 0.1, 0.3, 1, 3, 10]
accuracies = {
    name: [accuracy(SupervisedLinearContrastive(5, alpha=a, random_state=0), label) for a in alphas]
    for name, label in labels.items()
}

# %%
# Few labels hurt when their weight is large: the directions between twenty images are mostly
# chance. Labels of another task hurt: directions that do not separate odd from even are lost.
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
for (name, values), style in zip(accuracies.items(), ["o-", "^--", "s:"], strict=True):
    ax.plot(values, style, label=name)
    print(f"{name}: {values[0]:.2f} without labels, {max(values):.2f} at best, {values[-1]:.2f}")
ax.set(xticks=range(len(alphas)), xticklabels=alphas, xlabel="alpha (weight of the labels)")
ax.set(ylabel="accuracy for ten digits", title="Five components of digits")
ax.legend(loc="lower left")
plt.show()

# %%
# With a label for every row discriminant analysis is the rival, and it is ahead. It has no use for
# rows without a label.
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

for name, reducer in {
    "PCA, no labels": PCA(5),
    "LinearDiscriminantAnalysis, all labels": LinearDiscriminantAnalysis(n_components=5),
}.items():
    print(f"{name}: {accuracy(reducer, labels['all labels']):.2f}")

# %%
# **To remember:** choose ``alpha`` with ``GridSearchCV`` on the later task. If there is none yet,
# use ``alpha="auto"`` or ``LinearContrastive``, which needs no labels.
