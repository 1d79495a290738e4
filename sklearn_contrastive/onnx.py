"""Export of fitted reducers to ONNX, by skl2onnx."""

import numpy as np

from ._install import EXPORT, needs
from .generative import LinearAutoencoder, LinearGAN
from .linear import (
    HeteroPCA,
    LinearContrastive,
    PairedContrastive,
    SupervisedLinearContrastive,
)

__all__ = ["register_converters"]

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
