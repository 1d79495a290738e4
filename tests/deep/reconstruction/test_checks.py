"""All estimator checks of scikit-learn for AutoencoderEmbedder, in several configurations."""

import pytest
from helpers.checks import assert_first_class
from torch import nn

from sklearn_contrastive.deep import AutoencoderEmbedder


def two_layers():
    """Return a small encoder, for rows of any length."""
    return nn.Sequential(nn.LazyLinear(8), nn.ReLU())


# scikit-learn's checks fit some tens of rows of a few features
SETTINGS = {"max_epochs": 1, "batch_size": 64, "device": "cpu"}
CONFIGURATIONS = {
    "rows": AutoencoderEmbedder(**SETTINGS),
    "a module": AutoencoderEmbedder(two_layers, decoder="linear", n_components=3, **SETTINGS),
    "masked": AutoencoderEmbedder(mask_rate=0.5, n_components=1, **SETTINGS),
}
N_CHECKS = 58


@pytest.mark.filterwarnings("ignore:batch_size=64 is more than the")
@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.CollapseWarning")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_check_of_scikit_learn_passes(name):
    assert_first_class(CONFIGURATIONS[name], N_CHECKS)
