"""Warnings that point at the user's line, once for all fits of a search."""

import sys
import warnings
from collections.abc import Hashable, Iterator
from types import FrameType
from weakref import WeakKeyDictionary

from joblib import Parallel

__all__ = ["first_of_search", "search_of_this_fit", "warn"]

# frames between the user's line and ours: decorators, pipelines, searches, training loops
_SKIPPED_PACKAGES = {"sklearn_contrastive", "contextlib", "joblib", "sklearn", "skorch", "torch"}
_ONCE_BY_TEXT = ("default", "module", "once")


class _Worker:
    """Stands for all searches whose fits this worker process or thread runs."""


_WORKER = _Worker()
# what was shown in each search: its kinds of warnings
_shown: WeakKeyDictionary = WeakKeyDictionary()


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line of code that is neither ours nor of the libraries around it.

    In a search, or another call of scikit-learn that makes many fits, each category is shown
    once, unless the user's filters ask for every warning. Python alone would show it for each
    fit: numbers and names in the text differ, and scikit-learn sets the filters for each fit,
    which makes Python forget what it has shown. A `UserWarning` is shown once for each text.

    Parameters
    ----------
    message : str
        The text.
    category : type of Warning, default=UserWarning
        Its class.
    """
    frame = sys._getframe(1)
    skipped = list(_skipped_frames(frame))
    if skipped:
        frame = skipped[-1].f_back
    search = search_of_this_fit()
    if search is not None and _filtered_once(message, category, frame):
        if not first_of_search(search, message if category is UserWarning else category):
            return
        message += " (Shown once for all fits of this call.)"
    warnings.warn(message, category, stacklevel=2 + len(skipped))


def search_of_this_fit() -> object | None:
    """The call of scikit-learn that runs this fit among others, such as that of a grid search.

    Returns
    -------
    search : object or None
        The same object for all fits of the call, the last one of a search included. A worker
        process does not know its call and has one object for all. None for a fit of its own.
    """
    search, in_joblib = None, False
    for frame in _skipped_frames(sys._getframe(1)):
        name = frame.f_globals.get("__name__", "")
        in_joblib = in_joblib or name == "joblib.parallel"
        # a search keeps its Parallel as a local variable, also while it fits the best model
        if name == "joblib.parallel" or name.startswith("sklearn.model_selection."):
            search = next((v for v in frame.f_locals.values() if isinstance(v, Parallel)), search)
    return _WORKER if search is None and in_joblib else search


def first_of_search(search: object, kind: Hashable) -> bool:
    """Whether this kind of message is the first of its kind in a search; it is noted.

    Parameters
    ----------
    search : object
        From `search_of_this_fit`.
    kind : hashable
        The kind.

    Returns
    -------
    bool
        True in the first call only.
    """
    shown = _shown.setdefault(search, set())
    is_first = kind not in shown
    shown.add(kind)
    return is_first


def _skipped_frames(frame: FrameType) -> Iterator[FrameType]:
    """Frames of ours and of the libraries around ours, from this one outwards.

    The outermost frame of a process or thread is never among them.
    """
    while frame.f_back is not None and _package_of(frame) in _SKIPPED_PACKAGES:
        yield frame
        frame = frame.f_back


def _filtered_once(message, category, frame):
    """Whether the user's filters show equal warnings once: neither always, nor never."""
    module = frame.f_globals.get("__name__", "")
    # since Python 3.14 the filters may belong to a context
    filters = getattr(warnings, "_get_filters", lambda: warnings.filters)()
    for action, text, kind, of_module, line in filters:
        if (
            issubclass(category, kind)
            and _matches(text, message)
            and _matches(of_module, module)
            and line in (0, frame.f_lineno)
        ):
            return action in _ONCE_BY_TEXT
    return warnings.defaultaction in _ONCE_BY_TEXT


def _matches(pattern, text):
    """Whether a filter's pattern, a regular expression, a string or None, fits a text."""
    if pattern is None or isinstance(pattern, str):
        return pattern is None or pattern == text
    return pattern.match(text) is not None


def _package_of(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
