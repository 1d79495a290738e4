"""Stored state of the linear estimators: arrays, numbers and dicts instead of private objects."""

from typing import Any

from scipy import sparse

from ._covariance.by_class import ClassCovariances
from ._covariance.fourth_moments import StandardizedMoments
from ._covariance.missing import PairwiseCovariance
from ._covariance.pooled_classes import PooledClasses
from ._covariance.scatter import ScatterCovariance
from ._covariance.small_chunk import SmallChunk
from ._covariance.target_moments import KnownSamples, TargetScatters
from ._covariance.within_class import LabelledScatter
from ._factor.model import BartlettWeights, FactorModel
from ._factor.noise import BlockNoise, DiagonalNoise
from ._factor.outlying_cells import CellModel
from ._factor.row_distances import RowDistances
from ._factor.row_noise import ScalePrior
from ._factor.screening import RobustModel

__all__ = ["PlainStateMixin"]

# files hold these names: a class may move or be renamed, its name here stays
_KINDS = {
    "BartlettWeights": BartlettWeights,
    "BlockNoise": BlockNoise,
    "CellModel": CellModel,
    "ClassCovariances": ClassCovariances,
    "DiagonalNoise": DiagonalNoise,
    "FactorModel": FactorModel,
    "KnownSamples": KnownSamples,
    "LabelledScatter": LabelledScatter,
    "PairwiseCovariance": PairwiseCovariance,
    "PooledClasses": PooledClasses,
    "RobustModel": RobustModel,
    "RowDistances": RowDistances,
    "ScalePrior": ScalePrior,
    "ScatterCovariance": ScatterCovariance,
    "SmallChunk": SmallChunk,
    "StandardizedMoments": StandardizedMoments,
    "TargetScatters": TargetScatters,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_CSR_PARTS = ("data", "indices", "indptr")
_KIND = "sklearn_contrastive kind"


class PlainStateMixin:
    """Stores objects of fitted attributes as dicts: skops has to trust the estimator alone."""

    def __getstate__(self):
        state = super().__getstate__()
        return {name: _plain(each) if _is_fitted(name) else each for name, each in state.items()}

    def __setstate__(self, state):
        super().__setstate__(
            {name: _objects(each) if _is_fitted(name) else each for name, each in state.items()}
        )


def _is_fitted(name):
    """Whether an attribute is set by fit: a parameter of the user is left as it is."""
    return name.startswith("_") or name.endswith("_")


def _plain(value: Any) -> Any:
    """The value with each object of `_KINDS` and each sparse array as a dict."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    if type(value) is sparse.csr_array:
        parts = {name: getattr(value, name) for name in _CSR_PARTS}
        return {_KIND: "csr_array", "shape": value.shape} | parts
    name = _NAMES.get(type(value))
    return value if name is None else {_KIND: name} | _plain(vars(value))


def _objects(value: Any) -> Any:
    """Inverse of `_plain`."""
    if type(value) in (list, tuple):
        return type(value)(map(_objects, value))
    if not isinstance(value, dict):
        return value
    state = {key: _objects(each) for key, each in value.items() if key != _KIND}
    if _KIND not in value:
        return state
    if value[_KIND] == "csr_array":
        return sparse.csr_array(tuple(state[name] for name in _CSR_PARTS), shape=state["shape"])
    kind = _KINDS.get(str(value[_KIND]))
    if kind is None:
        raise ValueError(
            f"The stored estimator has a part of kind {value[_KIND]!r:.80}, which this version of "
            "sklearn-contrastive does not know. Upgrade the package, or fit again."
        )
    instance = object.__new__(kind)  # the attributes were checked when it was first made
    instance.__dict__.update(state)
    return instance
