"""Truncated conjugate gradients: a Newton step that notices directions of negative curvature."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["truncated_conjugate_gradients"]


def truncated_conjugate_gradients(
    multiply: Callable[[NDArray], NDArray],
    right: NDArray[np.float64],
    preconditioner: NDArray[np.float64],
    *,
    radius: float,
    rtol: float,
    max_iter: int,
) -> NDArray[np.float64]:
    """Approximate solution x of H x = right, clipped to a box, for a symmetric H of any sign.

    A direction without positive curvature leads to the border of the box, where the solution ends.

    Parameters
    ----------
    multiply : callable
        H as a function of a vector.
    right : ndarray of shape (n,)
        Right side.
    preconditioner : ndarray of shape (n,)
        Positive diagonal close to that of H.
    radius : float
        Largest absolute entry of x.
    rtol : float
        Norm of the residual, in the metric of the preconditioner, as a share of the first one.
    max_iter : int
        Largest number of products with H.

    Returns
    -------
    x : ndarray of shape (n,)
        Where H is positive and the box is wide, the solution.

    References
    ----------
    Steihaug (1983), The conjugate gradient method and trust regions in large scale optimization.
    """
    x, residual = np.zeros_like(right), right
    direction = scaled = residual / preconditioner
    product = first = float(residual @ scaled)
    for _ in range(max_iter):
        if product <= rtol**2 * first:
            break
        image = multiply(direction)
        curvature = float(direction @ image)
        if curvature <= 0:
            x = np.clip(x, -radius, radius)
            return x + _to_border(x, direction, radius) * direction
        length = product / curvature
        x = x + length * direction
        residual = residual - length * image
        scaled = residual / preconditioner
        product, earlier = float(residual @ scaled), product
        direction = scaled + (product / earlier) * direction
    return np.clip(x, -radius, radius)


def _to_border(x, direction, radius):
    """Length of the step along a direction that ends on the border of the box."""
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = (radius - np.sign(direction) * x) / np.abs(direction)
    return float(np.min(lengths[direction != 0], initial=np.inf))
