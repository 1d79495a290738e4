"""All estimator checks of scikit-learn for ContrastiveClassifier around an embedder of rows."""

import pytest
from helpers.checks import assert_first_class
from torch import nn

from sklearn_contrastive.deep import ContrastiveClassifier, SimCLREmbedder


def two_layers():
    """Return the smallest encoder, for rows of any length."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU())


EMBEDDER = SimCLREmbedder(two_layers, max_epochs=1, batch_size=64, device="cpu")
CLASSIFIER = ContrastiveClassifier(EMBEDDER, max_epochs=8, learning_rate=0.02, batch_size=32)
N_CHECKS = 59


@pytest.mark.filterwarnings("ignore:batch_size=64 is more than the")
@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.CollapseWarning")
def test_every_check_of_scikit_learn_passes():
    assert_first_class(CLASSIFIER, N_CHECKS)
