"""The loss of autoencoders: a slow version, masks, and parts of a batch in several processes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sklearn_contrastive.deep._networks.normalization import Normalization
from sklearn_contrastive.deep._reconstruction.network import AutoencoderRecipe
from sklearn_contrastive.deep._reconstruction.objective import (
    Masks,
    ReconstructionObjective,
    mean_squared_error,
)
from sklearn_contrastive.deep._training.processes import Processes, Share


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@given(seed=st.integers(0, 1000), shape=st.sampled_from([(3, 2, 4, 5), (4, 6), (1, 1, 1, 1)]))
def test_the_loss_is_the_mean_over_all_values(seed, shape):
    predicted, target = np.random.default_rng(seed).normal(size=(2, *shape))
    errors = [(predicted[index] - target[index]) ** 2 for index in np.ndindex(shape)]
    found = mean_squared_error(torch.tensor(predicted).float(), torch.tensor(target).float())
    assert found.item() == pytest.approx(np.mean(errors), rel=1e-5)


class OtherPart(Processes):
    """Two processes, of which the other one has contributed fixed sums."""

    def __init__(self, others):
        super().__init__()
        self.size, self.others = 2, others

    def sum(self, tensor):
        """Add the sums of the other process; backwards, there are two equal losses."""
        total = tensor + self.others
        total.register_hook(lambda gradient: 2 * gradient)
        return total


@given(seed=st.integers(0, 1000), n_first=st.integers(1, 6))
def test_parts_of_any_size_give_the_gradient_of_the_whole_batch(seed, n_first):
    draws = generator(seed)
    predicted, target = (torch.randn(7, 5, generator=draws) for _ in range(2))
    whole = predicted.clone().requires_grad_()
    loss = mean_squared_error(whole, target)
    loss.backward()
    parts = [slice(0, n_first), slice(n_first, 7)]
    for own, other in (parts, parts[::-1]):
        others = predicted[other] - target[other]
        sums = torch.tensor([float((others**2).sum()), float(others.numel())])
        part = predicted[own].clone().requires_grad_()
        shared = mean_squared_error(part, target[own], Share(OtherPart(sums), n_samples=7))
        shared.backward()
        # the trainer takes the mean over the two processes
        torch.testing.assert_close(part.grad / 2, whole.grad[own])
        torch.testing.assert_close(shared, loss)


@given(
    seed=st.integers(0, 1000),
    rate=st.floats(0.1, 0.9),
    patch_size=st.integers(1, 9),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
)
def test_images_are_hidden_in_whole_patches_and_all_channels(seed, rate, patch_size, height, width):
    images = torch.zeros(4, 3, height, width)
    hidden = Masks(rate, patch_size)(images, generator(seed))
    assert hidden.shape == (4, 1, height, width)
    for top in range(0, height, patch_size):
        for left in range(0, width, patch_size):
            patch = hidden[:, 0, top : top + patch_size, left : left + patch_size].flatten(1)
            assert (patch == patch[:, :1]).all()


@pytest.mark.parametrize("samples", [torch.zeros(2000, 1, 8, 8), torch.zeros(2000, 16)])
def test_the_share_of_hidden_values_is_the_rate(samples):
    hidden = Masks(0.3, 2)(samples, generator())
    # 2000 x 16 independent draws: five standard errors
    assert abs(hidden.float().mean() - 0.3) < 5 * np.sqrt(0.21 / 32000)


def test_features_of_rows_are_hidden_one_by_one():
    hidden = Masks(0.5, 4)(torch.zeros(3000, 2), generator()).float()
    assert abs(torch.corrcoef(hidden.T)[0, 1]) < 0.1


class Watching(nn.Module):
    """An encoder that keeps its input."""

    def __init__(self):
        super().__init__()
        self.layer = nn.LazyLinear(2)

    def forward(self, rows):
        """Two features."""
        self.seen = rows.detach().flatten(1)
        return self.layer(self.seen)


def network(shape, of_rows):
    c = shape[0]
    moments = Normalization(tuple(0.1 * i for i in range(c)), tuple(1.0 + i for i in range(c)))
    return AutoencoderRecipe(Watching, shape, of_rows, False, None, "linear", moments, None)()


@pytest.mark.parametrize(("shape", "of_rows"), [((6, 1, 1), True), ((2, 5, 3), False)])
def test_the_encoder_sees_hidden_values_at_their_mean_and_all_values_are_predicted(shape, of_rows):
    module = network(shape, of_rows)
    batch = torch.rand(9, *shape, generator=generator(1))
    masks = Masks(0.4, 2)
    loss = ReconstructionObjective(masks).loss(module, batch, generator(2))
    samples = batch.flatten(1) if of_rows else batch
    hidden = masks(samples, generator(2)).expand_as(samples).flatten(1)
    mean, std = (each.reshape(-1, 1, 1) for each in (module.units.mean, module.units.std))
    standardized = ((batch - mean) / std).flatten(1)
    seen = module.encoder[1].seen
    assert 0 < hidden.float().mean() < 1
    assert (seen[hidden].abs() < 1e-6).all()
    torch.testing.assert_close(seen[~hidden], standardized[~hidden])
    with torch.no_grad():
        predicted = module.decoder[0](module.encoder[1].layer(seen))
    torch.testing.assert_close(loss.detach(), ((predicted - standardized) ** 2).mean())
