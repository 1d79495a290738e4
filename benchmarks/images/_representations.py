"""Representations of images under comparison, and their accuracy with few labels."""

import time
import warnings
from dataclasses import dataclass

import numpy as np
from joblib import parallel_config
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_limits

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.evaluation import knn_accuracy, label_efficiency_curve
from sklearn_contrastive.exceptions import HeywoodWarning

from ._embedder import N_COMPONENTS

NEIGHBOURS, WHITENED = "kNN", "kNN whitened"
N_NEIGHBOURS_POOL = 20_000
# after a number of labels: the probe has rows of one length
ROWS = ", rows"
SECONDS = "fit s"
OURS = "SimCLREmbedder"
N_DRAWS = 3
MAX_ITER = 200


@dataclass(frozen=True)
class Method:
    """A transformer of images, and the number of training images for its fit (None: all)."""

    transformer: BaseEstimator
    n_images: int | None = None


def as_rows(images):
    """Images of uint8 as rows of float32 in [0, 1]."""
    return images.reshape(len(images), -1) / np.float32(255)


def methods(embedder, seed, n_components=N_COMPONENTS):
    """Name -> method; all take images of uint8."""
    return {
        "raw pixels": Method(FunctionTransformer(as_rows)),
        "PCA": Method(
            make_pipeline(FunctionTransformer(as_rows), PCA(n_components, random_state=seed))
        ),
        "LinearContrastive": Method(
            make_pipeline(
                FunctionTransformer(as_rows), LinearContrastive(n_components, random_state=seed)
            )
        ),
        "untrained encoder": untrained(embedder),
        OURS: Method(embedder),
    }


def untrained(embedder):
    """The embedder with random weights.

    Fifty steps, too small to change a weight, set the moments of its batch norms; with the initial
    moments a random network would be less accurate.
    """
    still = clone(embedder).set_params(
        learning_rate=1e-12, max_epochs=1, batch_size=64, checkpoint_dir=None, verbose=0
    )
    return Method(still, n_images=3200)


def labelled_pool(images, n, seed):
    """Random training images and their labels, classes in proportion."""
    if n >= len(images.y_train):
        return images.train, images.y_train
    pool, _ = train_test_split(
        np.arange(len(images.y_train)), train_size=n, stratify=images.y_train, random_state=seed
    )
    return images.train[pool], images.y_train[pool]


def fitted(method, images):
    """A method fitted to images of uint8, and the seconds of the fit."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        # pixels at the edge of most images hardly vary: features without noise, for the linear ones
        warnings.simplefilter("ignore", HeywoodWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        transformer = clone(method.transformer).fit(images[: method.n_images])
    return transformer, time.perf_counter() - start


def score(transformer, images, n_labels, seed, C="auto", scaling="columns"):
    """Accuracies on the test images with few labels and by neighbours.

    The largest number of labels is the size of the pool; the smaller ones are drawn from it, and
    neighbours are found in it. The probe scales columns or rows, as `linear_probe` does.
    """
    pool, y_pool = labelled_pool(images, max(n_labels), seed)
    data = transformer.transform(pool), y_pool, transformer.transform(images.test), images.y_test
    # products with ten columns are faster in several processes than in several threads
    with warnings.catch_warnings(), threadpool_limits(1), parallel_config(n_jobs=-1):
        # raw pixels with a weak penalty need thousands of steps, which do not improve them
        warnings.simplefilter("ignore", ConvergenceWarning)
        # few labels vary by chance; the whole pool is always the same
        *few, most = n_labels
        curves = [
            label_efficiency_curve(
                *data,
                n_labels=sizes,
                n_draws=draws,
                C=C,
                max_iter=MAX_ITER,
                scaling=scaling,
                random_state=seed,
            )
            for sizes, draws in ((few, N_DRAWS), ([most], 1))
            if sizes
        ]
    means = [float(mean) for curve in curves for mean in curve.mean]
    accuracies = dict(zip(map(str, n_labels), means, strict=True))
    return accuracies | {NEIGHBOURS: knn_accuracy(*data)}


def neighbours(transformer, images, seed, n_labels=N_NEIGHBOURS_POOL):
    """Accuracies of ten neighbours by cosine similarity, of rows as they are and whitened.

    Both are centred. Whitened rows are those of scikit-learn's PCA with at most 128 components.
    """
    pool, y_pool = labelled_pool(images, n_labels, seed)
    rows, test_rows = transformer.transform(pool), transformer.transform(images.test)
    n_components = min(N_COMPONENTS, *rows.shape)
    whitening = PCA(n_components, whiten=True, random_state=seed).fit(rows)
    return {
        name: knn_accuracy(scaled(rows), y_pool, scaled(test_rows), images.y_test)
        for name, scaled in (
            (NEIGHBOURS, lambda rows: rows - whitening.mean_),
            (WHITENED, whitening.transform),
        )
    }


def summary(name, scores):
    """A line of a table: mean and standard deviation over seeds of each number."""
    line = {"method": name}
    for key in scores[0]:
        values = [entry[key] for entry in scores]
        decimals = 1 if key == SECONDS else 3
        line[key] = f"{np.mean(values):.{decimals}f}"
        if len(values) > 1:
            line[key] += f" (sd {np.std(values, ddof=1):.{decimals}f})"
    return line


def print_entry(seed, name, entry):
    """Print the numbers of one method and seed."""
    line = summary(name, [entry])
    print(f"seed {seed}:", *(f"{key} {cell}" for key, cell in line.items()), flush=True)
