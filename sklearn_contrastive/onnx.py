"""Export to ONNX: of fitted reducers by skl2onnx, of trained encoders by PyTorch."""

from importlib.util import find_spec

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ._install import EXPORT, needs
from ._typing import ModelProto
from .generative import LinearAutoencoder, LinearGAN
from .linear import (
    HeteroPCA,
    LinearContrastive,
    PairedContrastive,
    SupervisedLinearContrastive,
)

__all__ = ["encoder_to_onnx", "register_converters"]

# estimators whose scores are (x - mean_) @ scoring_matrix_.T
_CONVERTED = (
    HeteroPCA,
    LinearAutoencoder,
    LinearContrastive,
    LinearGAN,
    PairedContrastive,
    SupervisedLinearContrastive,
)


def register_converters() -> None:
    """Register converters of the linear reducers with skl2onnx, also for use in pipelines.

    ``skl2onnx.to_onnx`` and ``skl2onnx.convert_sklearn`` then accept the estimators. A second
    call changes nothing.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    Notes
    -----
    The graph subtracts the mean and multiplies by one matrix. Float and double samples are
    computed in their own precision; for float samples the mean is subtracted in two steps,
    since float32 would round a mean of 1e4 by 5e-4. Integers are centred in double precision
    and give float scores.

    A row with missing values gets NaN scores from the graph, where ``transform`` solves a
    least-squares problem on the observed features of the row, which a graph of fixed matrices
    cannot. Convert sparse samples to dense ones first.

    Examples
    --------
    >>> import numpy as np
    >>> from skl2onnx import to_onnx
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive.onnx import register_converters
    >>> X, truth = make_spiked_covariance(2000, 20, 3, signal=3.0, random_state=0)
    >>> model = LinearContrastive(3, random_state=0).fit(X)
    >>> register_converters()
    >>> graph = to_onnx(model, X[:1].astype(np.float32)).graph
    >>> [node.op_type for node in graph.node]
    ['Sub', 'Sub', 'MatMul']
    """
    try:
        from skl2onnx import update_registered_converter
    except ImportError as error:
        raise ImportError(needs("Export to ONNX", "skl2onnx", *EXPORT[:2])) from error
    for estimator in _CONVERTED:
        alias = f"SklearnContrastive{estimator.__name__}"
        update_registered_converter(estimator, alias, _set_output_type, _add_nodes)


def encoder_to_onnx(embedder: BaseEstimator) -> ModelProto:
    """Export the network of a fitted SimCLREmbedder to an ONNX graph.

    The graph computes what ``transform`` returns, the normalisation of the images included.

    Parameters
    ----------
    embedder : SimCLREmbedder
        Fitted. Its `output` selects the layer.

    Returns
    -------
    model : onnx.ModelProto
        Input "images": float32 of shape (n, c, h, w) in [0, 1], for any n; h and w are those of
        `image_shape_`. Output "h": float32 of shape (n, width). ``onnx.save(model, path)`` writes
        it.

    Raises
    ------
    ImportError
        If onnx or onnxscript is not installed.
    TypeError
        If it is not a SimCLREmbedder.
    ValueError
        If PyTorch cannot export a layer of the network, such as one of your own whose result
        depends on its values by a Python `if`.

    Notes
    -----
    It needs PyTorch 2.6 or newer. The images must have been read as in training: files resized
    and cropped to `image_shape_`, divided by 255, channels first.

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive import SimCLREmbedder
    >>> from sklearn_contrastive.onnx import encoder_to_onnx
    >>> images = load_digits().images[:100].astype(np.float32) / 16
    >>> embedder = SimCLREmbedder("resnet_narrow", max_epochs=1, batch_size=50, random_state=0)
    >>> model = encoder_to_onnx(embedder.fit(images))
    >>> session = onnxruntime.InferenceSession(
    ...     model.SerializeToString(), providers=["CPUExecutionProvider"]
    ... )
    >>> (h,) = session.run(None, {"images": images[:, None]})
    >>> bool(np.allclose(h, embedder.transform(images), atol=1e-4))
    True
    """
    for package in ("onnx", "onnxscript"):
        if find_spec(package) is None:
            raise ImportError(needs("Export of an encoder to ONNX", package, *EXPORT[1:3]))
    from .deep import SimCLREmbedder

    if not isinstance(embedder, SimCLREmbedder):
        raise TypeError(
            f"encoder_to_onnx takes a SimCLREmbedder, not a {type(embedder).__name__}. Export "
            "reducers by skl2onnx.to_onnx after register_converters()."
        )
    check_is_fitted(embedder)
    from .deep._simclr.export import exported

    return exported(embedder.net_.module_, embedder.image_shape_, embedder.output)


def _set_output_type(operator):
    """Declare the scores: double for double samples, else float, one column per component."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from skl2onnx.common.utils import check_input_and_output_numbers

    check_input_and_output_numbers(operator, input_count_range=1, output_count_range=1)
    samples = operator.inputs[0]
    of_scores = DoubleTensorType if isinstance(samples.type, DoubleTensorType) else FloatTensorType
    n_components = operator.raw_operator.n_components_
    if not n_components:
        raise ValueError(
            f"{type(operator.raw_operator).__name__} found no component, and skl2onnx has no "
            "arrays without columns. Fit it with n_components >= 1 to export it."
        )
    operator.outputs[0].type = of_scores([samples.get_first_dimension(), n_components])


def _add_nodes(scope, operator, container):
    """Add (x - mean) @ scoring to the graph."""
    from skl2onnx.algebra.onnx_ops import OnnxCast, OnnxMatMul, OnnxSub
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from skl2onnx.proto import TensorProto

    version = {"op_version": container.target_opset}
    mean = _on_host(operator.raw_operator.mean_)
    scoring = _on_host(operator.raw_operator.scoring_matrix_).T
    samples = operator.inputs[0]
    is_double = isinstance(samples.type, DoubleTensorType)
    if isinstance(samples.type, FloatTensorType):
        rounded = mean.astype(np.float32)
        remainder = (mean - rounded).astype(np.float32)
        centred = OnnxSub(samples, rounded, **version)
        if remainder.any():
            centred = OnnxSub(centred, remainder, **version)
    elif is_double:
        centred = OnnxSub(samples, mean, **version)
    else:  # float32 rounds integers above 2^24, but not their distance from the mean
        wide = OnnxCast(samples, to=TensorProto.DOUBLE, **version)
        narrow = OnnxSub(wide, mean, **version)
        centred = OnnxCast(narrow, to=TensorProto.FLOAT, **version)
    scoring = scoring.astype(np.float64 if is_double else np.float32)
    scores = operator.outputs[0].full_name
    OnnxMatMul(centred, scoring, output_names=[scores], **version).add_to(scope, container)


def _on_host(array):
    """A fitted attribute as a NumPy array: after a fit on a device it is a tensor there."""
    return np.asarray(array.cpu() if hasattr(array, "cpu") else array, dtype=np.float64)
