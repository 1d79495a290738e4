"""Fingerprint of a training: a hash of parameters, networks, functions and versions."""

import functools
import hashlib
import inspect
import os
import pickle
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = ["fingerprint"]

_PACKAGES = ("torch", "skorch", "timm", "scikit-learn", "numpy", "sklearn-contrastive")
_OF_MODULES = ("_parameters", "_buffers", "_modules")


def fingerprint(*parts: Any) -> str:
    """Hash, in hexadecimal digits, of values and of the versions of the packages.

    Parameters
    ----------
    *parts : object
        Numbers, strings, None, containers, arrays, networks (by their weights and attributes),
        functions and classes (by name and code, with the values that they enclose and those of
        their own module that they use), or other objects (by class and attributes).

    Returns
    -------
    digest : str
        The same in every process for the same values.
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
    if part is None or isinstance(part, str | bytes | bool | int | float | os.PathLike):
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
    if isinstance(part, dict):
        for key in sorted(part, key=str):
            digest.update(f"{key}=".encode())
            _feed(digest, part[key], seen)
    elif isinstance(part, list | tuple):
        digest.update(f"{len(part)}:".encode())
        for each in part:
            _feed(digest, each, seen)
    elif isinstance(part, set | frozenset):
        _feed(digest, sorted(map(repr, part)), seen)
    elif isinstance(part, functools.partial):
        _feed(digest, (part.func, part.args, part.keywords), seen)
    elif inspect.ismodule(part):
        digest.update(part.__name__.encode())
    elif inspect.isclass(part):
        _feed_class(digest, part, seen)
    elif inspect.isroutine(part):
        _feed_function(digest, part, seen)
    else:
        _feed_object(digest, part, seen)


def _feed_tensor(digest, tensor, seen):
    """Add the bytes of a tensor; lazy weights have none yet."""
    if not torch.nn.parameter.is_lazy(tensor):
        values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        _feed(digest, (str(tensor.dtype), tuple(tensor.shape), values.numpy()), seen)


def _feed_object(digest, part, seen):
    """Add an object by its class and attributes, or by its pickle if it has no attributes."""
    _feed(digest, type(part), seen)
    attributes = dict(getattr(part, "__dict__", {}))
    if isinstance(part, nn.Module):
        # names of hooks and cached values begin with _ as well
        attributes = {
            name: value
            for name, value in attributes.items()
            if name in _OF_MODULES or not name.startswith("_")
        }
    if attributes:
        _feed(digest, attributes, seen)
        return
    # an object that cannot be pickled is hashed by its class only
    with suppress(Exception):
        digest.update(pickle.dumps(part))


def _feed_class(digest, kind, seen):
    """Add a class by name, and its methods if it is the user's."""
    digest.update(f"{kind.__module__}.{kind.__qualname__}".encode())
    if _is_installed(kind):
        return
    members = {
        name: value
        for name, value in vars(kind).items()
        if inspect.isroutine(value) or isinstance(value, bool | int | float | str)
    }
    _feed(digest, (kind.__bases__, members), seen)


def _feed_function(digest, function, seen):
    """Add a function by name, code, defaults, enclosed values and the globals that it uses."""
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    digest.update(name.encode())
    if inspect.ismethod(function) or isinstance(function, staticmethod | classmethod):
        _feed(digest, (function.__func__, getattr(function, "__self__", None)), seen)
    elif inspect.isfunction(function) and not _is_installed(function):
        _feed_code(digest, function.__code__, seen)
        enclosed = inspect.getclosurevars(function)
        used = {
            key: value
            for key, value in enclosed.globals.items()
            if isinstance(value, bool | int | float | str)
            or getattr(value, "__module__", None) == function.__module__
        }
        settings = (function.__defaults__, function.__kwdefaults__, enclosed.nonlocals, used)
        _feed(digest, settings, seen)


def _feed_code(digest, code, seen):
    """Add the code of a function, not its file and line."""
    digest.update(code.co_code + repr((code.co_names, code.co_varnames)).encode())
    for constant in code.co_consts:
        if inspect.iscode(constant):
            _feed_code(digest, constant, seen)
        else:
            _feed(digest, constant, seen)


def _is_installed(function_or_class):
    """Whether it comes from an installed package, whose version is hashed instead of its code."""
    module = sys.modules.get(function_or_class.__module__)
    file = getattr(module, "__file__", None) or ""
    return function_or_class.__module__ == "builtins" or "site-packages" in file
