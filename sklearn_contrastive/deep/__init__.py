"""The deep wing: networks that are trained, behind scikit-learn estimators.

It needs the packages of ``pip install "sklearn-contrastive[deep]"``, which are imported when one
of its names is first used, not before.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._linear_encoder import LinearContrastiveEncoder
    from ._linear_training import (
        train_linear_autoencoder,
        train_linear_contrastive_encoder,
        train_linear_gan,
    )
    from ._losses import linear_contrastive_loss

__all__ = [
    "LinearContrastiveEncoder",
    "linear_contrastive_loss",
    "train_linear_autoencoder",
    "train_linear_contrastive_encoder",
    "train_linear_gan",
]

_MODULE_OF = {
    "LinearContrastiveEncoder": "_linear_encoder",
    "linear_contrastive_loss": "_losses",
    "train_linear_autoencoder": "_linear_training",
    "train_linear_contrastive_encoder": "_linear_training",
    "train_linear_gan": "_linear_training",
}


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f".{_MODULE_OF[name]}", __name__)
    except ModuleNotFoundError as error:
        raise ImportError(
            f'{__name__} needs PyTorch and skorch: pip install "sklearn-contrastive[deep]"'
        ) from error
    return getattr(module, name)


def __dir__():
    return sorted({*globals(), *__all__})
