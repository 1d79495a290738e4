"""Pairs of augmentations: crop with colour jitter against all others.

Fashion-MNIST in random colours: crops of one image share their colours, a short cut for the
contrastive task that says nothing about the class, as on photographs. Both views are augmented; in
the paper one of them is cropped only. The diagonal is one augmentation alone.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import torch

from sklearn_contrastive.augmentation import (
    Compose,
    GaussianBlur,
    PatchMasking,
    RandomFlip,
    RandomGrayscale,
)

from ._finding import Finding, run_finding
from ._image_sets import TINTED, image_set
from ._judge import Claim, better
from ._networks import CROP, jitter, probe, simclr


@dataclass(frozen=True)
class GaussianNoise:
    """Adds normal noise of a standard deviation that is uniform for each image."""

    largest: float = 0.2

    def __call__(self, batch, generator):
        """Images (n, c, h, w) in [0, 1] with noise, clipped."""
        draws = {"generator": generator, "device": batch.device}
        deviation = self.largest * torch.rand(len(batch), 1, 1, 1, **draws)
        return (batch + deviation * torch.randn(batch.shape, **draws)).clamp(0, 1)


# in the order in which they are applied
AUGMENTATIONS = {
    "crop": CROP,
    "flip": RandomFlip(),
    "colour": jitter(1.0),
    "grey": RandomGrayscale(0.5),
    "blur": GaussianBlur(),
    "masking": PatchMasking(0.25),
    "noise": GaussianNoise(),
}
PAIRS = list(combinations_with_replacement(AUGMENTATIONS, 2))


def name_of(first, second):
    """Name of a pair, and of an augmentation alone."""
    return first if first == second else f"{first} + {second}"


def scored(scale, device, first, second, seed):
    """Linear probe after a training with a pair of augmentations, or with one."""
    data = image_set(TINTED, scale, seed)
    # inside Compose the masks of both views are independent; alone they are complementary
    views = Compose([AUGMENTATIONS[name] for name in dict.fromkeys((first, second))])
    network = simclr(scale, device, seed, data.train, augmentations=views).fit(data.train)
    return {name_of(first, second): probe(network, data)}


BEST = name_of("crop", "colour")
FINDING = Finding(
    __spec__.name,
    __doc__.splitlines()[0],
    PAIRS,
    scored,
    (
        Claim(
            "Crop with colour jitter is better than every single one and every other pair",
            tuple(
                better(BEST, name) for name in (name_of(*pair) for pair in PAIRS) if name != BEST
            ),
            "the best of all pairs",
        ),
        Claim(
            "Colour jitter improves crop",
            (better(BEST, "crop"),),
            "better than crop alone",
        ),
        Claim(
            "Crop improves colour jitter",
            (better(BEST, "colour"),),
            "better than colour alone",
        ),
        Claim(
            "Colour jitter improves crop more than every other augmentation does",
            tuple(
                better(BEST, name_of("crop", name))
                for name in AUGMENTATIONS
                if name not in ("crop", "colour")
            ),
            "the best of all pairs",
        ),
    ),
)

if __name__ == "__main__":
    run_finding(FINDING)
