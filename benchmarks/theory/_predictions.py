"""Bounds, rates and population errors of the theory for one draw or setting."""

import contextlib

import numpy as np
from scipy.optimize import nnls

from sklearn_contrastive.theory import SpikedCovarianceModel
from sklearn_contrastive.theory.bounds import (
    contrastive_bias_bound,
    contrastive_certificate,
    incoherence_bias_bound,
    pca_lower_bound,
)

from .._common.spiked import subspace_error

BIAS, BIAS_BOUND = "bias of the closed form", "bound of the bias"
CERTIFICATE, PCA_BOUND = "bound of the closed form's error", "lower bound of PCA's error"
BOUNDS = [BIAS, BIAS_BOUND, CERTIFICATE, PCA_BOUND]
SAMPLING = "closed form, less its bias"


def terms(setting):
    """The two terms of the guarantee for the closed form, each up to an unspecified constant."""
    n, d, r = setting.n, setting.d, setting.r
    return r**1.5 * np.log(d) / d, np.sqrt(d * r / n)


def model_of(problem, setting):
    """The population that a problem was drawn from."""
    return SpikedCovarianceModel(problem.subspace.T, setting.signal, problem.noise**2)


def population_bias(model):
    """Error of the closed form with infinitely many samples, and its two bounds."""
    return {
        "closed form": subspace_error(model.contrastive_components(), model.components.T),
        "bound": contrastive_bias_bound(model),
        "incoherence bound": incoherence_bias_bound(model),
    }


def bounds_of(problem, setting):
    """Bias of the closed form, and bounds of this bias, of the closed form and of PCA.

    A bound is left out where its condition fails, or where it is not positive.
    """
    model = model_of(problem, setting)
    bias = population_bias(model)
    covariance = np.cov(problem.X, rowvar=False)
    np.fill_diagonal(covariance, 0)
    found = {BIAS: bias["closed form"], BIAS_BOUND: bias["bound"]}
    with contextlib.suppress(ValueError):
        found[CERTIFICATE] = contrastive_certificate(model, covariance)
    with contextlib.suppress(ValueError):
        found[PCA_BOUND] = pca_lower_bound(model)
    return {name: bound for name, bound in found.items() if bound > 0}


def first_order_error_of_pca(setting, sd):
    """Root mean square error of PCA under equal noise, to first order (Anderson 1963)."""
    ratio = sd**2 / np.broadcast_to(setting.signal, setting.r) ** 2.0
    return float(np.sqrt((setting.d - setting.r) / setting.n * np.sum(ratio * (1 + ratio))))


def sampling_part(errors):
    """Square root of the squared error of the closed form less its squared bias."""
    return float(np.sqrt(max(errors["closed form"] ** 2 - errors[BIAS] ** 2, 0.0)))


def slope(x, y):
    """Least-squares slope of log y against log x."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def slope_with_error(x, errors):
    """Slope of the means over draws and its jackknife standard error; errors (n_x, n_draws)."""
    n = errors.shape[1]
    without = [slope(x, np.delete(errors, draw, axis=1).mean(axis=1)) for draw in range(n)]
    return slope(x, errors.mean(axis=1)), float(np.sqrt(n - 1) * np.std(without))


def fitted_constants(settings, errors):
    """Constants a, b >= 0 of a * first term + b * second term that fit errors relatively.

    Returns
    -------
    constants : ndarray of shape (2,)
    residuals : ndarray of shape (n_settings,)
        Relative to the errors.
    """
    design = np.array([terms(setting) for setting in settings]) / np.asarray(errors)[:, None]
    constants = nnls(design, np.ones(len(design)))[0]
    return constants, design @ constants - 1
