"""Generative linear methods for comparison with contrastive learning: autoencoder and GAN."""

from ._autoencoder import LinearAutoencoder
from ._gan import LinearGAN

__all__ = ["LinearAutoencoder", "LinearGAN"]
