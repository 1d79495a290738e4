"""
More samples do not help PCA
============================

PCA finds the wrong directions. Will more samples repair that?

Not where the noise is uneven. The error of PCA then stays: its *population* has the wrong leading
eigenvectors. The error of the contrastive loss falls.
"""

# %%
# The population has two factors in forty features. Three of the features have much more noise than
# the others. :class:`~sklearn_contrastive.theory.SpikedCovarianceModel` holds such a population.
import numpy as np

from sklearn_contrastive.theory import SpikedCovarianceModel

rng = np.random.default_rng(0)
components = np.linalg.qr(rng.standard_normal((40, 2)))[0].T
noise_variance = np.r_[np.ones(37), 10, 20, 30]
model = SpikedCovarianceModel(components, signal=3.0, noise_variance=noise_variance)

# %%
# The generative methods of the theory are a linear autoencoder and a linear GAN. Both find PCA's
# subspace. An autoencoder that sees masked samples is another method: the fewer entries its masks
# keep, the smaller is the error of its encoder here.
# ``StandardScaler`` in front of PCA helps; its components are scaled back before they are compared.
# ``max_iter=0`` is the closed form of the contrastive loss, the covariance without its diagonal; by
# default ``LinearContrastive`` refines it.
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
from sklearn_contrastive.metrics import sin_theta_distance

methods = {
    "autoencoder, GAN, PCA": LinearGAN(2),
    "StandardScaler + PCA": make_pipeline(StandardScaler(), PCA(2)),
    "autoencoder, half kept": LinearAutoencoder(2, keep_probability=0.5),
    "autoencoder, a fiftieth kept": LinearAutoencoder(2, keep_probability=0.02),
    "contrastive, closed form": LinearContrastive(2, max_iter=0, random_state=0),
    "contrastive, refined": LinearContrastive(2, random_state=0),
}


def error_of(method, X):
    """Sin-theta distance of the components found from those of the population."""
    method.fit(X)
    if isinstance(method, Pipeline):
        return sin_theta_distance(method[1].components_ * method[0].scale_, components)
    if isinstance(method, LinearAutoencoder):
        return sin_theta_distance(method.encoder_, components)
    return sin_theta_distance(method.components_, components)


sizes = [50, 200, 1000, 5000, 20000]
errors = {name: [] for name in methods}
for n_samples in sizes:
    draws = [model.sample(n_samples, random_state=seed)[0] for seed in range(4)]
    for name, method in methods.items():
        errors[name].append([error_of(method, X) for X in draws])

# %%
# A dotted line is the error in the population, that is, with infinitely many samples. The sin-theta
# distance is 0 for the right subspace and √2 for one at a right angle.
import matplotlib.pyplot as plt

from sklearn_contrastive.plotting import SubspaceErrorDisplay

population = {
    "autoencoder, GAN, PCA": model.pca_components(),
    "StandardScaler + PCA": model.correlation_pca_components(),
    "autoencoder, half kept": model.autoencoder_encoder(keep_probability=0.5),
    "autoencoder, a fiftieth kept": model.autoencoder_encoder(keep_probability=0.02),
    "contrastive, closed form": model.contrastive_components(),
}
display = SubspaceErrorDisplay(sizes, errors, parameter_name="samples").plot()
for name, limit in population.items():
    distance = sin_theta_distance(limit, components)
    colour = display.containers_[name][0].get_color()
    display.ax_.axhline(distance, color=colour, linestyle=":")
    print(f"{name}: {distance:.3f} with infinitely many samples")
display.ax_.set(xscale="log", yscale="log", ylim=(0.008, 2))
display.ax_.legend(loc="lower left")
plt.show()

# %%
# **To remember:** uneven noise is a bias, and samples do not remove it. ``StandardScaler`` removes
# most of it here, because all features have about the same signal; the closed form is no better on
# this population, and both end at a small error. Refinement removes that too. It fits the model of
# ``StandardScaler`` + ``FactorAnalysis``, which therefore has nearly the same error. Where the
# noise is equal in all features, use PCA.
