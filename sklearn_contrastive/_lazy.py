"""Names that are imported on first use, because they need PyTorch."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ._install import DEEP, needs

__all__ = ["lazy_names", "pytorch_is_installed"]


def pytorch_is_installed() -> bool:
    """Whether PyTorch and skorch can be found; neither is imported."""
    try:
        return all(find_spec(package) is not None for package in ("torch", "skorch"))
    except (ImportError, ValueError):  # from an import hook, or a module without a spec
        return False


def lazy_names(
    package: str, module_of: Mapping[str, str], namespace: Mapping[str, Any]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package some of whose names need PyTorch.

    Parameters
    ----------
    package : str
        Its name.
    module_of : mapping from str to str
        The module, relative to the package, of each name that is imported on first use.
    namespace : mapping
        Its other names: ``globals()``.

    Returns
    -------
    getattr_, dir_ : callable
        The two functions. ``__dir__`` lists a lazy name only where it can be imported, so that
        ``help(package)`` and ``inspect.getmembers`` work without PyTorch.
    """

    def getattr_(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            module = import_module(module_of[name], package)
        except ModuleNotFoundError as error:
            if error.name is not None and error.name.startswith("sklearn_contrastive"):
                raise  # a mistake of ours
            raise ImportError(needs(f"{package}.{name}", "PyTorch and skorch", *DEEP)) from error
        return getattr(module, name)

    def dir_() -> list[str]:
        return sorted({*namespace, *(module_of if pytorch_is_installed() else ())})

    return getattr_, dir_
