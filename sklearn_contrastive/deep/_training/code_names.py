"""Names in the code of a function, and the modules that they lead to."""

import inspect
from collections.abc import Iterable
from types import CodeType, ModuleType

__all__ = ["names_of", "used_modules"]


def names_of(code: CodeType) -> set[str]:
    """Globals, attributes, imports and strings, as in getattr, in code and its nested functions."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if inspect.iscode(constant):
            names |= names_of(constant)
        elif isinstance(constant, str):
            names.add(constant)
    return names


def used_modules(modules: Iterable[ModuleType], names: set[str]) -> list[ModuleType]:
    """Modules, and their submodules whose names are used, each once."""
    waiting, found = list(modules), []
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.append(module)
            inner = (vars(module).get(name) for name in sorted(names))
            waiting += [each for each in inner if inspect.ismodule(each)]
    return found
