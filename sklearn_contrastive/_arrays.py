"""Namespace and device of an array, under scikit-learn's array API dispatch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._sklearn_compat import get_namespace_and_device, is_numpy_namespace, move_to
from ._typing import ArrayLike

__all__ = ["ArrayPlace", "dtype_name", "place_of"]


@dataclass(frozen=True)
class ArrayPlace:
    """Namespace and device of an array.

    Parameters
    ----------
    xp : module
        The namespace.
    device : object
        The device, None for array-likes.
    """

    xp: Any
    device: Any

    @property
    def is_numpy(self) -> bool:
        """Whether the namespace is NumPy."""
        return is_numpy_namespace(self.xp)

    def put(self, array: NDArray) -> Any:
        """Move a NumPy array here; float64 becomes float32 on a device without float64."""
        return array if self.is_numpy else move_to(array, xp=self.xp, device=self.device)

    def take(self, array: Any) -> NDArray:
        """Move an array from here to NumPy; a tensor is detached from its gradient."""
        if self.is_numpy:
            return array
        return move_to(getattr(array, "detach", lambda: array)(), xp=np, device="cpu")


def place_of(array: ArrayLike) -> ArrayPlace:
    """Namespace and device of an array; NumPy unless array API dispatch is enabled."""
    xp, is_array_api, device = get_namespace_and_device(array)
    return ArrayPlace(xp, device) if is_array_api else ArrayPlace(np, None)


def dtype_name(array: Any) -> str:
    """Name of NumPy's float type of the same precision."""
    return "float32" if "float32" in str(array.dtype) else "float64"
