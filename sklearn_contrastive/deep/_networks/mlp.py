"""A multilayer perceptron as encoder, for rows of features."""

import math
from itertools import pairwise

from torch import nn

__all__ = ["mlp"]

# units of each hidden layer
_WIDTH = 128


def mlp(shape: tuple[int, ...]) -> nn.Sequential:
    """Two hidden layers of 128 units, each with batch norm and ReLU.

    Parameters
    ----------
    shape : tuple of int
        Shape of a sample; its values are taken as one row.

    Returns
    -------
    nn.Sequential
        Maps (n, *shape) to (n, 128).
    """
    widths = (math.prod(shape), _WIDTH, _WIDTH)
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after, bias=False), nn.BatchNorm1d(after)]
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
