"""Private names of scikit-learn, imported in this module alone.

A scikit-learn release that moves one of them breaks a line here and nowhere else.
"""

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Hidden, Interval, RealNotInt, StrOptions
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

try:  # scikit-learn >= 1.9, experimental there; its fit_context also tears the callbacks down
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # an older scikit-learn, without callbacks

    class CallbackSupportMixin:
        """Stands in for scikit-learn's mixin where it does not exist."""

        _init_callback_context = None


try:  # scikit-learn >= 1.9: arrays of other libraries, on their devices
    from sklearn.utils._array_api import _is_numpy_namespace as is_numpy_namespace
    from sklearn.utils._array_api import _max_precision_float_dtype as widest_float
    from sklearn.utils._array_api import check_same_namespace, get_namespace_and_device, move_to

    ARRAY_API = True
except ImportError:  # an older scikit-learn converts them to NumPy arrays
    ARRAY_API = False

    def get_namespace_and_device(array):
        """NumPy for every array."""
        return np, False, None

    def move_to(array, xp, device):
        """The array itself."""
        return array

    def is_numpy_namespace(xp):
        """True: there is no other namespace."""
        return True

    def widest_float(xp, device):
        """float64."""
        return xp.float64

    def check_same_namespace(X, estimator, *, attribute, method):
        """Nothing to check."""


__all__ = [
    "ARRAY_API",
    "CallbackSupportMixin",
    "Hidden",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "check_same_namespace",
    "check_sample_weight",
    "fit_context",
    "get_namespace_and_device",
    "is_numpy_namespace",
    "move_to",
    "widest_float",
]
