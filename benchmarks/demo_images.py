"""Demonstration on images: SimCLREmbedder beside pixels, linear methods and random weights.

Prints one table and saves one figure. Every method is fitted to the training images without their
labels; a logistic regression then has a few labels, and kNN votes by cosine similarity.
"""

import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics.pairwise import cosine_similarity

from ._common.tables import text_table
from .images._accuracy_plot import accuracy_curves
from .images._embedder import N_COMPONENTS, N_LABELS, embedder
from .images._image_data import available
from .images._representations import (
    N_NEIGHBOURS_POOL,
    OURS,
    SECONDS,
    fitted,
    labelled_pool,
    methods,
    neighbours,
    score,
)

EPOCHS = 3  # of 60,000 images; smaller sets have as many steps
IMAGES = 60_000
PENALTY = 0.1  # C of logistic regression, one for all: a search takes longer than the network
SEED = 0
FIGURE = Path("demo_images.png")
N_QUERIES, N_NEIGHBOURS = 6, 5


def epochs(n_images):
    """As many steps as in three epochs of 60,000 images, but at most thirty epochs."""
    return min(30, round(EPOCHS * IMAGES / n_images))


def draw_neighbours(panel, transformer, images):
    """Test images, one a line, and their nearest training images by cosine similarity."""
    pool, labels = labelled_pool(images, max(N_LABELS), SEED)
    queries = np.random.default_rng(SEED).permutation(len(images.test))[:N_QUERIES]
    similarity = cosine_similarity(
        transformer.transform(images.test[queries]), transformer.transform(pool)
    )
    nearest = np.argsort(-similarity, axis=1)[:, :N_NEIGHBOURS]
    margin = len(pool[0]) // 8
    lines = [
        np.hstack([np.pad(image, margin) for image in (images.test[query], *pool[found])])
        for query, found in zip(queries, nearest, strict=True)
    ]
    panel.imshow(np.vstack(lines), cmap="gray_r")
    right = np.mean(labels[nearest] == images.y_test[queries][:, None])
    panel.set_title(f"Left a test image, then its nearest ({right:.0%} of the same class)")
    panel.set_axis_off()


def main():
    """Fit and score each method, print the table, save the figure."""
    start = time.perf_counter()
    images = available()
    n_images = len(images.train)
    n_labels = tuple(n for n in N_LABELS if n <= n_images)
    network = embedder("cpu", SEED, max_epochs=epochs(n_images))
    print(f"{images.name}: {n_images:,} training images without labels; accuracy on")
    print(f"{len(images.test):,} test images with a few labels, and by ten neighbours.")
    scores, transformers = {}, {}
    n_components = min(N_COMPONENTS, images.train[0].size // 2)
    for name, method in methods(network, SEED, n_components).items():
        # the network, the last, reports its progress on lines of its own
        print(f"{name} ...", end="\n" if name == OURS else " ", flush=True)
        transformers[name], seconds = fitted(method, images.train)
        entry = score(transformers[name], images, n_labels, SEED, C=PENALTY, scaling="rows")
        entry |= neighbours(transformers[name], images, SEED)
        scores[name] = entry | {SECONDS: seconds}
    print("\n" + text_table([{"method": name} | entry for name, entry in scores.items()]))
    print(
        f"\nkNN: of {min(N_NEIGHBOURS_POOL, n_images):,} labelled images, centred, or whitened by "
        "PCA. Columns: number of labels."
    )
    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    entries = {name: [entry] for name, entry in scores.items()}
    accuracy_curves(left, entries, n_labels, f"{images.name}, logistic regression")
    draw_neighbours(right, transformers[OURS], images)
    figure.savefig(FIGURE, dpi=150)
    print(f"\nFigure: {FIGURE.resolve()}, after {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
