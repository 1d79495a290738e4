"""
A bad hour and bad sensors
==========================

All readings of one hour are wrong, and two sensors are broken. Can I fit without cleaning first?

Set ``robust=True``. Rows and entries that contradict the rest then count less or not at all.
"""

# %%
# Thirty sensors follow one daily course for three days, with a row every five minutes. These data
# are drawn, so that the true course is known. Sensor 7 is always noisy, sensor 21 fails once in
# three hours, and for one hour all readings are random.
import numpy as np

rng = np.random.default_rng(0)
hour = np.arange(864) / 12
daily = np.sin(2 * np.pi * (hour - 9) / 24)
X = np.outer(daily, rng.uniform(0.2, 0.6, 30)) + rng.standard_normal((864, 30))
X[:, 7] += 20 * rng.standard_normal(864)
X[::36, 21] += 60
X[528:540] = 20 * rng.standard_normal((12, 30))
good = np.r_[:528, 540:864]

# %%
# An ordinary fit says that something is wrong. The warning names rows of the bad hour.
import warnings

from sklearn_contrastive import LinearContrastive

ordinary = LinearContrastive(1, random_state=0)
with warnings.catch_warnings(record=True, action="always") as caught:
    ordinary.fit(X)
print(f"{caught[0].category.__name__}: {caught[0].message}")

# %%
# The robust fit and its rivals see the same rows. Each dot is the first score of a row, the line is
# the true daily course.
import matplotlib.pyplot as plt
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

robust = LinearContrastive(1, robust=True, random_state=0)
reducers = {
    "StandardScaler + PCA": make_pipeline(StandardScaler(), PCA(1)),
    "StandardScaler + FactorAnalysis": make_pipeline(StandardScaler(), FactorAnalysis(1)),
    "LinearContrastive(robust=True)": robust,
}
figure, axes = plt.subplots(3, sharex=True, figsize=(7, 6), layout="constrained")
for ax, (name, reducer) in zip(axes, reducers.items(), strict=True):
    score = reducer.fit(X).transform(X)[:, 0]
    correlation = np.corrcoef(score[good], daily[good])[0, 1]
    # the sign and the unit of a score are arbitrary
    score = np.sign(correlation) * (score - np.median(score)) / score[good].std()
    ax.axvspan(44, 45, color="0.6", alpha=0.5)
    ax.plot(hour, score, ".", markersize=3)
    ax.plot(hour, np.sqrt(2) * daily, color=plt.rcParams["text.color"])
    ax.set(ylim=(-3.5, 3.5), xlim=(0, 72), xticks=range(0, 73, 12), yticks=[])
    ax.set_title(f"{name}: correlation {abs(correlation):.2f}", loc="left")
axes[0].annotate("bad hour", (45, 2.4), (46, 2.4))
axes[-1].set_xlabel("hour")
plt.show()

# %%
# ``outlier_scores`` names the bad rows, and ``noise_variance_`` the sensor that is always noisy.
found = robust.outlier_scores(X)
bad_rows = np.flatnonzero(found.share < 1 / len(X))
in_the_hour = np.isin(bad_rows, np.arange(528, 540)).sum()
with_failure = np.isin(bad_rows, np.arange(0, 864, 36)).sum()
print(f"{len(bad_rows)} bad rows: {in_the_hour} of the bad hour, {with_failure} of sensor 21")
print(f"Sensor with the most noise: {robust.noise_variance_.argmax()}")

# %%
# **To remember:** if you see an ``OutlierWarning``, try ``robust=True`` and look at the rows that
# ``outlier_scores`` names. On clean data leave it off: the result is the same and the fit is
# slower.
