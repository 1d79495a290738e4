"""All estimator checks of scikit-learn for SimCLREmbedder, in several configurations."""

import pytest
from helpers.checks import assert_first_class
from torch import nn

from sklearn_contrastive.deep import SimCLREmbedder


def two_layers():
    """Return the smallest encoder, for rows of any length."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU())


# scikit-learn's checks fit some tens of rows of a few features
SETTINGS = {"max_epochs": 1, "batch_size": 64, "device": "cpu"}
CONFIGURATIONS = {
    # the checks fit it 110 times, which takes nine seconds
    "narrow": SimCLREmbedder("resnet_narrow", **SETTINGS),
    "a module": SimCLREmbedder(two_layers, output="projection", projection_dim=3, **SETTINGS),
    "other losses": SimCLREmbedder(two_layers, loss="spectral", output="middle", **SETTINGS),
}
N_CHECKS = 58


@pytest.mark.filterwarnings("ignore:batch_size=64 is more than the")
@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.CollapseWarning")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_check_of_scikit_learn_passes(name):
    assert_first_class(CONFIGURATIONS[name], N_CHECKS)
