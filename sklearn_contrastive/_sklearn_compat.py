"""The one place that imports what scikit-learn does not promise to keep.

Everybody who writes estimators uses these names; a scikit-learn release that moves one of them
breaks a line here and nowhere else.
"""

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import Hidden, Interval, RealNotInt, StrOptions

try:  # scikit-learn >= 1.9, experimental there
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # an older scikit-learn fits the same, without callbacks

    class CallbackSupportMixin:
        """Stands in for scikit-learn's mixin where it does not exist."""

        _init_callback_context = None

    def with_callbacks(fit_method):
        """Return the method unchanged: there are no callbacks to tear down."""
        return fit_method


__all__ = [
    "CallbackSupportMixin",
    "Hidden",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "fit_context",
    "with_callbacks",
]
