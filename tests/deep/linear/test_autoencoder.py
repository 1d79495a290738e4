"""The reconstruction objective."""

import numpy as np
import torch

from sklearn_contrastive.deep._linear.autoencoder import ReconstructionObjective


def test_the_autoencoder_reconstructs_whole_samples_from_masked_ones():
    seen = []

    def remembering(batch):
        seen.append(batch)
        return torch.zeros_like(batch)

    batch = torch.full((20_000, 2), 3.0)
    loss = ReconstructionObjective(0.25).loss(remembering, batch, torch.Generator().manual_seed(0))
    assert loss.item() == 18
    assert abs((seen[0] == 3).double().mean().item() - 0.25) < 4 * np.sqrt(0.1875 / 40_000)
    assert torch.all((seen[0] == 3) | (seen[0] == 0))
