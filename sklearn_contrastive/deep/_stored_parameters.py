"""Parameters of estimators as values of JSON, and back."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from .. import augmentation
from .._stored_fit import unusable

__all__ = ["NotInFile", "as_json", "from_json"]

_AUGMENTATIONS = (
    "ColorJitter",
    "Compose",
    "GaussianBlur",
    "PatchMasking",
    "RandomFlip",
    "RandomGrayscale",
    "RandomResizedCrop",
    "SimCLRAugmentation",
)
# a composition of compositions; deeper ones are not of this library's making
_DEEPEST = 20


@dataclass(frozen=True)
class NotInFile:
    """Stands for a function or module of the user in an estimator that was loaded without it.

    Parameters
    ----------
    name : str
        Name of the function or of the class of the module.
    """

    name: str

    def __call__(self, *arguments: Any) -> None:
        """Raise ValueError: there is no code to run."""
        raise ValueError(
            f"The code of {self.name} is not in the file that this estimator was loaded from. Pass "
            "it to load, as a parameter of the same name, or set it with set_params before fit."
        )


def as_json(value: Any) -> Any:
    """A parameter as a value of JSON; modules and functions of the user by their names."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, np.generic):
        return as_json(value.item())
    if isinstance(value, list | tuple | np.ndarray):
        return [as_json(each) for each in value]
    if type(value) is dict:
        return {"entries": [[as_json(key), as_json(each)] for key, each in value.items()]}
    kind = type(value).__name__
    if kind in _AUGMENTATIONS and type(value) is getattr(augmentation, kind):
        given = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
        return {"augmentation": kind} | {name: as_json(each) for name, each in given.items()}
    named = value if isinstance(value, type) or hasattr(value, "__qualname__") else type(value)
    return {"not_in_file": value.name if isinstance(value, NotInFile) else _full_name(named)}


def from_json(value: Any, path: Path, depth: int = 0) -> Any:
    """Inverse of `as_json`, with tuples for lists and a `NotInFile` for code of the user.

    Parameters
    ----------
    value : object
        A value of JSON.
    path : pathlib.Path
        The file, for error messages.
    depth : int, default=0
        Number of values around it.

    Raises
    ------
    ValueError
        If no parameter is stored like this.
    """
    if depth > _DEEPEST:
        raise unusable(path, f"a parameter is nested more than {_DEEPEST} times")
    if isinstance(value, list):
        return tuple(from_json(each, path, depth + 1) for each in value)
    if not isinstance(value, dict):
        return value
    if value.keys() == {"not_in_file"}:
        return NotInFile(str(value["not_in_file"])[:200])
    if value.keys() == {"entries"} and depth == 0:
        return _dict_of(value["entries"], path)
    kind = value.get("augmentation")
    if kind not in _AUGMENTATIONS:
        raise unusable(path, f"a parameter has the unknown kind {kind!r:.80}")
    arguments = {
        name: from_json(each, path, depth + 1)
        for name, each in value.items()
        if name != "augmentation"
    }
    make: Callable[..., Any] = getattr(augmentation, kind)
    try:
        return make(**arguments)
    except (TypeError, ValueError) as error:
        raise unusable(path, f"{kind} cannot be made ({error})") from error


def _dict_of(entries, path):
    """A dict of labels and numbers, from its entries."""
    if not isinstance(entries, list) or not all(map(_is_entry, entries)):
        raise unusable(path, f"a parameter has the entries {entries!r:.80}")
    return dict(entries)


def _is_entry(pair):
    kinds = str | int | float
    return isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, kinds) for x in pair)


def _full_name(named):
    return f"{named.__module__}.{named.__qualname__}"
