"""Public objects of the package, for the tests of docstrings, types and docs."""

import importlib
import inspect
import pkgutil

import sklearn_contrastive

__all__ = [
    "ALL_MODULES",
    "PUBLIC_MODULES",
    "own_methods",
    "public_callables",
    "public_classes",
    "public_objects",
]


def _walk():
    yield sklearn_contrastive.__name__
    prefix = f"{sklearn_contrastive.__name__}."
    for found in pkgutil.walk_packages(sklearn_contrastive.__path__, prefix):
        yield found.name


ALL_MODULES = sorted(_walk())
PUBLIC_MODULES = [
    name for name in ALL_MODULES if not any(part.startswith("_") for part in name.split("."))
]


def public_objects():
    """Return the documented objects by qualified name, each once, where it is first offered."""
    found = {}
    for module_name in sorted(PUBLIC_MODULES, key=lambda name: (-name.count("."), name)):
        module = importlib.import_module(module_name)
        for name in module.__all__:
            offered = getattr(module, name)
            if callable(offered) and all(offered is not other for other in found.values()):
                found[f"{module_name}.{name}"] = offered
    return found


def public_classes():
    """Return the classes among the public objects."""
    return {name: offered for name, offered in public_objects().items() if inspect.isclass(offered)}


def own_methods(cls):
    """Return the public methods and the constructor that our package, not another's base, wrote."""
    found = {}
    for name in dir(cls):
        if name.startswith("_") and name != "__init__":
            continue
        member = inspect.getattr_static(cls, name)
        if isinstance(member, property):
            member = member.fget
        elif isinstance(member, classmethod | staticmethod):
            member = member.__func__
        # scikit-learn's decorators around our methods keep the module that they were written in
        if inspect.isfunction(member) and member.__module__.split(".")[0] == "sklearn_contrastive":
            found[name] = member
    return found


def public_callables():
    """Return the public functions and the public methods of public classes, by name."""
    found = {}
    for name, offered in public_objects().items():
        if inspect.isclass(offered):
            methods = own_methods(offered)
            found.update({f"{name}.{method}": body for method, body in methods.items()})
        else:
            found[name] = offered
    return found
