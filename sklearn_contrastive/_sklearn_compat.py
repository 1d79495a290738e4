"""Private names of scikit-learn, imported in this module alone.

A scikit-learn release that moves one of them breaks a line here and nowhere else.
"""

from inspect import signature

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Hidden,
    Interval,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.validation import _check_feature_names_in as feature_names_of
from sklearn.utils.validation import _check_sample_weight
from sklearn.utils.validation import _num_samples as n_rows

# scikit-learn >= 1.9 refuses weights that are all 0 unless it is told not to
_ZERO_ALLOWED = (
    {"allow_all_zero_weights": True}
    if "allow_all_zero_weights" in signature(_check_sample_weight).parameters
    else {}
)


def check_sample_weight(sample_weight, X, *, allow_zero):
    """Weights as a float64 array with one entry for each row of X, none negative."""
    allowed = _ZERO_ALLOWED if allow_zero else {}
    return _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True, **allowed
    )


try:  # scikit-learn >= 1.9, experimental there; its fit_context also tears the callbacks down
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # an older scikit-learn, without callbacks

    class CallbackSupportMixin:
        """Stands in for scikit-learn's mixin where it does not exist."""

        _init_callback_context = None


try:
    from sklearn.callback import ProgressBar
except ImportError:  # an older scikit-learn, or one whose callbacks have another name
    ProgressBar = ()


def has_progress_bar(estimator):
    """Whether scikit-learn's progress bar is set on an estimator, or on one around it."""
    callbacks = getattr(estimator, "_skl_callbacks", ())
    return any(isinstance(each, ProgressBar) for each in callbacks)


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
    "HasMethods",
    "Hidden",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "check_same_namespace",
    "check_sample_weight",
    "feature_names_of",
    "fit_context",
    "get_namespace_and_device",
    "has_progress_bar",
    "is_numpy_namespace",
    "move_to",
    "n_rows",
    "safe_indexing",
    "validate_parameter_constraints",
    "widest_float",
]
