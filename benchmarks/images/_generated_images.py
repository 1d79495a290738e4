"""Small colour images with known factors: shape, colour, place, size, angle and background."""

import colorsys
from dataclasses import dataclass

import numpy as np

N_HUES, N_SHAPES = 8, 6
FACTORS = ("colour", "shape")


@dataclass(frozen=True, eq=False)
class GeneratedImages:
    """Images (n, size, size, 3) of uint8, one object each, and the factor that is its class."""

    images: np.ndarray
    label: np.ndarray


def generated(factor, n, seed, size=32):
    """Images of one object each; the class is one factor, and all others are random.

    With "colour" the class is one of eight hues, up to a small spread; with "shape" one of six
    shapes, of any hue. Saturation, brightness, place, size, angle and background are random.
    """
    rng = np.random.default_rng([seed, FACTORS.index(factor)])
    shape = rng.integers(0, N_SHAPES, n)
    hue = rng.uniform(0, N_HUES, n)
    if factor == "colour":
        label = np.floor(hue).astype(int)
        hue = label + rng.normal(0.0, 0.16, n)
    else:
        label = shape
    inside = rgb(hue / N_HUES % 1.0, rng.uniform(0.5, 1.0, n), rng.uniform(0.6, 1.0, n))
    around = rgb(rng.uniform(0, 1, n), rng.uniform(0.0, 0.5, n), rng.uniform(0.2, 1.0, n))
    masks = _masks(shape, rng, size)[..., None]
    images = np.where(masks, inside[:, None, None], around[:, None, None])
    images = images + rng.normal(0.0, 0.04, images.shape)
    return GeneratedImages((255 * np.clip(images, 0.0, 1.0)).astype(np.uint8), label)


def rgb(hue, saturation, value):
    colours = zip(hue, saturation, value, strict=True)
    return np.array([colorsys.hsv_to_rgb(*colour) for colour in colours])


def _masks(shape, rng, size):
    """Where the object is: (n, size, size) of bool."""
    n = len(shape)
    centre, radius = rng.uniform(-0.18, 0.18, (2, n, 1, 1)), rng.uniform(0.18, 0.34, (n, 1, 1))
    angle = rng.uniform(0.0, 2.0 * np.pi, (n, 1, 1))
    y, x = np.mgrid[:size, :size] / size - 0.5
    x, y = (x - centre[0]) / radius, (y - centre[1]) / radius
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    r, turn = np.hypot(u, v), np.arctan2(v, u)
    bar = (np.abs(u) < 0.3) & (np.abs(v) < 1), (np.abs(v) < 0.3) & (np.abs(u) < 1)
    shapes = (
        r < 0.9,  # disc
        np.maximum(np.abs(u), np.abs(v)) < 0.8,  # square
        (r < 1.0) & (r > 0.55),  # ring
        bar[0] | bar[1],  # cross
        r < 0.6 + 0.35 * np.cos(5 * turn),  # flower
        (v > -0.6) & (v < 1 - 1.8 * np.abs(u)),  # triangle
    )
    return np.choose(shape[:, None, None], shapes)
