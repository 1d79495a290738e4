"""Base of embedders of images: how images are read, and their normalisation and export."""

import os
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

from torch import Tensor
from torch.utils.data import Dataset

from ..._images.source import ImageSource
from ..._images.validation import validated_images
from ..._sklearn_compat import Interval, StrOptions
from ..._typing import FloatArray, MatrixLike
from .network_embedder import LARGEST_WIDTH, NetworkEmbedder
from .onnx_file import OnnxFileMixin
from .stored import restore_network, stored_network

__all__ = ["ImageEmbedder"]


class ImageEmbedder(OnnxFileMixin, NetworkEmbedder):
    """Base of estimators that train a network on images and return its outputs."""

    _parameter_constraints: ClassVar[dict] = {
        **NetworkEmbedder._parameter_constraints,
        "encoder": [str, callable],
        "pretrained": ["boolean", str, os.PathLike],
        "normalization": ["array-like", None],
        "image_shape": ["array-like", None],
        "projection_head": [StrOptions({"mlp", "mlp3", "linear", "none"}), callable],
        "projection_dim": [Interval(Integral, 1, LARGEST_WIDTH, closed="both")],
        "augmentations": [str, callable],
        "chunk_size": [Interval(Integral, 1, None, closed="left"), None],
        "output": [StrOptions({"representation", "projection", "middle"})],
        "on_unreadable": [StrOptions({"raise", "skip"})],
    }

    def transform(
        self, X: MatrixLike | Tensor | Dataset | Sequence[os.PathLike[str]]
    ) -> FloatArray:
        """Compute the representations of images.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Images of the shape seen during fit.

        Returns
        -------
        h : ndarray of float32 of shape (n_images, width)
            Representations, or the output that `output` names. With ``on_unreadable="skip"`` the
            rows of images that cannot be read are NaN, and a warning names them.
        """
        return self._embedded(X)

    def _read(self, X: Any, *, reset: bool, like: ImageSource | None = None) -> ImageSource:
        if like is not None:
            c, h, w = like.shape
            shape = h, w, c
        else:
            shape = self._shape_for(X) if reset else self.image_shape_
        return validated_images(
            self, X, shape, reset=reset, min_samples=2, on_unreadable=self.on_unreadable
        )

    def _shape_for(self, X: Any) -> Sequence[int] | None:
        """Shape of the images of X in a first fit; None: that of its array or of its files."""
        return self.image_shape

    def _read_unchecked(self, X: Any) -> ImageSource:
        return validated_images(
            self,
            X,
            self.image_shape_,
            reset=False,
            check_files=False,
            on_unreadable=self.on_unreadable,
        )

    def _attributes_of(self, samples: ImageSource) -> dict[str, Any]:
        c, h, w = samples.shape
        return {"image_shape_": (h, w, c), "unreadable_": samples.unreadable}

    def _stored_attributes(self):
        return stored_network(self)

    def _restore(self, stored, attributes):
        restore_network(self, stored, attributes)
