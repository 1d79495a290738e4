"""Plots of fitted estimators, as scikit-learn's Display objects. They need Matplotlib."""

__all__ = []
