"""The installed package as a whole: public names, versions, signatures."""

import importlib
import importlib.metadata
import importlib.resources
import inspect
import typing
from pathlib import Path

import pytest
from helpers.public_api import PUBLIC_MODULES, public_callables, public_classes

import sklearn_contrastive

ROOT = Path(__file__).parents[1]


def test_version_is_that_of_the_distribution():
    assert sklearn_contrastive.__version__ == importlib.metadata.version("sklearn-contrastive")


@pytest.mark.parametrize(("file", "start"), [("CITATION.cff", "version: "), ("CHANGES.md", "## ")])
def test_version_is_the_newest_in_the_changelog_and_citation(file, start):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    newest = next(text for text in lines if text.startswith(start))
    assert newest.removeprefix(start).split()[0] == sklearn_contrastive.__version__


def test_package_is_marked_as_typed():
    assert importlib.resources.files("sklearn_contrastive").joinpath("py.typed").is_file()


@pytest.mark.parametrize("module_name", PUBLIC_MODULES)
def test_every_public_name_exists(module_name):
    module = importlib.import_module(module_name)
    assert module.__all__, "a public module lists its names"
    assert len(module.__all__) == len(set(module.__all__))
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)


@pytest.mark.parametrize("module_name", PUBLIC_MODULES)
def test_an_unknown_name_is_an_attribute_error(module_name):
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = importlib.import_module(module_name).no_such_name


@pytest.mark.parametrize(("name", "function"), public_callables().items())
def test_every_parameter_and_return_value_is_annotated(name, function):
    hints = typing.get_type_hints(function)  # raises where an annotation names what is not there
    parameters = [
        parameter.name
        for position, parameter in enumerate(inspect.signature(function).parameters.values())
        if not (position == 0 and parameter.name in ("self", "cls"))
    ]
    # a constructor returns None
    wanted = set(parameters) if name.endswith("__init__") else {*parameters, "return"}
    assert wanted <= hints.keys(), f"{name}: no type for {sorted(wanted - hints.keys())}"


@pytest.mark.parametrize(("name", "function"), public_callables().items())
def test_signatures_have_no_quoted_and_no_private_types(name, function):
    parameters = inspect.signature(function).parameters.values()
    types = [each.annotation for each in parameters] + [
        inspect.signature(function).return_annotation
    ]
    assert not [each for each in types if isinstance(each, str)], name
    # ArrayLike of numpy.typing prints as a union of ten types; sklearn_contrastive._typing has ours
    assert "numpy._typing" not in str(inspect.signature(function)), name


def test_the_walk_over_the_public_names_found_them():
    # a guard against a walk that silently finds nothing and passes everything
    assert len(public_classes()) >= 5
    assert len(public_callables()) >= 20
