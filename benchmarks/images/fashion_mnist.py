"""Accuracy on Fashion-MNIST with few labels: raw pixels, linear methods, networks.

Every method is fitted to the 60,000 training images without labels. A logistic regression, its
penalty chosen by cross-validation of the labelled images for all methods alike, is then fitted to
100, 1000 or 5000 labels, of standardised columns and of centred rows of one length. kNN is the vote
of the ten nearest of 20,000 by cosine similarity, of centred rows as they are or whitened. Scores
are of the 10,000 test images. A seed draws the labelled images and the network. Settings were
chosen on training images.

On a GPU the encoder is ResNet-18, and there is a column for all labels: with C = 1, since a search
would take far longer than the training.
"""

import warnings

from sklearn.exceptions import ConvergenceWarning

from sklearn_contrastive.evaluation import linear_probe

from ._embedder import N_LABELS, embedder, parameters_of
from ._image_data import fashion_mnist
from ._image_run import gpu_name, image_run
from ._representations import (
    ROWS,
    SECONDS,
    fitted,
    methods,
    neighbours,
    print_entry,
    score,
    summary,
)


def with_all_labels(transformer, images):
    """Accuracy of the linear probe with the labels of all training images."""
    rows = transformer.transform(images.train), transformer.transform(images.test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return linear_probe(rows[0], images.y_train, rows[1], images.y_test)


def main():
    """Score all methods for each seed; print each result at once."""
    run = image_run(__spec__.name, __doc__.splitlines()[0], encoder="", epochs=0)
    images, n_labels, changes = fashion_mnist(), N_LABELS, {"verbose": 1}
    if run.quick:
        images, n_labels = images.first(2000, 500), (100, 1000)
        changes |= {"max_epochs": 1}
    if run.options.encoder:
        changes["encoder"] = run.options.encoder
    if run.options.epochs:
        changes["max_epochs"] = run.options.epochs
    scores = {}
    run.results = {"scores": scores}
    for seed in run.seeds:
        network = embedder(run.options.device, seed, **changes)
        for name, method in methods(network, seed).items():
            transformer, seconds = fitted(method, images.train)
            entry = score(transformer, images, n_labels, seed)
            rows = score(transformer, images, n_labels, seed, scaling="rows")
            entry |= {f"{n}{ROWS}": rows[str(n)] for n in n_labels}
            entry |= neighbours(transformer, images, seed)
            if gpu_name(run.options.device):
                entry["all"] = with_all_labels(transformer, images)
            scores.setdefault(name, []).append(entry | {SECONDS: seconds})
            print_entry(seed, name, scores[name][-1])
        run.settings["embedder"] = parameters_of(network)
        run.seeds = range(seed + 1)  # a run that ends early leaves a record of so many
        run.write()
    run.add_table("Accuracy", [summary(name, entries) for name, entries in scores.items()])
    run.save()  # `python -m benchmarks.report` draws the figure


if __name__ == "__main__":
    main()
