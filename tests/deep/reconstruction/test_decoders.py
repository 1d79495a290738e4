"""Decoders: shapes for images of any size, and modules of the user."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sklearn_contrastive.deep._reconstruction.decoders import (
    ImageDecoder,
    build_decoder,
    sizes_from_small_to_large,
)

SIDES = st.integers(1, 70)


@given(height=SIDES, width=SIDES, n_channels=st.integers(1, 5), n_components=st.integers(1, 20))
def test_decoded_images_have_any_size_and_number_of_channels(
    height, width, n_channels, n_components
):
    shape = (n_channels, height, width)
    decoder = ImageDecoder(n_components, shape).eval()
    for n_images in (1, 3):
        images = decoder(torch.randn(n_images, n_components))
        assert images.shape == (n_images, *shape)
        assert images.isfinite().all()


@given(height=st.integers(1, 2000), width=st.integers(1, 2000))
def test_sizes_double_from_seven_at_most_to_the_images(height, width):
    sizes = sizes_from_small_to_large(height, width)
    assert sizes[-1] == (height, width)
    assert max(sizes[0]) <= 7
    for smaller, larger in pairwise(sizes):
        assert all(a == math.ceil(b / 2) for a, b in zip(smaller, larger, strict=True))
    # one stage fewer would begin with a larger map
    assert len(sizes) == 1 or max(sizes[1]) > 7


def test_every_pixel_depends_on_the_code():
    decoder = ImageDecoder(16, (2, 13, 9)).eval()
    codes = torch.randn(40, 16, generator=torch.Generator().manual_seed(0))
    assert (decoder(codes).std(dim=0) > 1e-4).all()


@pytest.mark.parametrize("shape", [(3, 9, 6), (7,)])
@pytest.mark.parametrize("decoder", ["auto", "linear"])
def test_decoders_by_name_return_all_values_of_a_sample(decoder, shape):
    module = build_decoder(decoder, 5, shape).eval()
    assert module(torch.zeros(2, 5)).numel() == 2 * math.prod(shape)


def test_a_linear_decoder_is_a_matrix_and_an_offset():
    assert isinstance(build_decoder("linear", 5, (3, 2, 2)), nn.Linear)


def test_modules_are_copied_and_factories_are_called():
    given_module = nn.Linear(5, 7)
    copied = build_decoder(given_module, 5, (7,))
    assert copied is not given_module
    assert torch.equal(copied.weight, given_module.weight)
    layers = nn.Linear(5, 12), nn.Unflatten(1, (3, 2, 2))
    made = build_decoder(lambda: nn.Sequential(*layers), 5, (3, 2, 2))
    assert made(torch.zeros(2, 5)).shape == (2, 3, 2, 2)


@pytest.mark.parametrize(
    ("decoder", "error", "message"),
    [
        (nn.Linear(5, 6), ValueError, r"returned 6 values .* shape \(7,\) has 7. Change the last"),
        (nn.Linear(4, 7), ValueError, "decoder cannot take .* representations have 5 features"),
        (lambda: "linear", TypeError, "returned str; it must return a"),
    ],
)
def test_decoders_that_do_not_fit_are_refused(decoder, error, message):
    with pytest.raises(error, match=message):
        build_decoder(decoder, 5, (7,))
