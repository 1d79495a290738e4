"""Estimators of images get anything, and image files of any bytes: a result or a refusal."""

import copy
import io
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.fuzz import WEIRD, FuzzInput, alterations, attempt, fuzz_inputs
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torch.utils.data import TensorDataset

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive.augmentation import ImageAugmenter

N_EXAMPLES = settings().max_examples
TRAINING = {"max_epochs": 1, "batch_size": 4, "random_state": 0, "device": "cpu", "verbose": 0}
GREY = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)


def small_encoder():
    """A network for images of any shape."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))


def _with(pixels, value):
    pixels = pixels.astype(np.float32)
    if pixels.size:
        pixels.flat[-1] = value
    return pixels


# from uint8 pixels (n, h, w, c), how images may be passed, rightly or wrongly
IMAGES = {
    "uint8": lambda pixels: pixels,
    "channels first": lambda pixels: pixels.transpose(0, 3, 1, 2),
    "no channels": lambda pixels: pixels[..., 0],
    "floats": lambda pixels: pixels / np.float32(255),
    "float16": lambda pixels: (pixels / 255).astype(np.float16),
    "beyond 1": lambda pixels: pixels.astype(np.float32),
    "bools": lambda pixels: pixels > 99,
    "int64": lambda pixels: pixels.astype(np.int64),
    "big-endian": lambda pixels: (pixels / 255).astype(">f4"),
    "NaN": lambda pixels: _with(pixels / 255, np.nan),
    "infinity": lambda pixels: _with(pixels / 255, np.inf),
    "subnormal": lambda pixels: (pixels * 1e-45).astype(np.float32),
    "constant": lambda pixels: np.zeros_like(pixels),
    "flat": lambda pixels: (pixels / 255).reshape(len(pixels), -1),
    "frame": lambda pixels: pd.DataFrame((pixels / 255).reshape(len(pixels), -1)),
    "list": lambda pixels: list(pixels),
    "lists of lists": lambda pixels: (pixels / 255).tolist(),
    "tensor": lambda pixels: torch.from_numpy(pixels.copy()),
    "tensor in bfloat16": lambda pixels: torch.from_numpy(pixels / 255).to(torch.bfloat16),
    "tensors": lambda pixels: [torch.from_numpy(image.copy()) for image in pixels],
    "tensor with gradient": lambda pixels: torch.from_numpy(pixels / 255).requires_grad_(),
    "dataset": lambda pixels: TensorDataset(torch.from_numpy(pixels.copy())),
    "of Pillow": lambda pixels: [Image.fromarray(image[..., 0]) for image in pixels],
    "of two sizes": lambda pixels: [*pixels, pixels[0, :-1]],
    "with an axis more": lambda pixels: pixels[..., None],
    "objects": lambda pixels: pixels.astype(object),
    "reversed": lambda pixels: pixels[::-1, ::-1, ::-1],
}


SHAPES = [(4, 4, 1), (5, 3, 3), (1, 7, 1), (8, 8, 1), (2, 2, 4), (0, 3, 1)]
# a callable may do anything
ANYTHING = [each for each in WEIRD if not callable(each)]


class ImageInput(FuzzInput):
    """Images of a form; `n_columns` is a number of `SHAPES`."""

    def build(self):
        """What is passed."""
        height, width, channels = SHAPES[self.n_columns]
        rng = np.random.default_rng(self.seed)
        pixels = rng.integers(0, 256, (self.n_rows, height, width, channels), dtype=np.uint8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return IMAGES[self.form](pixels)
            except (ValueError, IndexError):  # this form does not exist for this shape
                return pixels


PICTURES = st.builds(
    ImageInput,
    st.integers(0, 9),
    st.integers(0, 5),
    st.just("pixels"),
    st.sampled_from(sorted(IMAGES)),
    st.integers(0, 2**32 - 1),
)
INPUTS = st.one_of(PICTURES, PICTURES, fuzz_inputs())
VALUES = {
    "image_shape": [(8, 8), (4, 4, 1), (1, 6), (2, 2, 2), (0, 3)],
    "projection_head": ["mlp3", "linear", "none"],
    "projection_dim": [1, 5, np.int64(3)],
    "loss": ["decoupled", "spectral", "linear", "vicreg", "barlow_twins", "sigreg"],
    "temperature": [0.01, 5.0, "learn"],
    "augmentations": ["crop", "crop_flip", "masking", "none"],
    "batch_size": [3, 10**6],
    "optimizer": ["muon", "adamw", "sgd", "lars"],
    "learning_rate": ["linear", "sqrt", 1e-30, 1e30],
    "weight_decay": [0, 1e30],
    "warmup_epochs": [0, 0.5, 1e9],
    "output": ["projection", "middle"],
    "on_unreadable": ["skip"],
    "normalization": [(0.5, 0.2), ([0.1], [1.0]), (0, 0), ([1, 2], 3)],
    "random_state": [None, 3],
    # those of the test: a value of WEIRD would train for days, or on another device
    "encoder": [small_encoder],
    "max_epochs": [1, -1, None, "x"],
    "verbose": [0],
    "checkpoint_dir": [None],
}


@cache
def fitted():
    return SimCLREmbedder(small_encoder, **TRAINING).fit(GREY)


@st.composite
def parameters(draw):
    """Draw up to two parameters, valid ones or anything."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=2, unique=True))
    fixed = ("encoder", "max_epochs", "verbose", "checkpoint_dir")
    return {
        name: draw(st.sampled_from(VALUES[name] if name in fixed else VALUES[name] * 2 + ANYTHING))
        for name in names
    }


@settings(max_examples=4 * N_EXAMPLES)
@given(X=INPUTS, new=INPUTS, chosen=parameters(), method=st.sampled_from(["fit", "partial_fit"]))
def test_any_images_give_an_embedding_or_a_refusal(X, new, chosen, method):
    model = copy.deepcopy(fitted())
    before = model.net_
    model.set_params(**chosen)
    result, _ = attempt(lambda: getattr(model, method)(X.build()))
    if result is None:  # the earlier fit stays
        assert model.net_ is before
        model.set_params(**SimCLREmbedder(small_encoder, **TRAINING).get_params())
    for images in (X, new):
        embedding, _ = attempt(lambda images=images: model.transform(images.build()))
        if embedding is not None:
            n_images = len(images.build()) if images.form != "generator" else images.n_rows
            assert embedding.shape == (n_images, model.net_.module_.width_of(model.output))
            assert embedding.dtype == np.float32
            assert np.isfinite(embedding).all()


@settings(max_examples=4 * N_EXAMPLES)
@given(X=INPUTS, new=INPUTS, augmentations=st.sampled_from([*VALUES["augmentations"], *ANYTHING]))
def test_any_images_give_views_or_a_refusal(X, new, augmentations):
    model = ImageAugmenter(augmentations, random_state=0)
    result, _ = attempt(lambda: model.fit(X.build()))
    for images in (X, new):
        found, _ = attempt(lambda images=images: model.transform(images.build()))
        if found is not None:
            assert result is not None
            assert np.isfinite(np.asarray(found)).all()


FORMATS = {
    "png": {}, "jpeg": {}, "gif": {}, "tiff": {"compression": "tiff_lzw"}, "bmp": {}, "webp": {},
    "ppm": {}, "ico": {}, "tga": {}, "pcx": {},
}  # fmt: skip


@cache
def image_file(suffix):
    content = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(content, format=suffix, **FORMATS[suffix])
    return content.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


@settings(max_examples=8 * N_EXAMPLES)
@given(data=st.data(), suffix=st.sampled_from(sorted(FORMATS)))
def test_image_files_of_any_bytes_give_an_embedding_or_are_named(data, suffix, folder):
    content = image_file(suffix)
    anything = st.one_of(alterations(content), st.binary(max_size=60).map(content[:8].__add__))
    path = folder / f"image.{suffix}"
    path.write_bytes(data.draw(anything))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, about what it could read
        try:
            embedding = fitted().transform([path])
        except ValueError as error:
            named = str(error)
        else:
            assert embedding.shape == (1, 3)
            assert np.isfinite(embedding).all()
            return
    assert str(path) in named
