"""The one place that imports what scikit-learn does not promise to keep.

Everybody who writes estimators uses these names; a scikit-learn release that moves one of them
breaks a line here and nowhere else.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Hidden, Interval, RealNotInt, StrOptions
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

try:  # scikit-learn >= 1.9, experimental there; its fit_context also ends what a fit began
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # an older scikit-learn fits the same, without callbacks

    class CallbackSupportMixin:
        """Stands in for scikit-learn's mixin where it does not exist."""

        _init_callback_context = None


__all__ = [
    "CallbackSupportMixin",
    "Hidden",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
]
