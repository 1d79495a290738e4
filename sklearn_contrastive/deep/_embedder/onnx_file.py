"""`to_onnx` of the image embedders."""

import os
from importlib.util import find_spec

from sklearn.utils.validation import check_is_fitted

from ..._install import EXPORT, needs
from ..._replaced_file import replaced_file

__all__ = ["OnnxFileMixin"]


class OnnxFileMixin:
    """`to_onnx`: the network of an image embedder as a file for other programs."""

    def to_onnx(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an ONNX file, which runs without PyTorch and scikit-learn.

        The graph computes what :meth:`transform` returns, the normalisation of the images included.

        Parameters
        ----------
        path : path-like
            The file; an earlier one is replaced. The usual ending is ".onnx".

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If onnx or onnxscript is not installed.
        OSError
            If the file cannot be written. An earlier file stays as it was.
        ValueError
            If PyTorch cannot export a layer of the network, such as one of your own whose result
            depends on its values by a Python `if`.

        Notes
        -----
        Input "images": float32 of shape (n, c, h, w) in [0, 1], for any n; h and w are those of
        `image_shape_`. They must have been read as in training: files resized and cropped to
        `image_shape_`, divided by 255, channels first. Output "h": float32 of shape (n, width);
        `output` selects the layer. The export needs PyTorch 2.6 or newer.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import onnxruntime
        >>> from sklearn.datasets import load_digits
        >>> from sklearn_contrastive import SimCLREmbedder
        >>> images = load_digits().images[:100].astype(np.float32) / 16
        >>> embedder = SimCLREmbedder("resnet_narrow", max_epochs=1, batch_size=50, random_state=0)
        >>> path = Path(tempfile.mkdtemp()) / "encoder.onnx"
        >>> embedder.fit(images).to_onnx(path)
        >>> session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        >>> (h,) = session.run(None, {"images": images[:, None]})
        >>> bool(np.allclose(h, embedder.transform(images), atol=1e-5))
        True
        """
        check_is_fitted(self)
        for package in ("onnx", "onnxscript"):
            if find_spec(package) is None:
                raise ImportError(needs("Export of an encoder to ONNX", package, *EXPORT[1:3]))
        from .export import exported

        model = exported(
            self.net_.module_, self.image_shape_, getattr(self, "output", "representation")
        )
        with replaced_file(path) as file:
            file.write(model.SerializeToString())
