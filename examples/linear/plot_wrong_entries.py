"""
Find and repair wrong entries
=============================

Some numbers in my table were mistyped. Which ones, and what should they be?

Fit with ``robust="cells"``. ``outlying_cells_`` has the entries that the rest of their row
contradicts, and ``impute`` replaces them.
"""

# %%
# The table has thirty measurements of 569 tumours, in logarithms because they are skewed. In one of
# fifty entries the decimal point slips by one place, to the left or to the right.
import numpy as np
from sklearn.datasets import load_breast_cancer

data = load_breast_cancer().data
true = np.log10(data + 0.01 * data.mean(axis=0))  # some measurements are 0
rng = np.random.default_rng(0)
wrong = rng.uniform(size=true.shape) < 0.02
X = np.where(wrong, true + rng.choice([-1, 1], true.shape), true)

# %%
# As for filling in, take half as many components as there are features.
from sklearn_contrastive import LinearContrastive

model = LinearContrastive(15, robust="cells", random_state=0).fit(X)
found = model.outlying_cells_.toarray() != 0
repaired = model.impute(X)

# %%
# The usual rule looks at one column at a time: an entry is wrong if it is far from the median of
# its column. It cannot see that a large cell with a small radius is wrong.
spread = 1.4826 * np.median(np.abs(X - np.median(X, axis=0)), axis=0)
far = np.abs(X - np.median(X, axis=0)) > 4 * spread
for name, flagged in {"far from the median": far, "outlying_cells_": found}.items():
    share = np.mean(flagged[wrong])
    print(f"{name}: {share:.0%} of the wrong entries, {np.sum(flagged & ~wrong)} others")

# %%
# The others are not mistakes of the method alone: the table as it is shipped has outlying entries.
# Errors are in standard deviations of the measurement.
import matplotlib.pyplot as plt

centre, sd = true.mean(axis=0), true.std(axis=0)
panels = {"wrong entries": X, "the same entries, repaired": repaired}
figure, axes = plt.subplots(1, 2, figsize=(8, 4.2), sharey=True, layout="constrained")
for ax, (title, table) in zip(axes, panels.items(), strict=True):
    values = ((table - centre) / sd)[wrong]
    truth = ((true - centre) / sd)[wrong]
    error = np.sqrt(np.mean((values - truth) ** 2))
    ax.plot(truth, values, ".", alpha=0.6)
    ax.axline((0, 0), slope=1, color=plt.rcParams["text.color"], linewidth=1)
    ax.set(title=f"{title}: error {error:.1f} sd", xlabel="true value (sd)")
axes[0].set_ylabel("value in the table (sd)")
plt.show()
