"""All estimator checks of scikit-learn for TabularContrastiveEmbedder, in two configurations."""

import pytest
from helpers.checks import assert_first_class
from torch import nn

from sklearn_contrastive.deep import TabularContrastiveEmbedder


def one_layer():
    """Return the smallest encoder, for rows of any length."""
    return nn.Sequential(nn.LazyLinear(8), nn.ReLU())


# scikit-learn's checks fit some tens of rows of a few features
SETTINGS = {"max_epochs": 1, "batch_size": 64, "device": "cpu"}
CONFIGURATIONS = {
    "small": TabularContrastiveEmbedder(width=8, depth=1, **SETTINGS),
    "corruption": TabularContrastiveEmbedder(
        one_layer, augmentations="corruption", loss="spectral", output="middle", **SETTINGS
    ),
}
# SimCLREmbedder's, less that of NaN and infinity, because NaN is allowed here
N_CHECKS = 57


@pytest.mark.filterwarnings("ignore:batch_size=64 is more than the")
@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.CollapseWarning")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_check_of_scikit_learn_passes(name):
    assert_first_class(CONFIGURATIONS[name], N_CHECKS)
