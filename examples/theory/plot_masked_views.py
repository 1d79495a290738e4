"""
Why masked views ignore noise
=============================

Why does the contrastive loss not see the noise of the features?

It compares two views of a sample that have no feature in common. Noise of one feature is in one of
the views only.
"""

# %%
# Sixteen features measure one factor: one half of them with a positive sign, the other with a
# negative one. Four features are noisy.
import numpy as np

rng = np.random.default_rng(0)
weights = np.repeat([1.0, -1.0], 8)
noise_sd = np.ones(16)
noise_sd[[2, 6, 9, 14]] = 3
X = np.outer(rng.standard_normal(2000), weights) + noise_sd * rng.standard_normal((2000, 16))

# %%
# :class:`~sklearn_contrastive.MaskedAugmenter` draws the views: each entry is in one of them, and
# hidden in the other. The mean product of the two views is the matrix of the linear contrastive
# loss. Two features are in different views of half of the samples: hence the factor 2. An entry on
# the diagonal is a product with a hidden entry, and therefore 0.
from sklearn_contrastive import MaskedAugmenter

centred = X - X.mean(axis=0)
view_1, view_2 = MaskedAugmenter(random_state=0).fit(centred).sample_views(centred, random_state=0)
product = 2 * (view_1.T @ view_2 + view_2.T @ view_1) / len(X)
covariance = np.cov(X.T)

# %%
# The noise is on the diagonal of the covariance, which PCA uses. It is not in the other matrix.
import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 2, figsize=(7, 7), layout="constrained")
for ax, view, title in [
    (axes[0, 0], view_1, "first view of 16 samples"),
    (axes[0, 1], view_2, "second view of the same"),
]:
    ax.imshow(np.ma.masked_equal(view[:16], 0), cmap="PuOr", vmin=-4, vmax=4)
    ax.set(title=title, xlabel="feature", ylabel="sample")
for ax, matrix, title in [
    (axes[1, 0], covariance, "covariance: noise on the diagonal"),
    (axes[1, 1], product, "product of the views: no diagonal"),
]:
    ax.imshow(matrix, cmap="PuOr", vmin=-4, vmax=4)
    ax.set(title=title, xlabel="feature", ylabel="feature")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
plt.show()

# %%
# The leading eigenvector of each matrix, and its correlation with the weights of the factor:
for name, matrix in {"covariance": covariance, "product of the views": product}.items():
    vector = np.linalg.eigh(matrix)[1][:, -1]
    print(f"{name}: {abs(np.corrcoef(vector, weights)[0, 1]):.3f}")

# %%
# **To remember:** with all masks instead of one draw, the product is exactly the covariance without
# its diagonal. ``LinearContrastive`` computes that directly, without drawing masks.
