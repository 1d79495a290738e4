"""Names in the code of a function, and the modules that they lead to."""

import dis
import inspect
from collections.abc import Iterable
from types import CodeType, ModuleType

__all__ = ["names_of", "reads_from_outside", "used_modules"]

# functions that find values by name or in files, and variables of the process
_BUILTINS = {"eval", "exec", "globals", "open", "__import__"}
_ATTRIBUTES = {"environ", "environb", "getenv", "argv"}


def names_of(code: CodeType) -> set[str]:
    """Globals, attributes, imports and strings, as in getattr, in code and its nested functions."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if inspect.iscode(constant):
            names |= names_of(constant)
        elif isinstance(constant, str):
            names.add(constant)
    return names


def reads_from_outside(code: CodeType) -> list[str]:
    """Names by which code, and its nested functions, read files, the process or globals by name."""
    found = _ATTRIBUTES & set(code.co_names)
    for step in dis.get_instructions(code):
        # not an attribute of this name, such as that of a module: network.eval()
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and step.argval in _BUILTINS:
            found.add(step.argval)
    for constant in filter(inspect.iscode, code.co_consts):
        found.update(reads_from_outside(constant))
    return sorted(found)


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
