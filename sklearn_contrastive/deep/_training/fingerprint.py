"""Fingerprint of a training: a hash of parameters, networks, functions and versions."""

import functools
import hashlib
import inspect
import os
import pickle
import sys
import types
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from .code_names import names_of, reads_from_outside, used_modules

__all__ = ["UnseenValueError", "fingerprint"]

_PACKAGES = ("torch", "skorch", "timm", "scikit-learn", "numpy", "sklearn-contrastive")
_OF_MODULES = ("_parameters", "_buffers", "_modules")
# attributes of every module: mode, hooks by numbers that differ between processes
_OF_ALL_MODULES = frozenset(vars(nn.Module())) - {*_OF_MODULES}
# folders of installed packages; in others, pip keeps a record of what it installed
_SITE = {"site-packages", "dist-packages"}
_DESCRIPTORS = (property, staticmethod, classmethod, functools.cached_property)
# flag of classes that are made at run time
_HEAP_TYPE = 1 << 9


class UnseenValueError(ValueError):
    """A fingerprint cannot depend on a value, because the value cannot be read."""


def fingerprint(*parts: Any) -> str:
    """Hash, in hexadecimal digits, of values and of the versions of the packages.

    Parameters
    ----------
    *parts : object
        Numbers, strings, None, containers, arrays, networks (by their weights and attributes),
        functions and classes (by name and code, with the values that they enclose, the globals
        and the attributes of modules that they use), or other objects (by class and attributes).
        Those of installed packages are hashed by name and version; a package that a function
        imports itself by name only, because it may be imported already or not.

    Returns
    -------
    digest : str
        The same in every process for the same values.

    Raises
    ------
    UnseenValueError
        If a value cannot be read, such as an open file, or a function reads files, environment
        variables or globals by name.
    """
    digest = hashlib.sha256(f"python={sys.version};".encode())
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            digest.update(f"{name}={version(name)};".encode())
    for part in parts:
        _feed(digest, part, {})
    return digest.hexdigest()


def _feed(digest, part, seen):
    """Add a value, with its kind, to a hash.

    `seen` holds, by id, the enclosing objects and all functions and classes so far: each is hashed
    once.
    """
    digest.update(f"<{type(part).__module__}.{type(part).__qualname__}>".encode())
    if part is None or isinstance(part, str | bytes | bool | int | float | complex | os.PathLike):
        digest.update(repr(part).encode())
    elif isinstance(part, torch.Tensor):
        _feed_tensor(digest, part, seen)
    elif isinstance(part, np.ndarray) and part.dtype.kind != "O":
        digest.update(f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
    elif id(part) in seen:
        digest.update(getattr(part, "__qualname__", "").encode())
    else:
        seen[id(part)] = part
        _feed_nested(digest, part, seen)
        if not (inspect.isclass(part) or inspect.isfunction(part)):
            del seen[id(part)]


def _feed_nested(digest, part, seen):
    """Add a container, module, class, function or other object."""
    if isinstance(part, dict | types.MappingProxyType):
        for key in sorted(part, key=str):
            _feed(digest, key, seen)
            _feed(digest, part[key], seen)
    elif isinstance(part, list | tuple):
        digest.update(f"{len(part)}:".encode())
        for each in part:
            _feed(digest, each, seen)
    elif isinstance(part, set | frozenset):
        _feed(digest, sorted(map(repr, part)), seen)
    elif isinstance(part, functools.partial):
        _feed(digest, (part.func, part.args, part.keywords, vars(part)), seen)
    elif inspect.ismodule(part):
        digest.update(part.__name__.encode())
    elif inspect.isclass(part):
        _feed_class(digest, part, seen)
    elif inspect.isroutine(part) or isinstance(part, _DESCRIPTORS):
        _feed_function(digest, part, seen)
    else:
        _feed_object(digest, part, seen)


def _feed_tensor(digest, tensor, seen):
    """Add the bytes of a tensor; lazy weights have none yet."""
    if torch.nn.parameter.is_lazy(tensor):
        return
    try:
        values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    except RuntimeError as error:  # sparse and quantised tensors
        raise UnseenValueError(f"a tensor of layout {tensor.layout}") from error
    _feed(digest, (str(tensor.dtype), tuple(tensor.shape), values.numpy()), seen)


def _feed_object(digest, part, seen):
    """Add an object by its class and attributes, or by its pickle if it has no attributes."""
    _feed(digest, type(part), seen)
    attributes = dict(getattr(part, "__dict__", {}))
    for kind in type(part).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if not name.startswith("__") and hasattr(part, name):
                attributes[name] = getattr(part, name)
    if isinstance(part, nn.Module):
        hooks = [
            list(vars(part).get(name, {}).values())
            for name in sorted(_OF_ALL_MODULES)
            if isinstance(vars(part).get(name), dict)
        ]
        _feed(digest, [each for each in hooks if each], seen)
        attributes = {k: v for k, v in attributes.items() if k not in _OF_ALL_MODULES}
        # a handle of a hook is an address; the hooks themselves are hashed above
        attributes = {k: v for k, v in attributes.items() if not isinstance(v, RemovableHandle)}
    if attributes:
        _feed(digest, attributes, seen)
        return
    try:
        digest.update(pickle.dumps(part))
    except Exception as error:
        if not all(map(_is_of_python, type(part).__mro__[:-1])):
            raise UnseenValueError(f"an object of {type(part).__qualname__}") from error


def _is_of_python(kind):
    """Whether a class is written in Python, so that its objects have no state but attributes."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    in_c = kind.__module__ in sys.builtin_module_names or str(file).endswith((".so", ".pyd"))
    return not in_c and bool(kind.__flags__ & _HEAP_TYPE)


def _feed_class(digest, kind, seen):
    """Add a class by name, and its members if it is the user's."""
    digest.update(f"{kind.__module__}.{kind.__qualname__}".encode())
    if _is_installed(kind, digest):
        return
    members = {
        name: value
        for name, value in vars(kind).items()
        if not isinstance(value, types.MemberDescriptorType | types.GetSetDescriptorType)
        # names with underscores belong to Python: annotations, caches, line numbers
        and (inspect.isroutine(value) or not name.startswith(("__", "_abc_")))
    }
    _feed(digest, (kind.__bases__, members), seen)


def _feed_function(digest, function, seen):
    """Add a function by name, code, defaults, enclosed values and the globals that it uses."""
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    digest.update(name.encode())
    if isinstance(function, property):
        _feed(digest, (function.fget, function.fset, function.fdel), seen)
    elif isinstance(function, functools.cached_property):
        _feed(digest, function.func, seen)
    elif inspect.ismethod(function) or isinstance(function, staticmethod | classmethod):
        _feed(digest, (function.__func__, getattr(function, "__self__", None)), seen)
    elif not inspect.isfunction(function):
        owner = getattr(function, "__self__", None)
        if not (owner is None or inspect.ismodule(owner)):  # a method of a type in C
            _feed(digest, owner, seen)
    elif not _is_installed(function, digest):
        _feed_code(digest, function.__code__, seen)
        enclosed = [_content(cell) for cell in function.__closure__ or ()]
        used = _used_values(digest, function)
        attributes = vars(function)
        settings = (function.__defaults__, function.__kwdefaults__, enclosed, attributes, used)
        _feed(digest, settings, seen)


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _used_values(digest, function):
    """Values that a function finds by name: globals, and attributes of modules of the user."""
    names = names_of(function.__code__)
    if unseen := reads_from_outside(function.__code__):
        raise UnseenValueError(f"what {function.__qualname__} reads by {', '.join(unseen)}")
    values = {name: function.__globals__[name] for name in names & set(function.__globals__)}
    enclosed = [_content(cell) for cell in function.__closure__ or ()]
    modules = [each for each in (*values.values(), *enclosed) if inspect.ismodule(each)]
    of_user = [each for each in _imported(names) if _installed(each) is None]
    for module in used_modules([*modules, *of_user], names):
        if not _is_installed(module, digest):
            found = names & set(vars(module))
            values |= {f"{module.__name__}.{name}": vars(module)[name] for name in found}
    return values


def _imported(names):
    """Modules that a function imports itself, if anything has imported them already."""
    return [sys.modules[name] for name in sorted(names & set(sys.modules))]


def _feed_code(digest, code, seen):
    """Add the code of a function, not its file and line."""
    digest.update(code.co_code + repr((code.co_names, code.co_varnames)).encode())
    for constant in code.co_consts:
        if inspect.iscode(constant):
            _feed_code(digest, constant, seen)
        else:
            _feed(digest, constant, seen)


def _is_installed(part, digest):
    """Whether it comes from an installed package, whose version is hashed instead of its code."""
    installed = _installed(part)
    digest.update((installed or "").encode())
    return installed is not None


def _installed(part):
    """Installed package and version from which it comes, "" of Python itself; otherwise None."""
    name = part.__name__ if inspect.ismodule(part) else getattr(part, "__module__", None) or ""
    package = name.partition(".")[0]
    if package in sys.stdlib_module_names and package != "__main__":
        return ""
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    if _SITE.isdisjoint(Path(file).parts) and package not in _recorded(_root(package)):
        return None
    return f"{package}={getattr(sys.modules.get(package), '__version__', '')};"


def _root(package):
    """Folder, or wheel, from which a package was imported."""
    file = getattr(sys.modules.get(package), "__file__", None) or ""
    folder, name = os.path.split(file)
    return os.path.dirname(folder) if name.partition(".")[0] == "__init__" else folder


@functools.cache
def _recorded(root):
    """Names of the packages that pip installed into a folder of the user, or that a wheel holds."""
    files = (file for each in distributions(path=[root]) for file in each.files or ())
    return {file.parts[0].partition(".")[0] for file in files}
