"""Encoders: modules from images to representations, by name, as modules or from factories."""

import copy
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .mlp import mlp
from .narrow_resnet import narrow_resnet
from .timm_encoder import SMALL_SIDE, no_weights, timm_encoder

__all__ = [
    "build_encoder",
    "chosen_encoder",
    "encoder_width",
    "named_encoder",
    "try_out",
    "try_out_training",
]

# cells on a side over which resnet_narrow averages its last maps
_GRID = 4


def build_encoder(
    encoder: str | nn.Module | Callable[[], nn.Module],
    shape: tuple[int, int, int],
    *,
    pretrained: bool | str | os.PathLike[str] = False,
    download: bool = True,
) -> nn.Module:
    """Module that maps images to representations, tested on two images.

    Parameters
    ----------
    encoder : str, nn.Module or callable
        - str: "resnet_narrow", see `narrow_resnet`; "mlp", see `mlp`; or a name of
          `timm.list_models()`. Where the
          shorter side is below 64 pixels, a residual network (timm's class ResNet, with ResNeXt
          and others) starts with a 3x3 convolution of stride 1 and no max-pooling [1]_.
        - nn.Module: a copy with its weights is trained, not the module itself.
        - callable without arguments, such as a class: returns the module.
    shape : tuple (c, h, w)
        Channels, height and width of the images.
    pretrained : bool, str or os.PathLike, default=False
        Whether to load timm's weights, or a file of weights of timm's network of this name. They
        are for the usual stem, also for small images: resize these, to 224 pixels for most names,
        and see `encoder_normalization`.
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
        If the name is unknown, pretrained weights do not exist, cannot be downloaded or are those
        of another network, or the module does not map such images to rows of finite numbers.
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
    torch.Size([5, 2048])
    """
    if pretrained and not isinstance(encoder, str):
        raise ValueError(
            "pretrained needs an encoder name; a module or a factory has its own weights."
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
    encoder: str | nn.Module | Callable[[], nn.Module],
    device: torch.device,
    pretrained: bool | str | os.PathLike[str],
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
    name: str,
    shape: tuple[int, int, int],
    pretrained: bool | str | os.PathLike[str],
    *,
    download: bool,
) -> nn.Module:
    """A network of ours, or one of timm, as in `build_encoder`, without a test."""
    if name not in ("resnet_narrow", "mlp"):
        return timm_encoder(name, shape, pretrained, download=download)
    if pretrained:
        raise no_weights(name)
    if name == "mlp":
        return mlp(shape)
    stride = _narrow_stride(min(shape[1:]))
    # the second and the third stage halve the sides, rounded up
    grid = tuple(min(_GRID, math.ceil(side / (4 * stride))) for side in shape[1:])
    return narrow_resnet(shape[0], stem_stride=stride, grid=grid)


def _narrow_stride(side):
    """Stride of the stem: 28 x 28 positions are slow on a CPU, 8 x 8 digits need all of theirs."""
    return 1 if side < 24 else 2 if side < SMALL_SIDE else 4
