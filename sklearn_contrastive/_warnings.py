"""Warnings that point at the user's line."""

import sys
import warnings

__all__ = ["warn"]

# frames between the user's line and ours: decorators, pipelines, training loops
_SKIPPED_PACKAGES = {"sklearn_contrastive", "contextlib", "sklearn", "skorch", "torch"}


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line of code that is neither ours nor of the libraries around it.

    Parameters
    ----------
    message : str
        The text.
    category : type of Warning, default=UserWarning
        Its class.
    """
    frame, stacklevel = sys._getframe(1), 2
    while frame.f_back is not None and _package_of(frame) in _SKIPPED_PACKAGES:
        frame, stacklevel = frame.f_back, stacklevel + 1
    warnings.warn(message, category, stacklevel=stacklevel)


def _package_of(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
