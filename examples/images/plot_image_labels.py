"""
Images with labels
==================

All your images have a label. What does a network learn from labels that it does not learn without?

Train ``SupConEmbedder`` on images and labels, and ``SimCLREmbedder`` on the images alone. Then look
at new images: how many of their nearest neighbours are of the same class?
"""

# %%
# The 1797 scanned digits of scikit-learn have 8 x 8 pixels. Two thirds are for the training. Both
# embedders have the same network, views and number of epochs.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive.augmentation import ColorJitter, Compose, RandomResizedCrop
from sklearn_contrastive.deep import SupConEmbedder

X, y = load_digits(return_X_y=True)
X_train, X_new, y_train, y_new = train_test_split(X / 16, y, train_size=1200, random_state=0)
settings = {
    "encoder": "resnet_narrow",
    "augmentations": Compose([RandomResizedCrop((0.4, 1.0)), ColorJitter(0.4, 0.4, 0.4, 0.0)]),
    "temperature": 0.2,
    "batch_size": 128,
    "max_epochs": 6,
    "random_state": 0,
}
representations = {
    "raw pixels": X_new,
    "SimCLREmbedder": SimCLREmbedder(**settings).fit(X_train).transform(X_new),
    "SupConEmbedder": SupConEmbedder(**settings).fit(X_train, y_train).transform(X_new),
}

# %%
# Neighbours by cosine similarity, from the nearest to the hundredth. A class has about sixty new
# images.
import numpy as np
from sklearn.metrics.pairwise import cosine_similarity

ranks = np.arange(1, 101)


def purity(h):
    """Share of the k nearest neighbours that are of the same class, for each k."""
    similarity = cosine_similarity(h)
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argsort(-similarity, axis=1)[:, : len(ranks)]
    same = y_new[nearest] == y_new[:, None]
    return np.cumsum(same.mean(axis=0)) / ranks


curves = {name: purity(h) for name, h in representations.items()}
styles = {"raw pixels": ":", "SimCLREmbedder": "--", "SupConEmbedder": "-"}
figure, ax = plt.subplots(layout="constrained")
for name, curve in curves.items():
    ax.plot(ranks, curve, linestyle=styles[name], label=name)
ax.set(
    xlabel="number of nearest neighbours", ylabel="share of the same class", title="Scanned digits"
)
ax.legend()
plt.show()

# %%
# Of the fifty nearest neighbours, of the same class:
for name, curve in curves.items():
    print(f"{name:<16}{curve[49]:.3f}")

# %%
# Labels bring all images of a class together, also those of new images, whose labels the network
# has not seen. The nearest neighbour alone is of the same class nearly always, with or without
# labels: for the classification of these digits alone you need no network.
