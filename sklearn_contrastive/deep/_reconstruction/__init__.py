"""Autoencoders: decoders, the network and its objective."""
