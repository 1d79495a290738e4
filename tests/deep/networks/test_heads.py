"""Projection heads: layers, middle layer, and modules of the user."""

import copy

import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from sklearn_contrastive.deep._networks.heads import ProjectionHead, build_head

HIDDEN = {"none": 0, "linear": 0, "mlp": 1, "mlp3": 2}


def seeded(seed, make):
    """Result of `make` with PyTorch's global generator seeded; its state is restored."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make()


def rows(n, width, seed=0):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def obvious_outputs(state, h, n_hidden):
    """Outputs of the layers in training mode, row by row, from the weights."""
    outputs = []
    for layer in range(n_hidden):
        linear = torch.stack([state[f"layers.{layer}.0.weight"] @ row for row in h])
        centred = linear - linear.mean(dim=0)
        normal = centred / torch.sqrt((centred**2).mean(dim=0) + 1e-5)
        scaled = normal * state[f"layers.{layer}.1.weight"] + state[f"layers.{layer}.1.bias"]
        h = scaled.clamp(min=0)
        outputs.append(h)
    weight, bias = state[f"layers.{n_hidden}.weight"], state[f"layers.{n_hidden}.bias"]
    return [*outputs, torch.stack([weight @ row + bias for row in h])]


@given(
    kind=st.sampled_from(["linear", "mlp", "mlp3"]),
    width=st.integers(1, 9),
    projection_dim=st.integers(1, 9),
    n=st.integers(2, 6),
    seed=SEEDS,
)
def test_a_head_is_the_composition_of_its_layers(kind, width, projection_dim, n, seed):
    head = seeded(seed, lambda: ProjectionHead(width, projection_dim, kind)).double()
    h = rows(n, width, seed).double()
    slow = obvious_outputs(copy.deepcopy(head.state_dict()), h, HIDDEN[kind])
    outputs = head.outputs(h)
    assert len(outputs) == len(slow) == HIDDEN[kind] + 1
    for fast, obvious in zip(outputs, slow, strict=True):
        assert_allclose(fast.detach(), obvious, rtol=1e-9, atol=1e-9)
    assert_array_equal(head(h).detach(), outputs[-1].detach())
    assert head(h).shape == (n, head.projection_width) == (n, projection_dim)


@pytest.mark.parametrize("kind", ["mlp", "mlp3"])
def test_the_middle_is_the_first_hidden_layer(kind):
    head, h = ProjectionHead(6, 3, kind).eval(), rows(5, 6)
    assert head.has_middle
    assert_array_equal(head.middle(h).detach(), head.outputs(h)[0].detach())
    assert head.middle(h).shape == (5, 6)
    assert head.middle(h).min() >= 0


@pytest.mark.parametrize(
    ("width", "projection_dim", "hidden"), [(512, 2, 512), (2048, 128, 512), (2048, 200, 800)]
)
def test_hidden_layers_of_wide_representations_are_narrower(width, projection_dim, hidden):
    head = ProjectionHead(width, projection_dim, "mlp3").eval()
    outputs = head.outputs(rows(3, width).float())
    assert [each.shape[1] for each in outputs] == [hidden, hidden, projection_dim]
    assert head.middle_width == hidden


@pytest.mark.parametrize("head", ["none", "linear", nn.Linear(6, 3)])
def test_a_head_without_a_hidden_layer_has_no_middle(head):
    built = build_head(head, 6, 3)
    assert not built.has_middle
    with pytest.raises(ValueError, match="has no middle layer; use 'mlp' or 'mlp3'"):
        built.middle(rows(2, 6))


def test_head_none_is_the_identity():
    head, h = ProjectionHead(6, 3, "none"), rows(2, 6)
    assert head(h) is h
    assert head.outputs(h) == []
    assert head.projection_width == 6
    assert not list(head.parameters())


@pytest.mark.parametrize("kind", ["linear", "mlp", "mlp3"])
def test_a_head_does_not_change_its_input_and_propagates_gradients(kind):
    head, h = ProjectionHead(6, 3, kind), rows(5, 6).requires_grad_()
    before = h.detach().clone()
    sum(output.square().sum() for output in head.outputs(h)).backward()
    assert_array_equal(h.detach(), before)
    assert h.grad.abs().sum() > 0
    assert all(weight.grad.isfinite().all() for weight in head.parameters())


@pytest.mark.parametrize("kind", ["linear", "mlp", "mlp3"])
def test_a_projection_does_not_depend_on_other_samples_of_the_batch(kind):
    head = ProjectionHead(6, 3, kind)
    head(rows(20, 6, seed=1))
    head.eval()
    h = rows(5, 6)
    alone = torch.cat([head(row[None]) for row in h])
    assert_allclose(head(h).detach(), alone.detach(), rtol=1e-5, atol=1e-6)


@given(seed=SEEDS, kind=st.sampled_from(["linear", "mlp", "mlp3"]))
def test_weights_follow_from_the_global_generator(seed, kind):
    first, second = (seeded(seed, lambda: build_head(kind, 4, 3)) for _ in range(2))
    assert first.kind == kind
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert_array_equal(one.detach(), other.detach())


def test_projections_have_128_features_by_default():
    assert build_head("mlp", 6).projection_width == ProjectionHead(6).projection_width == 128
    assert ProjectionHead(6).kind == "mlp"


def test_a_module_is_copied_and_tested():
    module = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Dropout())
    before = copy.deepcopy(module.state_dict())
    global_state = torch.get_rng_state()
    head = build_head(module, 6, 3)
    assert_array_equal(torch.get_rng_state(), global_state)
    assert (head.projection_width, head.kind, head.training) == (4, "given", True)
    h = rows(3, 6)
    assert_array_equal(head.eval()(h).detach(), module.eval()(h).detach())
    assert len(head.outputs(h)) == 1
    for weight in head.parameters():
        weight.data.add_(1)
    for name, value in module.state_dict().items():
        assert_array_equal(value, before[name])


def test_a_copied_head_has_the_same_output():
    for head in [build_head("mlp3", 6, 3), build_head(nn.Linear(6, 3), 6)]:
        h = rows(4, 6)
        assert_array_equal(copy.deepcopy(head).eval()(h).detach(), head.eval()(h).detach())


def test_an_unknown_kind_raises_an_error_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'mpl' is not known; .*'none', 'linear', 'mlp', 'mlp3'"):
        build_head("mpl", 6)


def test_a_module_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"projection head cannot take .*have 6 features"):
        build_head(nn.Linear(5, 3), 6)
    with pytest.raises(ValueError, match=r"\(2, 6, 1\).*rows to rows"):
        build_head(nn.Unflatten(1, (6, 1)), 6)


def test_objects_that_are_neither_a_name_nor_a_module_are_refused():
    with pytest.raises(TypeError, match="neither a name"):
        build_head(3, 6)
