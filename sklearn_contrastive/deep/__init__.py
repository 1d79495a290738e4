"""Deep contrastive learning: losses, diagnostics, SimCLR and trained linear networks.

Needs ``python -m pip install torch skorch timm pillow filelock tqdm``; these packages are imported
when a name of this module is first used.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from ._autoencoder import AutoencoderEmbedder
    from ._classifier import ContrastiveClassifier
    from ._diagnostics import alignment, contrastive_accuracy, uniformity
    from ._linear.autoencoder import train_linear_autoencoder
    from ._linear.contrastive import train_linear_contrastive_encoder
    from ._linear.estimator import LinearContrastiveEncoder
    from ._linear.gan import train_linear_gan
    from ._losses import (
        decoupled_contrastive_loss,
        linear_contrastive_loss,
        nt_xent_loss,
        spectral_contrastive_loss,
    )
    from ._redundancy_losses import barlow_twins_loss, vicreg_loss
    from ._sigreg import sigreg_loss
    from ._simclr import SimCLREmbedder
    from ._sogclr import sogclr_loss
    from ._supcon import SupConEmbedder
    from ._supcon_loss import supervised_contrastive_loss
    from ._tabular import TabularContrastiveEmbedder

__all__ = [
    "SimCLREmbedder",
    "SupConEmbedder",
    "TabularContrastiveEmbedder",
    "AutoencoderEmbedder",
    "ContrastiveClassifier",
    "LinearContrastiveEncoder",
    "nt_xent_loss",
    "decoupled_contrastive_loss",
    "sogclr_loss",
    "supervised_contrastive_loss",
    "spectral_contrastive_loss",
    "linear_contrastive_loss",
    "vicreg_loss",
    "barlow_twins_loss",
    "sigreg_loss",
    "alignment",
    "uniformity",
    "contrastive_accuracy",
    "train_linear_autoencoder",
    "train_linear_contrastive_encoder",
    "train_linear_gan",
]

_MODULE_OF = {
    "SimCLREmbedder": "._simclr",
    "SupConEmbedder": "._supcon",
    "AutoencoderEmbedder": "._autoencoder",
    "TabularContrastiveEmbedder": "._tabular",
    "ContrastiveClassifier": "._classifier",
    "LinearContrastiveEncoder": "._linear.estimator",
    "nt_xent_loss": "._losses",
    "decoupled_contrastive_loss": "._losses",
    "sogclr_loss": "._sogclr",
    "supervised_contrastive_loss": "._supcon_loss",
    "spectral_contrastive_loss": "._losses",
    "linear_contrastive_loss": "._losses",
    "vicreg_loss": "._redundancy_losses",
    "barlow_twins_loss": "._redundancy_losses",
    "sigreg_loss": "._sigreg",
    "alignment": "._diagnostics",
    "uniformity": "._diagnostics",
    "contrastive_accuracy": "._diagnostics",
    "train_linear_autoencoder": "._linear.autoencoder",
    "train_linear_contrastive_encoder": "._linear.contrastive",
    "train_linear_gan": "._linear.gan",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF, globals())
