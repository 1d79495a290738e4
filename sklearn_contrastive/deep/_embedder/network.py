"""The network of SimCLR: normalisation, encoder f, projection head g."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .._networks.encoders import build_encoder, encoder_width
from .._networks.heads import ProjectionHead, build_head
from .._networks.normalization import Normalization, encoder_normalization

__all__ = ["NetworkRecipe", "Normalize", "SimCLRNetwork"]


class Normalize(nn.Module):
    """Subtracts a mean from each channel and divides it by a standard deviation.

    Parameters
    ----------
    mean, std : sequence of float of length n_channels
        In the units of the images.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]):
        super().__init__()
        for name, values in (("mean", mean), ("std", std)):
            values = torch.as_tensor(values, dtype=torch.float32).reshape(-1, 1, 1)
            self.register_buffer(name, values)

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, n_channels, h, w), normalised."""
        return (images - self.mean) / self.std


class SimCLRNetwork(nn.Module):
    """Network from images to projections z = g(f(x)), with access to its inner layers.

    Parameters
    ----------
    encoder : nn.Module
        f, from images (n, c, h, w) in [0, 1] to representations (n, width).
    width : int
        Number of features of the representations.
    head : ProjectionHead
        g, from representations to projections.
    loss : nn.Module or None, default=None
        A loss whose parameters are trained together with f and g.
    """

    def __init__(
        self,
        encoder: nn.Module,
        width: int,
        head: ProjectionHead,
        loss: nn.Module | None = None,
    ):
        super().__init__()
        self.encoder = encoder
        self.width = width
        self.head = head
        self.loss = loss

    def forward(self, images: Tensor) -> Tensor:
        """Projections z (n, projection_dim)."""
        return self.head(self._representation(images))

    def _representation(self, images):
        """h in float32, as the head needs it; an encoder may return half or double precision."""
        return self.encoder(images).float()

    def output(self, images: Tensor, output: str) -> Tensor:
        """Output of one layer for images, as rows.

        Parameters
        ----------
        images : Tensor of shape (n, c, h, w)
            Images in [0, 1].
        output : {"representation", "projection", "middle"}
            h = f(x), z = g(h), or the first hidden layer of g.
        """
        representation = self._representation(images)
        if output == "representation":
            return representation
        return self.head.middle(representation) if output == "middle" else self.head(representation)

    def width_of(self, output: str) -> int:
        """Number of features of an output; ValueError if the head has no middle layer."""
        if output == "projection":
            return self.head.projection_width
        if output == "representation":
            return self.width
        if not self.head.has_middle:
            raise ValueError(
                f'output="middle" needs a hidden layer of the projection head; a head of kind '
                f"{self.head.kind!r} has none; use 'mlp' or 'mlp3'."
            )
        return self.head.middle_width


@dataclass(frozen=True)
class NetworkRecipe:
    """Factory of the network; PyTorch's global generator draws its weights.

    Parameters
    ----------
    encoder : str, nn.Module or callable
        As `build_encoder` takes it.
    shape : tuple of (c, h, w)
        Shape of an image.
    pretrained : bool, str or os.PathLike
        Whether the encoder starts from pretrained weights, or their file.
    projection_head : str or nn.Module
        As `build_head` takes it.
    projection_dim : int
        Number of features of z.
    moments : Normalization
        Mean and deviation of each channel of the training images, for encoders without pretrained
        weights.
    normalization : Normalization or None
        That of the user, for any encoder.
    loss : nn.Module or callable
        A loss with parameters or a state, or a callable that returns one, or None.
    download : bool, default=True
        Whether pretrained weights are downloaded.
    """

    encoder: str | nn.Module | Callable[[], nn.Module]
    shape: tuple[int, int, int]
    pretrained: bool | str | os.PathLike[str]
    projection_head: str | nn.Module
    projection_dim: int
    moments: Normalization
    normalization: Normalization | None
    loss: nn.Module | Callable[[], nn.Module | None]
    download: bool = True

    def __call__(self) -> SimCLRNetwork:
        """The network, on the CPU, its convolutions stored channels last."""
        backbone = build_encoder(
            self.encoder, self.shape, pretrained=self.pretrained, download=self.download
        )
        width = encoder_width(backbone, self.shape)
        chosen = self.normalization or encoder_normalization(backbone) or self.moments
        encoder = nn.Sequential(Normalize(*chosen), backbone)
        head = build_head(self.projection_head, width, self.projection_dim)
        loss = self.loss if isinstance(self.loss, nn.Module) else self.loss()
        network = SimCLRNetwork(encoder, width, head, loss)
        return network.to(memory_format=torch.channels_last)
