"""Spiked covariance models, drawn from sizes, scales and a seed."""

import numpy as np
from helpers.strategies import SEEDS
from hypothesis import strategies as st

from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.theory import SpikedCovarianceModel

__all__ = ["build_model", "haar_model", "spiked_models"]


def build_model(n_features, n_components, subspace, signal_ratio, noise_ratio, unit, seed):
    """Model whose signal and noise are log-uniform over the given ratios."""
    rng = np.random.RandomState(seed)
    if subspace == "coordinate":  # components are features: the most coherent subspace there is
        rows = np.eye(n_features)[rng.permutation(n_features)[:n_components]]
    else:
        rows = make_spiked_covariance(
            1,
            n_features,
            n_components,
            subspace=subspace,
            support_size=n_features // n_components,
            random_state=rng,
        )[1].components
    signal = unit * np.geomspace(1, 1 / signal_ratio, n_components)
    noise = unit**2 * noise_ratio ** rng.uniform(-0.5, 0.5, size=n_features)
    return SpikedCovarianceModel(rows, signal, noise)


@st.composite
def spiked_models(
    draw, max_features=25, signal_ratios=(1.0, 3.0, 100.0), noise_ratios=(1.0, 1e2, 1e6)
):
    """Draw models of spread, sparse or coordinate subspaces, even or uneven in both variances."""
    n_features = draw(st.integers(2, max_features))
    return build_model(
        n_features,
        draw(st.integers(1, n_features)),
        draw(st.sampled_from(["haar", "sparse", "coordinate"])),
        draw(st.sampled_from(signal_ratios)),
        draw(st.sampled_from(noise_ratios)),
        draw(st.sampled_from([1.0, 1e-4, 1e4])),
        draw(SEEDS),
    )


def haar_model(seed, noise_sd, n_components=5, signal=1.0):
    """Model of a uniformly drawn subspace under the given standard deviations of noise."""
    d = len(noise_sd)
    return make_spiked_covariance(
        1, d, n_components, signal=signal, noise=noise_sd, random_state=seed
    )[1]
