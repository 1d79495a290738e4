"""Docstrings: numpydoc's rules, and examples."""

import doctest
import importlib
import inspect

import pytest
from helpers.public_api import ALL_MODULES, own_methods, public_objects
from numpydoc.validate import validate

IGNORED = {
    "ES01",  # a summary line is often all there is to say
    "EX01",  # classes carry examples (asserted below); a method's is its class's
    "GL01",  # ruff's and scikit-learn's layout: text on the line of the opening quotes
    "GL08",  # reported for __init__, which is documented in its class; see the test of it below
    "RT02",  # returned values carry names here, which say what a shape stands for
    "SS05",  # takes every first word that ends in s for a verb; a summary may begin with a noun
    "SA01",  # See Also where there is something to see
    "SA04",  # the name of a well-known estimator needs no description
}


def documented():
    """Return what has to be documented: each public object, and each public method of ours."""
    found = {}
    for name, offered in public_objects().items():
        found[name] = offered
        if inspect.isclass(offered):
            methods = own_methods(offered)
            methods.pop("__init__", None)
            found.update({f"{name}.{method}": body for method, body in methods.items()})
    return found


@pytest.mark.parametrize("name", documented())
def test_docstring_is_complete(name):
    report = validate(name)
    assert report["docstring"].strip(), "nothing is written there"
    errors = [f"{code}: {text}" for code, text in report["errors"] if code not in IGNORED]
    assert not errors, f"{report['file']}:{report['file_line']} {name}\n" + "\n".join(errors)


# a record or a warning is shown where it is returned or raised
SHOWN = [
    name
    for name, offered in public_objects().items()
    if not inspect.isclass(offered) or hasattr(offered, "fit")
]


@pytest.mark.parametrize("name", SHOWN)
def test_estimators_and_functions_show_an_example(name):
    assert ">>>" in inspect.getdoc(public_objects()[name])


def test_enough_was_found_to_validate():
    assert len(documented()) >= 20


def examples_of(module_name):
    """Return the docstrings of one module that hold examples."""
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module_name))
    return [docstring for docstring in found if docstring.examples]


@pytest.mark.parametrize("module_name", ALL_MODULES)
def test_examples_in_docstrings_run(module_name, capsys):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for docstring in examples_of(module_name):
        failed, _ = doctest.DocTestRunner(optionflags=flags).run(docstring)
        assert not failed, capsys.readouterr().out


def test_there_are_examples_to_run():
    found = [docstring for name in ALL_MODULES for docstring in examples_of(name)]
    assert sum(len(docstring.examples) for docstring in found) >= 20
