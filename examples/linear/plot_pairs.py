"""
The same subjects on two days
=============================

I measured every subject twice. Which directions are the subjects, and which are the day?

Pass both days as rows, and the number of the subject as ``groups``, to ``PairedContrastive``.
"""

# %%
# Two traits of 200 subjects are spread over thirty features. Each measurement adds a strong
# background in five other directions.
import numpy as np

rng = np.random.default_rng(0)
traits = np.linalg.qr(rng.standard_normal((30, 2)))[0].T
background = np.linalg.qr(rng.standard_normal((30, 5)))[0].T
subject = np.tile(np.arange(200), 2)
X = rng.standard_normal((200, 2))[subject] @ traits
X += 3 * rng.standard_normal((400, 5)) @ background
X += 0.3 * rng.standard_normal((400, 30))

# %%
# Each point is a subject, with its first score on the first day and on the second. A component of
# the subjects has its points near the diagonal. PCA finds the background, also behind a scaler.
import matplotlib.pyplot as plt
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import PairedContrastive

scores = {
    "PCA": PCA(2).fit_transform(X),
    "StandardScaler + PCA": make_pipeline(StandardScaler(), PCA(2)).fit_transform(X),
    "PairedContrastive": PairedContrastive(2, normalization="whitened")
    .fit(X, groups=subject)
    .transform(X),
}
figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
for ax, (name, found) in zip(axes, scores.items(), strict=True):
    first, second = found[:200, 0], found[200:, 0]
    limits = 1.05 * np.abs(found[:, 0]).max() * np.array([-1, 1])
    ax.plot(limits, limits, color=plt.rcParams["text.color"], linewidth=1)
    ax.scatter(first, second, s=10, color="#0072B2")
    correlation = np.corrcoef(first, second)[0, 1]
    ax.set(title=f"{name}\ncorrelation {correlation:.2f}", xlim=limits, ylim=limits)
    ax.set(xlabel="first score on day 1", ylabel="first score on day 2", aspect="equal")
plt.show()

# %%
# ``pair_correlation_`` says how reproducible each component is. It is measured on the subjects that
# were fitted; with few subjects check it on others, and set ``shrinkage="auto"``.
model = PairedContrastive(2, normalization="whitened").fit(X, groups=subject)
print("Correlation between the two days, by component:", model.pair_correlation_.round(2))
