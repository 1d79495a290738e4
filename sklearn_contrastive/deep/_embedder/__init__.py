"""Embedders: estimators that train a network and return its outputs."""
