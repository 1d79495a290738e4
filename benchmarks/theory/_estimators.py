"""Estimators under comparison: samples and a number of components -> components."""

import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
from sklearn_contrastive.linear import HeteroPCA, LinearContrastive

from .._common.estimators import closed_form, maximum_likelihood

OURS = "LinearContrastive"
FITS = {
    "PCA": lambda X, r: PCA(r).fit(X),
    "closed form": lambda X, r: closed_form(r).fit(X),
    OURS: lambda X, r: LinearContrastive(r).fit(X),
    "HeteroPCA": lambda X, r: HeteroPCA(r, deflated=False).fit(X),
    "deflated": lambda X, r: HeteroPCA(r).fit(X),
    "FA": maximum_likelihood,
}
# of standardised features, the loadings scaled back
SCALED = {"Scaler+PCA": "PCA", "Scaler+FA": "FA"}
# no Scaler+closed form: on standardised features, whose variances are equal, it is PCA
UNTRAINED = ["PCA", "Scaler+PCA", "closed form", OURS, "HeteroPCA", "deflated", "FA", "Scaler+FA"]
TRAINED = ["autoencoder", "GAN"]
STEPS = 1000


def estimated_components(X, r, methods=UNTRAINED):
    """Method -> rows that span its signal subspace, in the features' units."""
    scaler = StandardScaler().fit(X)
    found = {}
    with warnings.catch_warnings(action="ignore"):  # the error includes divergence
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
    """Components of a linear network after a thousand gradient steps of 256 samples.

    More steps bring it no nearer to the subspace of PCA.
    """
    estimator = {"autoencoder": LinearAutoencoder, "GAN": LinearGAN}[name]
    epochs = int(np.ceil(STEPS * 256 / len(X)))
    network = estimator(r, solver="gradient", max_epochs=epochs, random_state=0)
    return network.fit(X).components_
