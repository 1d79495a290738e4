"""Encoders: modules from images to representations, by name, as modules or from factories."""

import copy
import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..._install import needs
from .narrow_resnet import convolution, narrow_resnet

__all__ = [
    "Normalization",
    "build_encoder",
    "chosen_encoder",
    "encoder_normalization",
    "encoder_width",
    "named_encoder",
    "try_out",
    "try_out_training",
]

# images with a shorter side are too small for the usual stem, which divides the sides by four
SMALL_SIDE = 64


class Normalization(NamedTuple):
    """Normalisation of pretrained weights: (x - mean) / std, per channel of images in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def build_encoder(
    encoder: str | nn.Module | Callable[[], nn.Module],
    shape: tuple[int, int, int],
    *,
    pretrained: bool = False,
    download: bool = True,
) -> nn.Module:
    """Module that maps images to representations, tested on two images.

    Parameters
    ----------
    encoder : str, nn.Module or callable
        - str: "resnet_narrow", see `narrow_resnet`, or a name of `timm.list_models()`. Where the
          shorter side is below 64 pixels, a residual network (timm's class ResNet, with ResNeXt
          and others) starts with a 3x3 convolution of stride 1 and no max-pooling [1]_.
        - nn.Module: a copy with its weights is trained, not the module itself.
        - callable without arguments, such as a class: returns the module.
    shape : tuple (c, h, w)
        Channels, height and width of the images.
    pretrained : bool, default=False
        Whether to load timm's weights. They are for the usual stem, also for small images: resize
        these, to 224 pixels for most names, and see `encoder_normalization`.
    download : bool, default=True
        False leaves a pretrained encoder with random weights, for weights that are loaded later.

    Returns
    -------
    nn.Module
        Maps normalised float images (n, c, h, w) to representations (n, width). PyTorch's global
        generator, seeded by the caller, draws new weights.

    Raises
    ------
    ValueError
        If the name is unknown, pretrained weights do not exist or cannot be downloaded, or the
        module does not map such images to rows of finite numbers.
    TypeError
        If it is none of these, or a callable does not return a module.
    ImportError
        If the name is timm's and timm is not installed.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, appendix B.9.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep._networks.encoders import build_encoder
    >>> encoder = build_encoder("resnet_narrow", (1, 28, 28))
    >>> encoder(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 128])
    """
    if pretrained and not isinstance(encoder, str):
        raise ValueError(
            "pretrained=True needs an encoder name; a module or a factory has its own weights."
        )
    if isinstance(encoder, str):
        module = named_encoder(encoder, shape, pretrained, download=download)
    elif isinstance(encoder, nn.Module):
        module = copy.deepcopy(encoder)
    elif callable(encoder):
        module = encoder()
    else:
        raise TypeError(
            f"encoder={encoder!r} must be a name, a torch.nn.Module or a callable that makes one."
        )
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"The factory encoder={encoder!r} returned {type(module).__name__}; it must return a "
            "torch.nn.Module."
        )
    module.float()  # PyTorch's default dtype may have been another
    try_out_training(module, shape, encoder_width(module, shape), role="encoder")
    return module


def chosen_encoder(
    encoder: str | nn.Module | Callable[[], nn.Module], device: torch.device, pretrained: bool
) -> str | nn.Module | Callable[[], nn.Module]:
    """The encoder that "auto" stands for on a device; any other encoder as it is.

    "resnet18" on a GPU or with pretrained weights, otherwise "resnet_narrow", which a CPU trains
    in a small part of the time.
    """
    if not (isinstance(encoder, str) and encoder == "auto"):
        return encoder
    return "resnet18" if pretrained or device.type != "cpu" else "resnet_narrow"


def encoder_width(module: nn.Module, shape: tuple[int, int, int]) -> int:
    """Number of features of the representations of images of shape (c, h, w).

    Raises ValueError if the module does not map such images to rows of finite numbers.
    """
    return try_out(
        module,
        shape,
        role="encoder",
        takes="The input channels must be those of the images; some networks need larger images.",
        makes="Add a pooling layer and nn.Flatten() at its end.",
    )


def encoder_normalization(module: nn.Module) -> Normalization | None:
    """Normalisation of images for the pretrained weights of an encoder.

    Parameters
    ----------
    module : nn.Module
        From `build_encoder`.

    Returns
    -------
    Normalization or None
        Means and standard deviations, one for each channel of the encoder; None if `build_encoder`
        did not load pretrained weights.
    """
    normalization = getattr(module, "input_normalization", None)
    return normalization if isinstance(normalization, Normalization) else None


def try_out(module: nn.Module, shape: tuple[int, ...], *, role: str, takes: str, makes: str) -> int:
    """Width of the output of a module, tested on two samples; its state does not change.

    Lazy weights are initialised. `shape` is that of a sample. For error messages, `role` names the
    module, `takes` is the advice if it fails on the samples, `makes` the advice if its output is
    not rows. Raises ValueError in these cases, and if the output is not finite.
    """
    with _evaluation(module):
        output = _output(module, shape, role, takes)
    return _width(output, shape, role, makes)


def try_out_training(module: nn.Module, shape: tuple[int, ...], width: int, *, role: str) -> None:
    """Raise ValueError unless a module returns rows of this width in training mode too.

    A copy is tested, because batch norms and counters change in training mode.
    """
    try:
        trial = copy.deepcopy(module).train()
    except Exception:  # a module that cannot be copied is not tested
        return
    role = f"{role}, in training mode,"
    devices = {weight.device for weight in trial.parameters() if weight.device.type == "cuda"}
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        output = _output(trial, shape, role, "It works in evaluation mode.")
    trained = _width(output, shape, role, "In evaluation mode it does.")
    if trained != width:
        raise ValueError(f"The {role} returned {trained} features, in evaluation mode {width}.")


def _output(module, shape, role, takes):
    """Output of a module for two samples; ValueError if it fails."""
    # independent of PyTorch's default device, default dtype and global generator
    samples = torch.empty(2, *shape, dtype=torch.float32, device="cpu")
    samples.normal_(generator=torch.Generator().manual_seed(0))
    device = next((weight.device for weight in module.parameters()), samples.device)
    try:
        return module(samples.to(device))
    except Exception as error:  # a module of the user may raise any error
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"The {role} cannot take samples of shape {tuple(shape)}: {reason.rstrip('.')}. {takes}"
        ) from error


def _width(output, shape, role, makes):
    """Number of columns of the output for two samples; ValueError unless they are finite rows."""
    if not isinstance(output, Tensor):
        raise ValueError(f"The {role} returned {type(output).__name__}; it must return a Tensor.")
    if output.ndim != 2 or len(output) != 2 or output.shape[1] == 0:
        raise ValueError(
            f"The {role} returned shape {tuple(output.shape)} for 2 samples of shape "
            f"{tuple(shape)}; it must return shape (2, width). {makes}"
        )
    if not output.is_floating_point():
        raise ValueError(f"The {role} returned {output.dtype}; it must return floats.")
    if not output.isfinite().all():
        raise ValueError(f"The {role} returned values that are not finite; check its weights.")
    return output.shape[1]


@contextmanager
def _evaluation(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients within the context; the mode of each part is restored."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training


def named_encoder(
    name: str, shape: tuple[int, int, int], pretrained: bool, *, download: bool
) -> nn.Module:
    """The narrow residual network, or one of timm, as in `build_encoder`, without a test."""
    if name != "resnet_narrow":
        return _timm_encoder(_timm(name), name, shape, pretrained, download)
    if pretrained:
        raise _no_weights(name)
    return narrow_resnet(shape[0], stem_stride=_narrow_stride(min(shape[1:])))


def _narrow_stride(side):
    """Stride of the stem: 28 x 28 positions are slow on a CPU, 8 x 8 digits need all of theirs."""
    return 1 if side < 24 else 2 if side < SMALL_SIDE else 4


def _timm_encoder(timm: ModuleType, name, shape, pretrained, download):
    """Network of timm for images of this shape, with a small stem for small images."""
    if not timm.is_model(name):
        names = ["resnet_narrow", *timm.list_models()]
        closest = ", ".join(map(repr, difflib.get_close_matches(name, names, n=3, cutoff=0)))
        raise ValueError(
            f"encoder={name!r} is not known. The closest names are {closest}; 'resnet18' is the "
            "usual choice, 'resnet_narrow' suits a CPU, and timm.list_models() lists all others."
        )
    if pretrained and not timm.is_model_pretrained(name):
        raise _no_weights(name)
    try:
        module = _create(timm, name, shape, pretrained and download)
        _check_patches(timm, module, shape)
    except OSError as error:
        raise ValueError(
            f"The pretrained weights of encoder={name!r} could not be downloaded, and are not in "
            "the cache. Connect to the network, or set pretrained=False."
        ) from error
    except Exception as error:  # each family of networks raises other errors
        raise ValueError(
            f"encoder={name!r} cannot be built for images of shape {tuple(shape)}: {error} "
            "Resize the images, or choose another encoder."
        ) from error
    if pretrained:
        module.input_normalization = _normalization(module.pretrained_cfg, shape[0])
    elif isinstance(module, timm.models.ResNet) and _is_small(shape):
        module.conv1 = convolution(shape[0], module.bn1.num_features)
        module.maxpool = nn.Identity()
    return module


def _create(timm: ModuleType, name, shape, pretrained):
    """Network of timm, with the size of the images if its constructor has this argument."""
    options = {"pretrained": pretrained, "in_chans": shape[0], "num_classes": 0}
    try:
        return timm.create_model(name, img_size=tuple(shape[1:]), **options)
    except TypeError as error:
        if "img_size" not in str(error):
            raise
    return timm.create_model(name, **options)


def _check_patches(timm, module, shape):
    """Raise ValueError if patches do not tile the images: timm would drop the rest silently."""
    embed = getattr(module, "patch_embed", None)
    if isinstance(embed, timm.layers.PatchEmbed):
        height, width = embed.patch_size
        if shape[1] % height or shape[2] % width:
            raise ValueError(f"its patches of {height} x {width} pixels do not tile them.")


def _normalization(config, n_channels):
    """Normalisation for the number of channels to which timm adapted the first convolution."""

    def per_channel(values):
        # timm sums the weights of the three channels for one channel, and repeats them for others
        if n_channels == 1:
            return (sum(values) / len(values),)
        return tuple(values[channel % len(values)] for channel in range(n_channels))

    return Normalization(per_channel(config["mean"]), per_channel(config["std"]))


def _timm(name):
    """The module timm; ImportError with the install command if it is missing."""
    try:
        import timm
    except ImportError as error:
        raise ImportError(needs(f"encoder={name!r}", "timm", "timm")) from error
    return timm


def _no_weights(name):
    choice = "Set pretrained=False, or choose from timm.list_models(pretrained=True)."
    return ValueError(f"encoder={name!r} has no pretrained weights. {choice}")


def _is_small(shape):
    return min(shape[1:]) < SMALL_SIDE
