"""Estimators of the generative methods, and samples that they fit."""

import numpy as np

from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN

__all__ = ["ESTIMATORS", "small_samples"]

ESTIMATORS = [LinearAutoencoder(), LinearAutoencoder(keep_probability=0.5), LinearGAN()]


def small_samples(n_samples=400, n_features=12, seed=0):
    """Samples with two strong directions and unequal noise around a mean of 10."""
    X, _ = make_spiked_covariance(
        n_samples,
        n_features,
        2,
        signal=[4.0, 2.5],
        noise=np.linspace(1.5, 0.5, n_features),
        mean=10.0,
        random_state=seed,
    )
    return X
