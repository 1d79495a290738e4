"""Encoders: names, modules and factories, image shapes, pretrained weights, invalid input."""

import copy
import math
import sys

import huggingface_hub
import pytest
import timm
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn
from torch.nn import functional as F

from sklearn_contrastive.deep._networks.encoders import (
    build_encoder,
    encoder_width,
)
from sklearn_contrastive.deep._networks.narrow_resnet import narrow_resnet
from sklearn_contrastive.deep._networks.normalization import Normalization, encoder_normalization


def seeded(seed, make):
    """Result of `make` with PyTorch's global generator seeded; its state is restored."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make()


def images(n, *shape, seed=0):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))


def n_weights(module):
    return sum(weight.numel() for weight in module.parameters())


def state_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same_state(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert_array_equal(value, second[name], err_msg=name)


def flat_encoder(n_pixels=64, width=5):
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(n_pixels), nn.Linear(n_pixels, width))


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet_narrow", "resnet18"])
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize(("size", "n_parts"), [(8, 4), (24, 9), (28, 16), (32, 16), (64, 16)])
def test_residual_networks_take_grey_and_colour_of_every_size(name, n_channels, size, n_parts):
    shape = (n_channels, size, size)
    encoder = build_encoder(name, shape)
    width = 512 if name == "resnet18" else 128 * n_parts
    assert encoder_width(encoder, shape) == width
    assert encoder.eval()(images(3, *shape)).shape == (3, width)


@pytest.mark.parametrize("size", [(8, 8), (20, 12), (28, 28), (70, 130)])
def test_the_narrow_network_tells_the_parts_of_an_image_apart(size):
    encoder, batch = build_encoder("resnet_narrow", (1, *size)).eval(), images(2, 1, *size)
    with torch.no_grad():
        maps, rows = encoder[:-1](batch), encoder(batch)
    n_rows, n_columns = (min(4, side) for side in maps.shape[2:])
    height, width = (
        math.ceil(side / n) for side, n in zip(maps.shape[2:], (n_rows, n_columns), strict=True)
    )
    below_left = maps[:, :, -height:, :width].mean(dim=(2, 3))
    parts = rows.reshape(2, 128, n_rows, n_columns)
    assert_allclose(parts[:, :, -1, 0], below_left, rtol=1e-5, atol=1e-6)


@given(
    sides=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    grid=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=SEEDS,
)
def test_averages_over_cells_are_those_of_adaptive_pooling(sides, grid, seed):
    maps = images(2, 3, *sides, seed=seed).double().requires_grad_()
    again = maps.detach().clone().requires_grad_()
    averages = narrow_resnet(3, widths=[3], grid=grid, blocks=[0])[-1](maps)
    expected = F.adaptive_avg_pool2d(again, grid).flatten(1)
    assert_allclose(averages.detach(), expected.detach(), rtol=1e-12)
    weights = torch.linspace(-1, 2, expected.numel()).double().view_as(expected)
    for each in (averages, expected):
        each.backward(weights)
    assert_allclose(maps.grad, again.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("size", "width"), [((1, 1), 128), ((4, 4), 128), ((4, 5), 256)])
def test_the_narrow_network_averages_maps_of_one_position_once(size, width):
    assert encoder_width(build_encoder("resnet_narrow", (1, *size)), (1, *size)) == width


@given(n_features=st.integers(1, 63), seed=SEEDS)
def test_rows_of_features_are_images_that_can_be_trained_on(n_features, seed):
    encoder = seeded(seed, lambda: build_encoder("resnet_narrow", (1, 1, n_features)))
    output = encoder(images(2, 1, 1, n_features, seed=seed))
    output.square().sum().backward()
    assert output.shape == (2, 128 * min(4, math.ceil(n_features / 4)))
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters())


@pytest.mark.parametrize("n_features", [1, 2, 3, 4, 7, 16, 33, 63])
def test_rows_of_features_pass_through_a_network_of_timms(n_features):
    encoder = build_encoder("resnet18", (1, 1, n_features))
    assert encoder(images(2, 1, 1, n_features)).shape == (2, 512)


@pytest.mark.parametrize("name", ["resnet10t", "seresnet18"])
def test_small_images_get_a_small_stem(name):
    # resnet10t has a stem of three convolutions
    small, large = build_encoder(name, (3, 63, 200)), build_encoder(name, (3, 64, 64))
    assert (small.conv1.kernel_size, small.conv1.stride) == ((3, 3), (1, 1))
    assert isinstance(small.maxpool, nn.Identity)
    assert small.forward_features(images(2, 3, 32, 32)).shape[2:] == (4, 4)
    assert large.forward_features(images(2, 3, 64, 64)).shape[2:] == (2, 2)


def test_a_small_stem_keeps_the_rest_of_the_network():
    ours = build_encoder("resnet18", (1, 32, 32)).state_dict()
    timms = timm.create_model("resnet18", in_chans=1, num_classes=0).state_dict()
    assert ours.keys() == timms.keys()
    assert [k for k in ours if ours[k].shape != timms[k].shape] == ["conv1.weight"]


@pytest.mark.parametrize(("name", "width"), [("convnext_atto", 320), ("vit_tiny_patch16_224", 192)])
def test_other_families_take_the_size_of_the_images(name, width):
    encoder = build_encoder(name, (1, 64, 64)).eval()
    assert encoder(images(2, 1, 64, 64)).shape == (2, width)


@given(seed=SEEDS)
def test_weights_follow_from_the_global_generator_alone(seed):
    name, shape = "resnet_narrow", (1, 8, 8)
    first = seeded(seed, lambda: build_encoder(name, shape))
    second = seeded(seed, lambda: build_encoder(name, shape))
    other = seeded(seed + 1, lambda: build_encoder(name, shape))
    assert_same_state(first.state_dict(), second.state_dict())
    assert not torch.equal(first[0].weight, other[0].weight)


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_weights_of_timms_networks_follow_from_the_global_generator_too(name):
    first, second = (seeded(3, lambda: build_encoder(name, (3, 32, 32))) for _ in range(2))
    assert_same_state(first.state_dict(), second.state_dict())


@pytest.mark.parametrize("encoder", ["resnet_narrow", "resnet18", flat_encoder()])
def test_a_representation_does_not_depend_on_other_images_of_the_batch(encoder):
    module = build_encoder(encoder, (1, 8, 8))
    module(images(16, 1, 8, 8, seed=1))  # changes the running statistics
    module.eval()
    batch = images(6, 1, 8, 8)
    alone = torch.cat([module(image[None]) for image in batch])
    assert_allclose(module(batch).detach(), alone.detach(), rtol=1e-4, atol=1e-5)


# --- modules and factories ------------------------------------------------------------------------


def test_a_module_is_copied_with_its_weights_and_does_not_change():
    module = flat_encoder()
    module[1].eval()
    module[2].weight.requires_grad_(False)
    before = state_of(module)
    encoder = build_encoder(module, (1, 8, 8))
    assert_same_state(encoder.state_dict(), before)
    assert [part.training for part in encoder] == [True, False, True]
    assert not encoder[2].weight.requires_grad
    for weight in encoder.parameters():
        weight.data.add_(1)
    assert_same_state(module.state_dict(), before)


def test_a_factory_and_a_class_are_called():
    class Flat(nn.Sequential):
        def __init__(self):
            super().__init__(nn.Flatten(), nn.Linear(64, 4))

    assert isinstance(build_encoder(Flat, (1, 8, 8)), Flat)
    first, second = (seeded(0, lambda: build_encoder(Flat, (1, 8, 8))) for _ in range(2))
    assert first is not second
    assert_same_state(first.state_dict(), second.state_dict())
    assert encoder_width(build_encoder(lambda: flat_encoder(width=3), (1, 8, 8)), (1, 8, 8)) == 3


def test_testing_an_encoder_changes_neither_its_state_nor_the_global_generator():
    encoder = narrow_resnet(1)
    encoder[1].eval()
    modes, before = [part.training for part in encoder.modules()], state_of(encoder)
    global_state = torch.get_rng_state()
    encoder_width(encoder, (1, 8, 8))
    assert_array_equal(torch.get_rng_state(), global_state)
    assert_same_state(encoder.state_dict(), before)
    assert [part.training for part in encoder.modules()] == modes


def test_a_failed_test_restores_the_modes_of_all_parts():
    encoder = nn.Sequential(nn.Dropout(), nn.Conv2d(3, 4, 3)).train()
    with pytest.raises(ValueError, match="cannot take"):
        encoder_width(encoder, (1, 8, 8))
    assert all(part.training for part in encoder.modules())


def test_an_encoder_can_be_tested_with_default_dtype_float64():
    encoder = narrow_resnet(1)
    torch.set_default_dtype(torch.float64)
    try:
        assert encoder_width(encoder, (1, 8, 8)) == 128
    finally:
        torch.set_default_dtype(torch.float32)


# --- the narrow network ---------------------------------------------------------------------------


def obvious_narrow_resnet(state, x, n_blocks, strides):
    """The network of He et al. in evaluation mode, computed layer by layer from its weights."""

    def normalized(x, prefix):
        mean, variance, scale, shift = (
            state[f"{prefix}.{name}"][:, None, None]
            for name in ["running_mean", "running_var", "weight", "bias"]
        )
        return (x - mean) / torch.sqrt(variance + 1e-5) * scale + shift

    x = normalized(F.conv2d(x, state["0.weight"], padding=1), "1").clamp(min=0)
    for block, stride in zip(range(3, 3 + n_blocks), strides, strict=True):
        inner = F.conv2d(x, state[f"{block}.conv1.weight"], padding=1, stride=stride)
        inner = normalized(inner, f"{block}.bn1").clamp(min=0)
        inner = normalized(
            F.conv2d(inner, state[f"{block}.conv2.weight"], padding=1), f"{block}.bn2"
        )
        if f"{block}.shortcut.0.weight" in state:
            x = F.conv2d(x, state[f"{block}.shortcut.0.weight"], stride=stride)
            x = normalized(x, f"{block}.shortcut.1")
        x = (x + inner).clamp(min=0)
    return x.mean(dim=(2, 3))


def test_the_narrow_network_is_a_residual_network():
    network = narrow_resnet(3, widths=(4, 6, 5), blocks=(1, 2, 1)).double()
    network(images(50, 3, 9, 7).double())
    x = images(4, 3, 9, 7, seed=1).double()
    slow = obvious_narrow_resnet(network.state_dict(), x, n_blocks=4, strides=[1, 2, 1, 2])
    assert_allclose(network.eval()(x).detach(), slow, rtol=1e-10, atol=1e-12)


def test_the_narrow_network_is_small():
    assert 100_000 < n_weights(build_encoder("resnet_narrow", (3, 28, 28))) < 1_000_000


@given(
    widths=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    n_blocks=st.integers(1, 2),
    stem_stride=st.integers(1, 2),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
)
def test_widths_and_blocks_of_the_narrow_network_can_be_chosen(
    widths, n_blocks, stem_stride, height, width
):
    blocks = [n_blocks] * len(widths)
    network = narrow_resnet(2, widths=widths, blocks=blocks, stem_stride=stem_stride)
    assert network(images(2, 2, height, width)).shape == (2, widths[-1])


def test_the_narrow_network_halves_large_images_at_once():
    sizes = [1, 23, 24, 63, 64, 224]
    strides = [build_encoder("resnet_narrow", (1, size, 224))[0].stride[0] for size in sizes]
    assert strides == [1, 1, 2, 2, 4, 4]


def test_memory_format_does_not_change_the_output():
    network = build_encoder("resnet_narrow", (3, 16, 16)).eval()
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)
    x = images(4, 3, 16, 16)
    y = last(x.to(memory_format=torch.channels_last)).detach()
    assert_allclose(network(x).detach(), y, rtol=1e-4, atol=1e-5)


def test_activations_keep_their_scale_through_the_narrow_network():
    network = seeded(0, lambda: narrow_resnet(3, widths=(16,) * 4, blocks=(2,) * 4))
    x = images(64, 3, 16, 16)
    spreads = []
    for layer in network[:-2]:
        x = layer(x)
        spreads.append(x.square().mean().sqrt().item())
    # a block adds a residual of variance 1 to its input
    assert min(spreads) > 0.3
    assert max(spreads) < 5


# --- pretrained weights ---------------------------------------------------------------------------


def test_weights_that_cannot_be_downloaded_are_an_error(monkeypatch, tmp_path):
    # offline mode fails at once; a missing network costs five retries
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match=r"could not be downloaded.*pretrained=False") as caught:
        build_encoder("resnet18", (3, 224, 224), pretrained=True)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.fixture
def weights_in_a_file(monkeypatch, tmp_path):
    """Weights of a resnet10t as pretrained ones; timm reads them from a file."""
    pretrained = seeded(5, lambda: timm.create_model("resnet10t"))
    torch.save(pretrained.state_dict(), tmp_path / "weights.pth")
    create_model, overlay = timm.create_model, {"file": str(tmp_path / "weights.pth")}

    def create(name, **options):
        return create_model(name, pretrained_cfg_overlay=overlay, **options)

    monkeypatch.setattr(timm, "create_model", create)
    return pretrained


def test_pretrained_weights_are_loaded_into_the_usual_stem(weights_in_a_file):
    encoder = build_encoder("resnet10t", (3, 32, 32), pretrained=True).eval()
    assert isinstance(encoder.maxpool, nn.MaxPool2d)
    x, expected = images(2, 3, 32, 32), weights_in_a_file.eval()
    expected.reset_classifier(0)
    assert_array_equal(encoder(x).detach(), expected(x).detach())
    normalization = encoder_normalization(copy.deepcopy(encoder))
    assert normalization == Normalization(encoder.pretrained_cfg["mean"], (0.229, 0.224, 0.225))


def test_a_grey_image_has_the_output_of_the_colour_image_with_equal_channels(weights_in_a_file):
    grey = build_encoder("resnet10t", (1, 64, 64), pretrained=True).eval()
    x = images(2, 1, 64, 64)
    weights_in_a_file.reset_classifier(0)
    colour = weights_in_a_file.eval()(x.expand(-1, 3, -1, -1))
    assert_allclose(grey(x).detach(), colour.detach(), rtol=1e-3, atol=1e-4)
    mean, std = encoder_normalization(grey)
    assert_allclose([*mean, *std], [0.449, 0.226])


def test_two_channels_have_two_means(weights_in_a_file):
    encoder = build_encoder("resnet10t", (2, 64, 64), pretrained=True)
    assert encoder_normalization(encoder) == ((0.485, 0.456), (0.229, 0.224))


@pytest.mark.parametrize("encoder", ["resnet_narrow", "resnet18", flat_encoder()])
def test_new_weights_have_no_normalization(encoder):
    assert encoder_normalization(build_encoder(encoder, (1, 8, 8))) is None


@pytest.mark.parametrize("name", ["resnet_narrow", "resnet18.nobody", "test_nothing"])
def test_names_without_pretrained_weights_are_refused(name):
    with pytest.raises(ValueError, match=r"no pretrained weights|is not known"):
        build_encoder(name, (3, 64, 64), pretrained=True)


def test_pretrained_needs_a_name():
    with pytest.raises(ValueError, match="needs an encoder name"):
        build_encoder(flat_encoder(), (1, 8, 8), pretrained=True)


# --- refusals -------------------------------------------------------------------------------------


def test_an_unknown_name_raises_an_error_with_the_closest_names():
    with pytest.raises(ValueError, match=r"closest names are ('\w+', ){2}'\w+';") as caught:
        build_encoder("resnet55", (1, 8, 8))
    assert "'resnet18'" in str(caught.value)
    assert "timm.list_models()" in str(caught.value)
    with pytest.raises(ValueError, match="closest names are 'resnet_narrow'"):
        build_encoder("resnet_narow", (1, 8, 8))


def test_without_timm_resnet_narrow_works_and_other_names_raise_import_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    assert encoder_width(build_encoder("resnet_narrow", (1, 8, 8)), (1, 8, 8)) == 512
    with pytest.raises(ImportError, match=r"python -m pip install timm$") as caught:
        build_encoder("resnet18", (1, 8, 8))
    assert "\n" not in str(caught.value)


def test_an_output_without_rows_is_refused_with_its_shape():
    with pytest.raises(ValueError, match=r"\(2, 3, 6, 6\).*pooling layer and nn.Flatten\(\)"):
        build_encoder(nn.Conv2d(1, 3, 3), (1, 8, 8))
    with pytest.raises(ValueError, match=r"shape \(128,\)"):
        build_encoder(nn.Flatten(0), (1, 8, 8))
    with pytest.raises(ValueError, match=r"shape \(1, 128\)"):
        build_encoder(nn.Sequential(nn.Flatten(0), nn.Unflatten(0, (1, 128))), (1, 8, 8))


def test_an_output_that_is_not_a_tensor_is_refused():
    with pytest.raises(ValueError, match="returned tuple"):
        build_encoder(nn.Sequential(nn.Flatten(), nn.LSTM(64, 3)), (1, 8, 8))


def test_weights_that_are_not_finite_are_refused():
    module = flat_encoder()
    nn.init.constant_(module[2].bias, float("nan"))
    with pytest.raises(ValueError, match="not finite"):
        build_encoder(module, (1, 8, 8))


def test_images_that_a_module_cannot_process_are_refused_with_its_message():
    with pytest.raises(ValueError, match=r"\(1, 8, 8\): .*3 channels, but got 1.*") as caught:
        build_encoder(nn.Conv2d(3, 4, 3), (1, 8, 8))
    assert isinstance(caught.value.__cause__, RuntimeError)
    with pytest.raises(ValueError, match=r"Kernel size.*larger images"):
        build_encoder("convnext_atto", (3, 8, 8))


def test_patches_that_do_not_tile_the_images_are_refused():
    # timm would silently crop 28 x 28 to 16 x 16
    with pytest.raises(ValueError, match="16 x 16 pixels do not tile"):
        build_encoder("vit_tiny_patch16_224", (1, 28, 28))


@pytest.mark.parametrize(("encoder", "match"), [(3, "must be a name"), (lambda: 3, "returned int")])
def test_objects_that_are_not_modules_are_refused(encoder, match):
    with pytest.raises(TypeError, match=match):
        build_encoder(encoder, (1, 8, 8))
