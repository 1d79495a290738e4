"""
Labels help, labels hurt
========================

I have labels for some rows. Should they influence the components?

If they are few, give them to ``SupervisedLinearContrastive`` and leave ``alpha`` at "auto": it
estimates how much the labels say. A fixed weight, such as ``alpha=1``, hurts where labels are few
and helps where they are many.
"""

# %%
# The rows are images of handwritten digits, with noise that differs from pixel to pixel. All
# components are learned from the same 1078 images. Labels are known for some of them; -1 marks a
# row without a label.
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
X = X + np.exp(rng.uniform(np.log(0.5), np.log(20), X.shape[1])) * rng.normal(size=X.shape)
splits = [train_test_split(X, y, test_size=0.4, random_state=seed) for seed in range(2)]

# %%
# To compare the components only, the classifier behind them is trained on all digits every time.
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive, SupervisedLinearContrastive


def accuracy(reducer, n_labels):
    """Accuracy of a classifier behind the reducer, mean of the splits."""
    found = []
    for X_train, X_test, digit, digit_test in splits:
        labels = np.where(np.arange(len(digit)) < n_labels, digit, -1)
        if isinstance(reducer, LinearDiscriminantAnalysis):  # has no use for other rows
            reducer.fit(X_train[:n_labels], digit[:n_labels])
        else:
            reducer.fit(X_train, labels)
        classifier = make_pipeline(StandardScaler(), LogisticRegression())
        classifier.fit(reducer.transform(X_train), digit)
        found.append(classifier.score(reducer.transform(X_test), digit_test))
    return np.mean(found)


numbers = [20, 50, 100, 300, 1078]
reducers = {
    "LinearContrastive, no labels": LinearContrastive(9, random_state=0),
    "SupervisedLinearContrastive": SupervisedLinearContrastive(9, random_state=0),
    "the same, alpha=1": SupervisedLinearContrastive(9, alpha=1, random_state=0),
    "LinearDiscriminantAnalysis": LinearDiscriminantAnalysis(),
}
accuracies = {
    name: [accuracy(reducer, number) for number in numbers] for name, reducer in reducers.items()
}

# %%
# The default stays with LinearContrastive: its components are the strongest factors, and labels
# only make them more accurate. A weight of 1 changes what the components are. It hurts where labels
# are few, since the directions between twenty images are mostly chance. Discriminant analysis sees
# the labelled rows only.
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
for (name, values), style in zip(accuracies.items(), ["o-", "P-", "^--", "s:"], strict=True):
    ax.plot(range(len(numbers)), values, style, label=name)
    print(f"{name}: " + ", ".join(f"{value:.2f}" for value in values))
ax.set(xticks=range(len(numbers)), xticklabels=numbers, xlabel="rows with a label, of 1078")
ax.set(ylabel="accuracy for ten digits", title="Nine components of noisy digits")
ax.legend(loc="lower right")
plt.show()

# %%
# ``class_shares_`` tells what the labels say: the share of each factor's variance between classes.
X_train, _, digit, _ = splits[0]
model = SupervisedLinearContrastive(9, random_state=0).fit(X_train, digit)
print("digits:      ", model.class_shares_.round(2))
shuffled = rng.permutation(digit)
print("random labels:", model.fit(X_train, shuffled).class_shares_.round(2))

# %%
# **To remember:** labels cost nothing with ``alpha="auto"``. If they are many and the later task
# has the same classes, compare with ``LinearDiscriminantAnalysis`` and with a number as ``alpha``.
