"""TabularContrastiveEmbedder: representations of the rows of a table by contrastive learning."""

import os
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor, nn

from .._sklearn_compat import HasMethods, Interval, StrOptions, fit_context
from .._typing import ArrayLike, DataFrame, FloatArray, RandomState, VectorLike
from ._embedder.losses import LOSSES
from ._embedder.network_embedder import NetworkEmbedder
from ._tables.build import table_parts
from ._tables.columns import read_columns
from ._tables.encoding import TableEncoding, fit_encoding
from ._tables.source import TableSource
from ._tables.stored import restore_table, stored_table

__all__ = ["TabularContrastiveEmbedder"]


class TabularContrastiveEmbedder(NetworkEmbedder):
    """Representations of the rows of a table, learned without labels by contrasting views.

    Docstring later.
    """

    _parameter_constraints: ClassVar[dict] = {
        **NetworkEmbedder._parameter_constraints,
        "encoder": [StrOptions({"mlp"}), callable],
        "width": [Interval(Integral, 1, None, closed="left")],
        "depth": [Interval(Integral, 1, None, closed="left")],
        "projection_head": [StrOptions({"mlp", "mlp3", "linear", "none"}), callable],
        "projection_dim": [Interval(Integral, 1, None, closed="left")],
        "loss": [StrOptions({*LOSSES, "sogclr"}), callable],
        "temperature": [Interval(Real, 0, None, closed="neither"), StrOptions({"learn"})],
        "augmentations": [
            StrOptions({"corruption", "masking"}),
            HasMethods(["fit", "sample_views"]),
            callable,
        ],
        "corruption_rate": [Interval(Real, 0, 1, closed="right")],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "output": [StrOptions({"representation", "projection", "middle"})],
    }

    def __init__(
        self,
        encoder: str | nn.Module | Callable[[], nn.Module] = "mlp",
        *,
        width: int = 256,
        depth: int = 4,
        projection_head: str | nn.Module = "mlp",
        projection_dim: int = 128,
        loss: str | Callable[[Tensor, Tensor], Tensor] = "nt_xent",
        temperature: float | str = 1.0,
        augmentations: Any = "corruption",
        corruption_rate: float = 0.6,
        categorical_features: ArrayLike | str = "from_dtype",
        batch_size: int = 128,
        max_epochs: int = 100,
        optimizer: str = "adamw",
        learning_rate: float | str = "auto",
        weight_decay: float = 1e-4,
        warmup_epochs: float = 1,
        device: str = "auto",
        precision: str = "auto",
        output: str = "representation",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        random_state: RandomState = None,
        verbose: int | str = "auto",
    ):
        self.encoder = encoder
        self.width = width
        self.depth = depth
        self.projection_head = projection_head
        self.projection_dim = projection_dim
        self.loss = loss
        self.temperature = temperature
        self.augmentations = augmentations
        self.corruption_rate = corruption_rate
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_epochs = warmup_epochs
        self.device = device
        self.precision = precision
        self.output = output
        self.checkpoint_dir = checkpoint_dir
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike | DataFrame,
        y: Any = None,
        *,
        X_val: ArrayLike | DataFrame | None = None,
        y_val: VectorLike | None = None,
    ) -> Self:
        """Learn the encoding of the columns and train the network.
        """
        return self._train(X, y, anew=True, X_val=X_val, y_val=y_val)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike | DataFrame,
        y: Any = None,
        *,
        X_val: ArrayLike | DataFrame | None = None,
        y_val: VectorLike | None = None,
    ) -> Self:
        """Continue the training for `max_epochs` more epochs.
        """
        return self._train(X, y, anew=not hasattr(self, "net_"), X_val=X_val, y_val=y_val)

    def transform(self, X: ArrayLike | DataFrame) -> FloatArray:
        """Compute the representations of rows.
        """
        return self._embedded(X)

    def _read(self, X: Any, y: Any, *, reset: bool, like: TableSource | None = None) -> TableSource:
        encoding = like.encoding if like is not None else None if reset else self._encoding
        columns = read_columns(
            self,
            X,
            reset=reset,
            min_samples=2,
            is_categorical=None if encoding is None else encoding.is_categorical,
            categorical_features=self.categorical_features,
        )
        encoding = fit_encoding(columns) if encoding is None else encoding
        return TableSource(encoding.encoded(columns), encoding)

    def _read_unchecked(self, X: Any) -> TableSource:
        encoding = self._encoding
        columns = read_columns(
            self, X, reset=False, min_samples=1, is_categorical=encoding.is_categorical
        )
        return TableSource(encoding.encoded(columns), encoding)

    def _parts(self, samples, parameters, *, download=True):
        return table_parts(samples, parameters)

    def _attributes_of(self, samples: TableSource) -> dict[str, Any]:
        return _attributes_of(samples.encoding)

    def _stored_attributes(self):
        return stored_table(self)

    def _restore(self, stored, attributes):
        for name, value in _attributes_of(restore_table(self, stored, attributes)).items():
            setattr(self, name, value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags


def _attributes_of(encoding: TableEncoding) -> dict[str, Any]:
    """Fitted attributes of an encoding."""
    center, scale = np.full((2, len(encoding.is_categorical)), np.nan)
    center[~encoding.is_categorical] = encoding.scaling.center
    scale[~encoding.is_categorical] = encoding.scaling.scale
    categories = iter(encoding.categories)
    return {
        "_encoding": encoding,
        "is_categorical_": encoding.is_categorical,
        "categories_": [next(categories) if each else None for each in encoding.is_categorical],
        "center_": center,
        "scale_": scale,
    }
