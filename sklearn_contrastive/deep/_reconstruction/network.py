"""The network of an autoencoder: normalisation, encoder, code, decoder."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .._embedder.network import Normalize
from .._networks.encoders import build_encoder, encoder_width
from .._networks.normalization import Normalization, encoder_normalization
from .decoders import build_decoder

__all__ = ["AutoencoderRecipe", "ReconstructionNetwork", "default_n_components"]

# largest default of the code of a row
_LARGEST_CODE = 128


def default_n_components(n_features: int) -> int:
    """Width of the code of rows: half of the features, so that the code cannot be a copy."""
    return min(_LARGEST_CODE, math.ceil(n_features / 2))


class NormalizeRows(Normalize):
    """`Normalize` for rows of features, each feature by its own mean and deviation."""

    def forward(self, rows: Tensor) -> Tensor:
        """Rows (n, n_features), normalised."""
        return (rows - self.mean.flatten()) / self.std.flatten()


class Denormalize(nn.Module):
    """Multiplies each channel by a standard deviation and adds a mean.

    Parameters
    ----------
    mean, std : sequence of float of length n_channels
        In the units of the samples.
    shape : tuple of (c, h, w) or (n_features,)
        Shape of a sample.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], shape: tuple[int, ...]):
        super().__init__()
        self.shape = shape
        for name, values in (("mean", mean), ("std", std)):
            values = torch.as_tensor(values, dtype=torch.float32)
            self.register_buffer(name, values.reshape(-1, *(1 for _ in shape[1:])))

    def forward(self, values: Tensor) -> Tensor:
        """Samples (n, *shape) of standardised values, in any shape."""
        return self.of_shape(values) * self.std + self.mean

    def standardized(self, samples: Tensor) -> Tensor:
        """Samples (n, *shape) with mean 0 and variance 1 of each channel: the inverse."""
        return (samples - self.mean) / self.std

    def of_shape(self, values: Tensor) -> Tensor:
        """The values as (n, *shape)."""
        return values.reshape(-1, *self.shape)


class ReconstructionNetwork(nn.Module):
    """Network from samples to representations h = f(x), and back to samples.

    Parameters
    ----------
    encoder : nn.Module
        f, from images (n, c, h, w) in [0, 1], or rows (n, n_features), to codes (n, width).
    width : int
        Number of features of the codes.
    decoder : nn.Module
        From codes to standardised samples.
    units : Denormalize
        From standardised samples to samples.
    """

    def __init__(self, encoder: nn.Module, width: int, decoder: nn.Module, units: Denormalize):
        super().__init__()
        self.encoder = encoder
        self.width = width
        self.decoder = nn.Sequential(decoder, units)

    @property
    def units(self) -> Denormalize:
        """Units of the samples."""
        return self.decoder[1]

    def forward(self, samples: Tensor) -> Tensor:
        """Reconstructed samples (n, *shape), standardised."""
        return self.units.of_shape(self.decoder[0](self.output(samples)))

    def output(self, samples: Tensor, output: str = "representation") -> Tensor:
        """Codes (n, width) of samples, in float32; an encoder may return another precision."""
        return self.encoder(self.units.of_shape(samples)).float()

    def width_of(self, output: str) -> int:
        """Number of features of the codes."""
        return self.width


@dataclass(frozen=True)
class AutoencoderRecipe:
    """Factory of the network; PyTorch's global generator draws its weights.

    Parameters
    ----------
    encoder : str, nn.Module or callable
        As `build_encoder` takes it.
    shape : tuple of (c, h, w)
        Shape of a sample; (n_features, 1, 1) for rows.
    of_rows : bool
        Whether samples are rows of features.
    pretrained : bool, str or os.PathLike
        Whether the encoder starts from pretrained weights, or their file.
    n_components : int or None
        Width of the code; None: that of the encoder, or the default of rows for "mlp".
    decoder : str, nn.Module or callable
        As `build_decoder` takes it.
    moments : Normalization
        Mean and deviation of each channel of the training samples, for the reconstructions, and for
        encoders without pretrained weights.
    normalization : Normalization or None
        That of the user, for the encoder.
    download : bool, default=True
        Whether pretrained weights are downloaded.
    """

    encoder: str | nn.Module | Callable[[], nn.Module]
    shape: tuple[int, int, int]
    of_rows: bool
    pretrained: bool | str | os.PathLike[str]
    n_components: int | None
    decoder: str | nn.Module | Callable[[], nn.Module]
    moments: Normalization
    normalization: Normalization | None
    download: bool = True

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of a sample for encoder and decoder."""
        return self.shape[:1] if self.of_rows else self.shape

    def __call__(self) -> ReconstructionNetwork:
        """The network, on the CPU, its convolutions stored channels last."""
        shape = self.sample_shape
        backbone = build_encoder(
            self.encoder, shape, pretrained=self.pretrained, download=self.download
        )
        width = encoder_width(backbone, shape)
        chosen = self.normalization or encoder_normalization(backbone) or self.moments
        normalize = NormalizeRows if self.of_rows else Normalize
        layers = [normalize(*chosen), backbone]
        n_components = self.n_components
        if n_components is None and isinstance(self.encoder, str) and self.encoder == "mlp":
            n_components = default_n_components(math.prod(shape))
        if n_components is not None:
            layers.append(nn.Linear(width, int(n_components)))
            width = int(n_components)
        network = ReconstructionNetwork(
            nn.Sequential(*layers),
            width,
            build_decoder(self.decoder, width, shape),
            Denormalize(*self.moments, shape),
        )
        return network.to(memory_format=torch.channels_last)
