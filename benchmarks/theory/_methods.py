"""The methods that are compared, each from samples and a number of components to directions."""

import warnings

import _next_door  # noqa: F401
import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from subspace import maximum_likelihood

from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
from sklearn_contrastive.linear import HeteroPCA, LinearContrastive

OURS = "LinearContrastive"
FITS = {
    "PCA": lambda X, r: PCA(r).fit(X),
    "closed form": lambda X, r: LinearContrastive(r, max_iter=0, noise_weighted=False).fit(X),
    OURS: lambda X, r: LinearContrastive(r).fit(X),
    "HeteroPCA": lambda X, r: HeteroPCA(r, deflated=False).fit(X),
    "deflated": lambda X, r: HeteroPCA(r).fit(X),
    "FA": maximum_likelihood,
}
# of standardised features, the loadings scaled back
SCALED = {"Scaler+PCA": "PCA", "Scaler+FA": "FA"}
# the closed form of standardised features is their PCA: both have one diagonal
UNTRAINED = ["PCA", "Scaler+PCA", "closed form", OURS, "HeteroPCA", "deflated", "FA", "Scaler+FA"]
TRAINED = ["autoencoder", "GAN"]
STEPS = 1000


def fitted_components(X, r, methods=UNTRAINED):
    """Method -> rows that span what it takes for the signal subspace, in the features' units."""
    scaler = StandardScaler().fit(X)
    found = {}
    with warnings.catch_warnings(action="ignore"):  # divergence shows in the error itself
        for name in methods:
            if name in SCALED:
                rows = FITS[SCALED[name]](scaler.transform(X), r).components_ * scaler.scale_
            elif name in TRAINED:
                rows = trained_components(name, X, r)
            else:
                rows = FITS[name](X, r).components_
            found[name] = np.atleast_2d(rows)
    return found


def trained_components(name, X, r):
    """Directions that a linear network arrives at by gradient steps of 256 samples.

    A thousand steps: more bring it no nearer to PCA's directions than the samples can tell.
    """
    estimator = {"autoencoder": LinearAutoencoder, "GAN": LinearGAN}[name]
    epochs = int(np.ceil(STEPS * 256 / len(X)))
    network = estimator(r, solver="gradient", max_epochs=epochs, random_state=0)
    return network.fit(X).components_
