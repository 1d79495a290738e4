"""Factor models that several benchmarks fit: the closed form alone, and maximum likelihood."""

import numpy as np
from sklearn.decomposition import FactorAnalysis

from sklearn_contrastive import LinearContrastive


def closed_form(n_components):
    """LinearContrastive without refinement and without weights."""
    return LinearContrastive(n_components, max_iter=0, noise_weighted=False)


def maximum_likelihood(X, n_components):
    """scikit-learn's FactorAnalysis, fitted until it converges.

    Its lapack steps use X through X'X/n alone, so 2d rows with the same moments replace X.
    """
    R = np.linalg.qr(X - X.mean(axis=0), mode="r")
    same_moments = np.sqrt(len(R) / len(X)) * np.vstack([R, -R])
    model = FactorAnalysis(
        n_components, svd_method="lapack", tol=1e-7 * len(same_moments), max_iter=1000
    )
    return model.fit(same_moments)
