"""Images stored in arrays of different types and layouts, and their batches as arrays."""

import numpy as np
import torch
from helpers.strategies import SEEDS
from hypothesis import strategies as st

__all__ = ["read", "read_all", "scaled", "stored_images"]


def read(source, index, device="cpu"):
    """Return one batch as a NumPy array."""
    (batch,) = source.batches([torch.as_tensor(index)], device)
    assert batch.dtype == torch.float32
    return batch.numpy()


def read_all(source):
    """Return all images as a NumPy array."""
    return read(source, np.arange(len(source)))


@st.composite
def stored_images(draw):
    """Draw images (n, c, h, w), an array that stores them, and their image_shape."""
    c, h, w = draw(st.sampled_from([1, 2, 3, 5])), draw(st.integers(2, 9)), draw(st.integers(2, 9))
    n, rng = draw(st.integers(1, 12)), np.random.RandomState(draw(SEEDS))
    dtype = draw(st.sampled_from(["uint8", "bool", "float16", "float32", "float64", ">f4", "g"]))
    images = rng.randint(0, 256, (n, c, h, w))
    images = images.astype(dtype) if dtype == "uint8" else (images / 255).round(2).astype(dtype)
    last = np.moveaxis(images, 1, 3)
    ways = [images, last, last.reshape(n, -1)] + ([images[:, 0]] if c == 1 else [])
    stored = draw(st.sampled_from(ways))
    strides = draw(st.sampled_from(["C", "F", "reversed", "every second"]))
    if strides == "reversed":
        stored = np.ascontiguousarray(stored[::-1, ..., ::-1])[::-1, ..., ::-1]
    elif strides == "every second":
        stored = np.repeat(stored, 2, axis=0)[::2]
    else:
        stored = np.array(stored, order=strides)
    if draw(st.booleans()):
        stored.flags.writeable = False
    if stored.shape[1:] == last.shape[1:]:  # if both layouts fit, the last axis is the channels
        images = np.moveaxis(stored, 3, 1)
    image_shape = draw(st.sampled_from([(h, w, c), [h, w, c]] + ([(h, w)] if c == 1 else [])))
    return images, stored, image_shape


def scaled(images):
    """Return images as floats from 0 to 1."""
    return images.astype(np.float64) / (255 if images.dtype == np.uint8 else 1)
