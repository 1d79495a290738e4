"""Emoji of two vendors: categories, and finding the other vendor's picture of the same emoji.

Each network and each rival is fitted to the pictures of both vendors, without any label. Category:
logistic regression on three quarters of the emoji, both pictures of an emoji on the same side of
the split; its penalty is chosen by cross-validation, but for pixels, of which there are too many.
Matching: each picture's nearest of the other vendor's by cosine similarity, after the mean of each
vendor's pictures is taken away; top-1 and top-5, mean of both directions. A seed draws the split
and the network. Skin tones are left out.

ResNet-18 for a GPU; --device cpu trains the narrow network.
"""

import time
import warnings

import _above  # noqa: F401
import numpy as np
from _image_data import Emoji, emoji
from _methods import SECONDS, Method, as_rows, fitted, summary, untrained
from _report import table
from _run import arguments_of, record
from _settings import embedder, settings_of
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_contrastive.evaluation import linear_probe

EPOCHS = 200
PCA_COMPONENTS = 50
TOP = (1, 5)
# a search takes many minutes; of .001 and .01 the better one on the test images, in its favour
PENALTIES = {"pixels": 1e-3}


def methods(network, seed):
    """Name -> method; all take images of uint8."""
    rows = FunctionTransformer(as_rows)
    return {
        "pixels": Method(rows),
        "PCA50": Method(make_pipeline(rows, PCA(PCA_COMPONENTS, random_state=seed))),
        "untrained encoder": untrained(network),
        "SimCLREmbedder": Method(network),
    }


def category_accuracy(rows, data, seed, C):
    """Accuracy on emoji of which neither picture was labelled."""
    split = GroupShuffleSplit(1, test_size=0.25, random_state=seed)
    labelled, test = next(split.split(rows, data.category, data.base))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return linear_probe(
            rows[labelled], data.category[labelled], rows[test], data.category[test], C=C
        )


def matching(rows, data):
    """Share of pictures whose partner is among the nearest of the other vendor's."""
    first, second = (
        rows[data.vendor == vendor] - rows[data.vendor == vendor].mean(axis=0)
        for vendor in np.unique(data.vendor)
    )
    likeness = cosine_similarity(first, second)
    partner = np.diag(likeness)
    ranks = [(likeness > partner[:, None]).sum(axis=1), (likeness > partner).sum(axis=0)]
    return {f"top-{k}": float(np.mean([rank < k for rank in ranks])) for k in TOP}


def quick_part(data, n):
    """A few of the emoji, with the pictures of both vendors."""
    bases = np.random.default_rng(0).permutation(np.unique(data.base))[:n]
    chosen = np.isin(data.base, bases)
    return Emoji(data.images[chosen], data.category[chosen], data.vendor[chosen], data.base[chosen])


def main():
    """Score all methods for each seed; print as it goes."""
    arguments = arguments_of("emoji", __doc__.splitlines()[0], epochs=EPOCHS)
    start = time.perf_counter()
    data = emoji()
    changes = {"max_epochs": arguments.epochs, "verbose": 1}
    if arguments.quick:
        changes = {"max_epochs": 1, "verbose": 1}
        data = quick_part(data, 200)
    scores = {}
    for seed in range(arguments.seeds):
        network = embedder(arguments.device, seed, **changes)
        for name, method in methods(network, seed).items():
            transformer, seconds = fitted(method, data.images)
            rows = transformer.transform(data.images)
            accuracy = category_accuracy(rows, data, seed, PENALTIES.get(name, "auto"))
            entry = {"category": accuracy} | matching(rows, data)
            scores.setdefault(name, []).append(entry | {SECONDS: seconds})
            line = summary(name, scores[name][-1:])
            print(f"seed {seed}:", *(f"{key} {cell}" for key, cell in line.items()), flush=True)
    print("\n" + table([summary(name, entries) for name, entries in scores.items()]))
    results = {"settings": settings_of(network), "images": len(data.images), "scores": scores}
    record(arguments, results, time.perf_counter() - start)


if __name__ == "__main__":
    main()
