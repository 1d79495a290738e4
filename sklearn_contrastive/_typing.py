"""Type aliases of public signatures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NewType, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from numpy.typing import ArrayLike as ArrayLike
    from pandas import DataFrame as DataFrame
else:
    # NumPy's own is a union of ten private types, all of which help() would print
    ArrayLike = NewType("ArrayLike", object)
    # these are of optional packages
    Axes = NewType("Axes", object)
    DataFrame = NewType("DataFrame", object)

__all__ = [
    "ArrayLike",
    "Axes",
    "DataFrame",
    "FloatArray",
    "MatrixLike",
    "RandomState",
    "StringArray",
    "VectorLike",
]

# Arguments: arrays, lists, data frames and memory maps are array-like.
MatrixLike: TypeAlias = ArrayLike | scipy.sparse.sparray | scipy.sparse.spmatrix
VectorLike: TypeAlias = ArrayLike | Sequence[float]
RandomState: TypeAlias = int | np.random.RandomState | None

# Results.
FloatArray: TypeAlias = npt.NDArray[np.floating]
StringArray: TypeAlias = npt.NDArray[np.object_]
