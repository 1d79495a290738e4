"""Names of the types that the public signatures speak of."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse

__all__ = ["FloatArray", "MatrixLike", "RandomState", "StringArray", "VectorLike"]

# What a user may hand in: arrays, lists, data frames and memory maps are array-like.
MatrixLike: TypeAlias = npt.ArrayLike | scipy.sparse.sparray | scipy.sparse.spmatrix
VectorLike: TypeAlias = npt.ArrayLike | Sequence[float]
RandomState: TypeAlias = int | np.random.RandomState | None

# What comes back.
FloatArray: TypeAlias = npt.NDArray[np.floating]
StringArray: TypeAlias = npt.NDArray[np.object_]
