"""
Data frames and ColumnTransformer
=================================

How do I reduce some columns of a data frame, and keep the others and all names?

Put ``LinearContrastive`` into a ``ColumnTransformer`` and call ``set_output(transform="pandas")``.
"""

# %%
# Five of the thirteen columns of wine measure phenols. One component of them replaces the five.
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_wine

from sklearn_contrastive import LinearContrastive

wine = load_wine(as_frame=True)
phenols = [
    "total_phenols",
    "flavanoids",
    "nonflavanoid_phenols",
    "proanthocyanins",
    "od280/od315_of_diluted_wines",
]
reducer = ColumnTransformer(
    [("phenols", LinearContrastive(1, whiten=True, random_state=0), phenols)],
    remainder="passthrough",
    verbose_feature_names_out=False,
).set_output(transform="pandas")
table = reducer.fit_transform(wine.data).rename(columns={"linearcontrastive0": "phenols"})
table.head()

# %%
# The fitted reducer knows the names of its columns. The noisiest ones count least in the score.
import pandas as pd

model = reducer.named_transformers_["phenols"]
noise = pd.Series(1 - model.communalities_, index=model.feature_names_in_, name="share of noise")
print(noise.sort_values().round(2))

# %%
# The new column is used like any other.
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6, 4.5), layout="constrained")
for (cultivar, rows), marker in zip(table.groupby(wine.target), "o^s", strict=True):
    rows.plot.scatter(
        "alcohol",
        "phenols",
        ax=ax,
        color=f"C{cultivar}",
        marker=marker,
        label=f"cultivar {cultivar}",
    )
ax.set(xlabel="alcohol (% by volume)", ylabel="phenols, five columns in one score")
plt.show()

# %%
# A column with another name is refused.
try:
    model.transform(wine.data[phenols].rename(columns={"flavanoids": "flavonoids"}))
except ValueError as error:
    print(error)
