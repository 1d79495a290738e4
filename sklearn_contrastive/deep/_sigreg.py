"""SIGReg, the loss of LeJEPA: embeddings with a standard normal distribution, in all directions."""

import torch
from torch import Generator, Tensor

from ._pairs import check_pairs, full_precision

__all__ = ["epps_pulley", "random_directions", "sigreg_loss"]

# the trapezoidal rule of the paper: 17 points from -5 to 5. The integrand is symmetric and 0 at 0
_STEP = 5 / 8
_N_POINTS = 8


def sigreg_loss(
    embeddings_1: Tensor,
    embeddings_2: Tensor,
    *,
    weight: float | Tensor = 0.05,
    n_directions: int = 256,
    generator: Generator | None = None,
) -> Tensor:
    """Sketched isotropic Gaussian regularisation (SIGReg), the loss of LeJEPA.

    The two views of a sample are pulled together, and the embeddings of each view are pushed
    towards a standard normal distribution, which prevents collapse without negatives. A
    distribution is standard normal if its projection on every direction is; each step tests it on
    random directions.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. They are not
        normalised.
    weight : float or Tensor of shape (), default=0.05
        Share of the test of normality, from 0 to 1; the rest is the share of the distance of the
        views.
    n_directions : int, default=256
        Number of random directions. The memory is proportional to it.
    generator : torch.Generator, default=None
        Draws the directions; on the device of the embeddings. None: PyTorch's global generator,
        which `SimCLREmbedder` seeds.

    Returns
    -------
    loss : Tensor of shape ()
        Sum of weight * (mean test statistic of both views) and (1 - weight) * (mean squared
        distance of the views from their mean, over samples, views and components), in float32
        (float64 if the embeddings are), even under autocast. It needs memory for about
        32 * n_samples * n_directions numbers.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, there are fewer than two samples, `weight` is not in
        [0, 1], or `n_directions` is less than 1.

    See Also
    --------
    vicreg_loss : Asks for variances and covariances of a normal distribution only.

    Notes
    -----
    The test is that of Epps and Pulley [2]_: n times the integral over t of
    exp(-t^2 / 2) ``|e(t) - exp(-t^2 / 2)|^2``, with e the empirical characteristic function of the
    projections, the mean of exp(i t x). The trapezoidal rule with 17 points from -5 to 5 computes
    it: these numbers are recalled from [1]_, not read. For normal embeddings the statistic is about
    sqrt(2 pi) - sqrt(2 pi / 3) = 1.06.

    References
    ----------
    .. [1] Balestriero and LeCun (2025), "LeJEPA: Provable and Scalable Self-Supervised Learning
       Without the Heuristics", arXiv:2511.08544.
    .. [2] Epps and Pulley (1983), "A test for normality based on the empirical characteristic
       function", Biometrika 70(3), 723-726.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import sigreg_loss
    >>> draws = torch.Generator().manual_seed(0)
    >>> normal = torch.randn(1000, 4, generator=draws)
    >>> alike = torch.zeros(1000, 4)
    >>> bool(sigreg_loss(normal, normal, generator=draws) < 0.1)
    True
    >>> bool(sigreg_loss(alike, alike, generator=draws) > 10)  # collapse
    True
    """
    check_pairs(embeddings_1, embeddings_2)
    if getattr(weight, "ndim", 0) > 0 or not 0 <= weight <= 1:
        raise ValueError(f"weight={weight!r} must be in [0, 1].")
    if n_directions < 1:
        raise ValueError(f"n_directions={n_directions!r} must be at least 1.")
    with full_precision(embeddings_1, embeddings_2) as (first, second):
        directions = random_directions(first, n_directions, generator)
        statistic = torch.stack([epps_pulley(view @ directions) for view in (first, second)])
        # the distance of each view from the mean of both is half of their distance
        distance = torch.mean((first - second) ** 2) / 4
        return weight * statistic.mean() + (1 - weight) * distance


def random_directions(
    embeddings: Tensor, n_directions: int, generator: Generator | None = None
) -> Tensor:
    """Random unit vectors, with the device and dtype of the embeddings.

    Parameters
    ----------
    embeddings : Tensor of shape (n_samples, n_components)
        Embeddings.
    n_directions : int
        Number of directions.
    generator : torch.Generator, default=None
        The source of randomness.

    Returns
    -------
    directions : Tensor of shape (n_components, n_directions)
        Uniformly distributed on the sphere.
    """
    directions = torch.randn(
        embeddings.shape[1],
        n_directions,
        generator=generator,
        dtype=embeddings.dtype,
        device=embeddings.device,
    )
    return directions / torch.linalg.vector_norm(directions, dim=0)


def epps_pulley(samples: Tensor) -> Tensor:
    """Statistic of Epps and Pulley of the standard normal distribution, for each column.

    Parameters
    ----------
    samples : Tensor of shape (n_samples, n_directions)
        Samples, column by column.

    Returns
    -------
    statistic : Tensor of shape (n_directions,)
        n * integral |e(t) - exp(-t^2 / 2)|^2 exp(-t^2 / 2) dt, with e(t) the mean of exp(i t x).
    """
    points = _STEP * torch.arange(1, _N_POINTS + 1, dtype=samples.dtype, device=samples.device)
    normal = torch.exp(-(points**2) / 2)
    # both signs of t; the last point has half the weight
    weights = 2 * _STEP * normal
    weights[-1] /= 2
    angles = samples[:, :, None] * points
    squares = (angles.cos().mean(dim=0) - normal) ** 2 + angles.sin().mean(dim=0) ** 2
    return len(samples) * (squares @ weights)
