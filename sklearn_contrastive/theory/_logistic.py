"""Gaussian expectations of the logistic function."""

import numpy as np
from scipy.special import expit

from .._typing import ArrayLike, FloatArray

__all__ = ["mean_logistic_slope", "misclassification"]

# The slope's nearest poles lie pi from the real axis, and the risk is analytic in the angle:
# twice as many nodes change neither result by more than 1e-14.
_NORMAL_NODES, _NORMAL_WEIGHTS = np.polynomial.hermite_e.hermegauss(100)
_NORMAL_WEIGHTS = _NORMAL_WEIGHTS / _NORMAL_WEIGHTS.sum()
_ANGLE_NODES, _ANGLE_WEIGHTS = np.polynomial.legendre.leggauss(40)


def mean_logistic_slope(scale: ArrayLike) -> FloatArray:
    """E F'(scale v) for v standard normal and F the logistic function, of the shape of scale."""
    argument = np.multiply.outer(scale, _NORMAL_NODES)
    return (expit(argument) * expit(-argument)) @ _NORMAL_WEIGHTS


def misclassification(correlation: float) -> float:
    """0-1 risk of the best classifier from a Gaussian predictor.

    Let u and t be standard normal with the given correlation k in [0, 1] and P(y = 1 | u) = F(u),
    F logistic. The best guess of y from t is its sign, and the guess is wrong with probability

    1/2 - E[(F(u) - 1/2) (2 Phi(k u / sqrt(1 - k^2)) - 1)].

    The integrand becomes a step as k approaches 1. Its derivative in k, however, is
    sqrt(2/pi) E F'(sqrt(1 - k^2) v) by partial integration (v standard normal), and with
    k = sin(angle) the integral of this is smooth up to k = 1.
    """
    end = np.arcsin(correlation)
    cosines = np.cos(end / 2 * (1 + _ANGLE_NODES))
    integral = end / 2 * np.sum(_ANGLE_WEIGHTS * cosines * mean_logistic_slope(cosines))
    return float(0.5 - np.sqrt(2 / np.pi) * integral)
