"""Narrow residual network for CPUs."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["convolution", "narrow_resnet"]


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, width_in: int, width: int, stride: int):
        super().__init__()
        self.conv1 = convolution(width_in, width, stride=stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = convolution(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Identity()
        if stride != 1 or width_in != width:
            self.shortcut = nn.Sequential(
                convolution(width_in, width, kernel=1, stride=stride), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        residual = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(residual + self.shortcut(x))


class _CellAverages(nn.Module):
    """Averages over the cells of a grid on the last maps, by products with a matrix.

    The cells are those of `torch.nn.AdaptiveAvgPool2d`, whose gradient is slow on a CPU.
    """

    def __init__(self, grid: int | tuple[int, int]):
        super().__init__()
        self.grid = (grid, grid) if isinstance(grid, int) else tuple(grid)

    def forward(self, maps: Tensor) -> Tensor:
        """Averages (n, c * rows * columns) of maps (n, c, h, w)."""
        exact = torch.promote_types(maps.dtype, torch.float32)
        rows, columns = (
            nn.functional.adaptive_avg_pool1d(
                torch.eye(side, dtype=exact, device=maps.device), cells
            )
            for side, cells in zip(maps.shape[2:], self.grid, strict=True)
        )
        weights = torch.kron(rows, columns).to(maps.dtype)  # (h * w, cells)
        # a view of maps with the channels last
        pixels = maps.permute(0, 2, 3, 1).flatten(1, 2)  # (n, h * w, c)
        return (weights.T @ pixels).mT.flatten(1)


def narrow_resnet(
    in_chans: int,
    *,
    widths: Sequence[int] = (32, 64, 128),
    blocks: Sequence[int] = (1, 1, 1),
    stem_stride: int = 1,
    grid: int | tuple[int, int] = 1,
) -> nn.Sequential:
    """Residual network narrow enough for training on a CPU.

    Parameters
    ----------
    in_chans : int
        Number of channels c of the images.
    widths : sequence of int, default=(32, 64, 128)
        Number of channels of each stage.
    blocks : sequence of int, default=(1, 1, 1)
        Number of residual blocks of each stage. Every stage except the first halves both sides.
    stem_stride : int, default=1
        Stride of the first convolution, 3x3.
    grid : int or tuple of (rows, columns), default=1
        Cells over which the last maps are averaged: the whole image, as in [1]_, or several parts
        of it, which the representations then tell apart.

    Returns
    -------
    nn.Sequential
        Maps (n, c, h, w) to (n, widths[-1] * rows * columns), for any h and w of at least 1.

    References
    ----------
    .. [1] He, Zhang, Ren and Sun (2016), "Deep Residual Learning for Image Recognition", CVPR,
       section 4.2 (the networks for CIFAR-10).
    """
    layers = [convolution(in_chans, widths[0], stride=stem_stride)]
    layers += [nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
    width_in = widths[0]
    for stage, (width, n_blocks) in enumerate(zip(widths, blocks, strict=True)):
        for block in range(n_blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            layers.append(_ResidualBlock(width_in, width, stride))
            width_in = width
    return nn.Sequential(*layers, _CellAverages(grid))


def convolution(width_in: int, width: int, *, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    """Convolution with He initialisation, without bias because a batch norm follows."""
    convolution = nn.Conv2d(width_in, width, kernel, stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution
