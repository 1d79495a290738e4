"""Which augmentations for which images: colour that carries the classes, or hides them.

Three sets: emoji of two vendors (categories, and matching of the two pictures of an emoji), and
generated images whose class is the colour, or the shape, of an object. The default and its rivals
are trained for a short and for a long time. A linear classifier, with a penalty chosen by
leave-one-out, has the labels of three quarters of the images; of an emoji both pictures are on one
side. Settings were tuned on emoji of a third vendor and on other draws of the generated images.
"Chosen" is the augmentation that is best after the short training, by the cross-validated accuracy
with a hundred labels.
"""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import GroupShuffleSplit, KFold, cross_val_score

from sklearn_contrastive.augmentation import SimCLRAugmentation
from sklearn_contrastive.evaluation import knn_accuracy

from ._embedder import embedder, parameters_of
from ._generated_images import generated
from ._image_data import emoji
from ._image_run import image_run
from .emoji import matching

EPOCHS, SHORT = 30, 5
N_GENERATED = 2000
N_COMPONENTS = 128
FEW = 100
PENALTIES = np.logspace(-1, 5, 13)
DEFAULT = "default"
AUGMENTATIONS = {
    DEFAULT: "simclr",
    "as in the paper, strength 1": SimCLRAugmentation(1.0, grayscale=0.2),
    "strength 0.5": SimCLRAugmentation(0.5, grayscale=0.2),
    "crop_flip": "crop_flip",
}
SETS = ("emoji", "class in the colour", "class in the shape")


class ImageSet:
    """Colour images, their classes, and groups that are not split."""

    def __init__(self, name, seed, n=None):
        self.name, self.pairs = name, None
        if name == "emoji":
            data = emoji()
            chosen = (
                slice(None) if n is None else np.isin(data.base, np.unique(data.base)[: n // 2])
            )
            self.images = data.images[chosen]
            self.label, self.groups = data.category[chosen], data.base[chosen]
            self.pairs = type(data)(self.images, self.label, data.vendor[chosen], self.groups)
        else:
            data = generated(name.split()[-1], n or N_GENERATED, 100 + seed)
            self.images, self.label = data.images, data.label
            self.groups = np.arange(len(self.label))
        split = GroupShuffleSplit(1, test_size=0.25, random_state=seed)
        self.train, self.test = next(split.split(self.images, self.label, self.groups))

    def scores(self, rows):
        """Accuracies on the test images, and of matching; rows in their own unit, centred."""
        rows = centred(rows)
        train, test, y = self.train, self.test, self.label
        classifier = RidgeClassifierCV(PENALTIES).fit(rows[train], y[train])
        found = {
            "linear": float(classifier.score(rows[test], y[test])),
            "kNN": knn_accuracy(rows[train], y[train], rows[test], y[test]),
        }
        if self.pairs is not None:
            found["matching"] = matching(rows, self.pairs)["top-1"]
        return found

    def few_labels(self, rows, seed):
        """Cross-validated accuracy on a hundred labelled training images."""
        few = np.random.default_rng(seed).permutation(self.train)[:FEW]
        classifier, folds = RidgeClassifierCV(PENALTIES), KFold(5, shuffle=True, random_state=seed)
        return float(
            cross_val_score(classifier, centred(rows)[few], self.label[few], cv=folds).mean()
        )


def centred(rows):
    """Rows with mean 0, in a unit in which their mean square is 1."""
    rows = rows - rows.mean(axis=0)
    return rows / np.sqrt(np.mean(rows**2))


def draw(name, n, epochs, short, device, seed):
    """Method -> scores, of one set; of a network also those after the short training."""
    data = ImageSet(name, seed, n)
    flat = data.images.reshape(len(data.images), -1) / 255.0
    n_components = min(N_COMPONENTS, len(flat) // 2)
    found = {
        "pixels": data.scores(flat),
        "PCA": data.scores(PCA(n_components, random_state=seed).fit_transform(flat)),
    }
    for title, augmentations in AUGMENTATIONS.items():
        rows = [
            embedder(device, seed, max_epochs=n_epochs, augmentations=augmentations, verbose=0)
            .fit(data.images)
            .transform(data.images)
            for n_epochs in (short, epochs)
        ]
        found[title] = data.scores(rows[1]) | {"short": data.few_labels(rows[0], seed)}
    chosen = max(AUGMENTATIONS, key=lambda title: found[title]["short"])
    return found | {"chosen": found[chosen] | {"augmentation": chosen}}


def main():
    """Score every augmentation on every set."""
    run = image_run(__spec__.name, __doc__.splitlines()[0], seeds=2, epochs=EPOCHS)
    size = (200, 2, 1) if run.quick else (None, run.options.epochs, SHORT)
    drawn = run.draws(draw, [(name, *size, run.options.device) for name in SETS])
    scores = {case[0]: draws for case, draws in drawn.items()}
    for name, draws in scores.items():
        rows = [
            {"representation": title}
            | {
                score: f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"
                for score in draws[0][title]
                if score != "augmentation"
                for values in [[each[title][score] for each in draws]]
            }
            for title in draws[0]
        ]
        run.add_table(name, rows)
    model = embedder(run.options.device, 0, max_epochs=run.options.epochs)
    run.settings |= {"embedder": parameters_of(model), "short": SHORT, "images": N_GENERATED}
    run.results = {"scores": scores}
    run.save()


if __name__ == "__main__":
    main()
