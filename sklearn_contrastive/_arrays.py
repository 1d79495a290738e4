"""Arrays of other libraries, on devices of their own, where scikit-learn's dispatch is enabled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._sklearn_compat import get_namespace_and_device, is_numpy_namespace, move_to
from ._typing import ArrayLike

__all__ = ["ArrayPlace", "dtype_name", "place_of"]


@dataclass(frozen=True)
class ArrayPlace:
    """Where an array lives.

    Parameters
    ----------
    xp : module
        Its namespace.
    device : object
        Its device, None for array-likes.
    """

    xp: Any
    device: Any

    @property
    def is_numpy(self) -> bool:
        """Whether nothing has to be moved."""
        return is_numpy_namespace(self.xp)

    def put(self, array: NDArray) -> Any:
        """A NumPy array, moved here; float64 becomes float32 where the device has nothing more."""
        return array if self.is_numpy else move_to(array, xp=self.xp, device=self.device)

    def take(self, array: Any) -> NDArray:
        """An array that lives here, as a NumPy array; a tensor leaves its gradient behind."""
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
