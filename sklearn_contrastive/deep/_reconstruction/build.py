"""Network and objective of AutoencoderEmbedder, built from its parameters."""

from collections.abc import Mapping
from typing import Any

from ..._images.source import ImageSource
from .._embedder.build import StoredImages
from .._networks.encoders import chosen_encoder
from .._networks.normalization import Normalization, normalization_of_user
from .._training.devices import usable_device
from .network import AutoencoderRecipe
from .objective import Masks, ReconstructionObjective

__all__ = ["autoencoder_parts"]


def autoencoder_parts(
    samples: ImageSource | StoredImages, parameters: Mapping[str, Any], *, download: bool = True
) -> tuple[AutoencoderRecipe, ReconstructionObjective]:
    """Network and objective of AutoencoderEmbedder.

    Parameters
    ----------
    samples : ImageSource or StoredImages
        Training images or rows; the mean and deviation of their channels are the units of the loss.
    parameters : mapping
        Parameters of AutoencoderEmbedder.
    download : bool, default=True
        Whether pretrained weights are downloaded.

    Returns
    -------
    network : AutoencoderRecipe
        Makes the network.
    objective : ReconstructionObjective
        The objective.
    """
    if samples.any_values and samples.shape[1:] != (1, 1):
        c, h, w = samples.shape
        raise ValueError(
            f"X holds images one pixel high, {h} x {w} with {c} channels. Rows of features are "
            f"two-dimensional: give X.reshape(len(X), {c * w})."
        )
    moments, given = samples.moments(), parameters["normalization"]
    rate = float(parameters["mask_rate"])
    network = AutoencoderRecipe(
        _encoder(parameters, samples.any_values),
        samples.shape,
        samples.any_values,
        parameters["pretrained"],
        parameters["n_components"],
        parameters["decoder"],
        Normalization(tuple(map(float, moments.mean)), tuple(map(float, moments.std))),
        None if given is None else normalization_of_user(given, samples.shape[0]),
        download,
    )
    masks = Masks(rate, int(parameters["patch_size"])) if rate > 0 else None
    return network, ReconstructionObjective(masks)


def _encoder(parameters, of_rows):
    """The encoder of the parameters for rows or images; ValueError if it is for the other."""
    encoder, pretrained = parameters["encoder"], parameters["pretrained"]
    device = usable_device(parameters["device"])
    if not (of_rows and isinstance(encoder, str)):
        return chosen_encoder(encoder, device, pretrained)
    if pretrained:
        raise ValueError(
            f"pretrained={pretrained!r} is for images, and X holds rows of features. Give "
            "image_shape=(h, w) or (h, w, c) if they are images, else pretrained=False."
        )
    if encoder not in ("auto", "mlp"):
        raise ValueError(
            f"encoder={encoder!r} is for images, and X holds rows of features. Give "
            'image_shape=(h, w) or (h, w, c) if they are images, else encoder="mlp" or a module '
            "that maps (n, n_features) to rows."
        )
    return "mlp"
