"""Sets of images of the findings, drawn anew for each seed."""

import functools

import numpy as np

from ..images._generated_images import generated, rgb
from ..images._image_data import LabelledImages, emoji, fashion_mnist

GREY, TINTED, COLOUR, EMOJI = "clothes", "tinted clothes", "class in the colour", "emoji"


def image_set(name, scale, seed):
    """Training and test images of a set; the seed draws which, and their colours.

    Parameters
    ----------
    name : str
        "clothes" is Fashion-MNIST in grey. In "tinted clothes" each image has a random bright
        colour on a random dark one, so that crops of one image share their colours, which say
        nothing about the class. In "class in the colour" objects are generated, and their hue is
        the class. "emoji" are pictures of two vendors by their category; both pictures of an emoji
        are on the same side.
    scale : Scale
        Numbers and size.
    seed : int
        Draws the images.
    """
    rng = np.random.default_rng([seed, 2020])
    if name == COLOUR:
        n, side = scale.n_train + scale.n_test, 16 if scale.halve else 32
        data = generated("colour", n, 1000 + seed, side)
        return parted(name, data.images, data.label, np.arange(n) < scale.n_train, scale)
    if name == EMOJI:
        return emoji_set(scale, rng)
    given = clothes()
    train = rng.permutation(len(given.train))[: scale.n_train]
    test = rng.permutation(len(given.test))[: scale.n_test]
    images = [given.train[train], given.test[test]]
    if scale.halve:
        images = [halved(each) for each in images]
    if name == TINTED:
        images = [tinted(each, rng) for each in images]
    return LabelledImages(name, images[0], given.y_train[train], images[1], given.y_test[test])


@functools.cache
def clothes():
    """Fashion-MNIST, read once."""
    return fashion_mnist()


def emoji_set(scale, rng):
    """Emoji by category, three quarters of them for training; 16 x 16 instead of 64 x 64."""
    data = pictures_of_emoji()
    bases = np.unique(data.base)
    chosen = np.isin(data.base, rng.permutation(bases)[: 3 * len(bases) // 4])
    images = halved(halved(data.images)) if scale.halve else data.images
    label = np.unique(data.category, return_inverse=True)[1]
    return parted(EMOJI, images, label, chosen, scale)


@functools.cache
def pictures_of_emoji():
    """Emoji of two vendors, read once."""
    return emoji()


def parted(name, images, label, chosen, scale):
    """The chosen images for training, the others to test, at most as many as the scale says."""
    train, test = np.flatnonzero(chosen)[: scale.n_train], np.flatnonzero(~chosen)[: scale.n_test]
    return LabelledImages(name, images[train], label[train], images[test], label[test])


def has_emoji():
    """Whether the pictures of emoji are here."""
    try:
        pictures_of_emoji()
    except FileNotFoundError:
        return False
    return True


def halved(images):
    """Images (n, h, w) or (n, h, w, 3) of uint8 with half of the sides, means of 2 x 2 pixels."""
    n, height, width, *channels = images.shape
    blocks = images.reshape(n, height // 2, 2, width // 2, 2, *channels)
    return blocks.mean(axis=(2, 4)).round().astype(np.uint8)


def tinted(images, rng):
    """Grey images (n, h, w) of uint8 in two random colours each: (n, h, w, 3) of uint8.

    Black becomes a dark colour, with value at most 0.3 in HSV, and white a bright one, with value
    at least 0.7; both hues are uniform.
    """
    n = len(images)
    dark, bright = (
        rgb(rng.uniform(0, 1, n), rng.uniform(0.3, 0.9, n), rng.uniform(*value, n))
        for value in ((0.0, 0.3), (0.7, 1.0))
    )
    share = images[..., None] / 255.0
    mixed = (1 - share) * dark[:, None, None] + share * bright[:, None, None]
    return np.round(255 * mixed).astype(np.uint8)
