"""What h and z still know: which transformation of an image was applied, by a linear probe.

Fashion-MNIST in random colours, and views of crop, flip, colour jitter and grey. Each image is
transformed at random, rotated by 0, 90, 180 or 270 degrees, or else changed or not; the probe is
fitted to training images and scored on test images. z has as many features as h.
"""

import numpy as np
import torch

from sklearn_contrastive.augmentation import Compose, GaussianBlur, RandomFlip, RandomGrayscale
from sklearn_contrastive.evaluation import linear_probe

from ._finding import MANY_SEEDS, Finding, run_finding
from ._image_sets import TINTED, image_set
from ._judge import Claim, better
from ._networks import CROP, OUTPUTS, PENALTY, jitter, rows_of, simclr

VIEWS = Compose([CROP, RandomFlip(), jitter(1.0), RandomGrayscale(0.2)])
# of the epochs of the scale, because one network is enough here
LENGTH = 2
LUMA = np.array([0.299, 0.587, 0.114])


def rotated(images, quarter, rng):
    """Images (n, h, w, 3), each turned by its number of quarters."""
    turned = np.stack([np.rot90(images, k, axes=(1, 2)) for k in range(4)])
    return turned[quarter, np.arange(len(images))]


def grey(images, chosen, rng):
    """The chosen images without colour."""
    return mixed(images, np.repeat((images @ LUMA)[..., None], 3, axis=-1), chosen)


def brighter(images, chosen, rng):
    """The chosen images brighter by a fifth."""
    return mixed(images, 1.2 * images, chosen)


def blurred(images, chosen, rng):
    """The chosen images blurred, with a standard deviation of one pixel."""
    batch = torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(255))
    blur = GaussianBlur(sigma=(1.0, 1.0), p=1.0)(batch, torch.Generator())
    return mixed(images, 255 * blur.numpy().transpose(0, 2, 3, 1), chosen)


def corrupted(images, chosen, rng):
    """The chosen images with normal noise of a tenth of the range."""
    return mixed(images, images + rng.normal(0.0, 25.5, images.shape), chosen)


def mixed(images, changed, chosen):
    """The changed images where chosen, as uint8."""
    changed = np.clip(np.round(changed), 0, 255).astype(np.uint8)
    return np.where(chosen[:, None, None, None] == 1, changed, images)


# function of images, class of each and a generator; number of classes; the paper's table 3
TRANSFORMATIONS = {
    "rotation": (rotated, 4, "h 68, z 26"),
    "grey": (grey, 2, "h 99, z 97"),
    "brightness": (brighter, 2, "not measured"),
    "blur": (blurred, 2, "not measured"),
    "corruption": (corrupted, 2, "h 99.5, z 60"),
}


def scored(scale, device, seed):
    """Accuracy of a linear probe for each transformation, on h and on z."""
    data = image_set(TINTED, scale, seed)
    changes = {"augmentations": VIEWS, "max_epochs": LENGTH * scale.epochs}
    network = simclr(scale, device, seed, data.train, **changes).fit(data.train)
    found = {}
    for name, (transform, n_classes, _) in TRANSFORMATIONS.items():
        rng = np.random.default_rng([seed, n_classes])
        parts = []
        for images in (data.train, data.test):
            label = rng.integers(0, n_classes, len(images))
            parts.append((transform(images, label, rng), label))
        for output in OUTPUTS:
            rows = [(rows_of(network, images, output), label) for images, label in parts]
            found[f"{name}, {output}"] = linear_probe(*rows[0], *rows[1], C=PENALTY)
    return found


def known_better(name):
    """h knows more of a transformation than z."""
    return better(f"{name}, h", f"{name}, z")


FINDING = Finding(
    __spec__.name,
    __doc__.splitlines()[0],
    [()],
    scored,
    (
        Claim(
            "h knows more than z of rotation, grey and corruption",
            tuple(map(known_better, ("rotation", "grey", "corruption"))),
            "h 68, 99, 99.5; z 26, 97, 60",
        ),
        *(
            Claim(f"h knows more of {name} than z", (known_better(name),), paper)
            for name, (_, _, paper) in TRANSFORMATIONS.items()
        ),
    ),
    MANY_SEEDS,
)

if __name__ == "__main__":
    run_finding(FINDING)
