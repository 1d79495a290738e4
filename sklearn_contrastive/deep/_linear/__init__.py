"""Linear networks: contrastive encoder, autoencoder and GAN."""
