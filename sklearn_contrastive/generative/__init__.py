"""Generative linear methods: autoencoder and GAN, the rivals of contrastive learning."""

from ._autoencoder import LinearAutoencoder
from ._gan import LinearGAN

__all__ = ["LinearAutoencoder", "LinearGAN"]
