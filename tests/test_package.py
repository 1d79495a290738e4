"""The installed package as a whole: what importing it costs, its names, versions and types."""

import importlib
import importlib.metadata
import importlib.resources
import inspect
import json
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from helpers.public_api import PUBLIC_MODULES, public_callables, public_classes

import sklearn_contrastive

ROOT = Path(__file__).parents[1]
OPTIONAL = [
    *("torch", "skorch", "timm", "dask", "accelerate", "matplotlib", "pandas", "polars"),
    *("skl2onnx", "onnxruntime", "skops"),
]


def fresh_python(program):
    """Run a program in a new interpreter and return what it prints, read as JSON."""
    command = [sys.executable, "-W", "error", "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_import_brings_in_none_of_the_optional_packages():
    # on top of scikit-learn, which itself imports pandas where it finds it
    added = fresh_python(
        "import json, sys, sklearn.decomposition; before = set(sys.modules)\n"
        "import sklearn_contrastive; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert "sklearn_contrastive" in added
    assert set(OPTIONAL).isdisjoint(added)


def test_everything_public_works_where_no_optional_package_is_installed():
    program = f"""
import json, sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NotInstalled())
import {", ".join(PUBLIC_MODULES)}
X, _ = sklearn_contrastive.datasets.make_spiked_covariance(200, 20, 2, random_state=0)
print(json.dumps(sklearn_contrastive.LinearContrastive(2).fit_transform(X).shape))
"""
    assert fresh_python(program) == [200, 2]


def test_version_is_that_of_the_distribution():
    assert sklearn_contrastive.__version__ == importlib.metadata.version("sklearn-contrastive")


@pytest.mark.parametrize(("file", "start"), [("CITATION.cff", "version: "), ("CHANGES.md", "## ")])
def test_version_is_the_newest_that_the_project_speaks_of(file, start):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    newest = next(text for text in lines if text.startswith(start))
    assert newest.removeprefix(start).split()[0] == sklearn_contrastive.__version__


def test_package_says_that_it_is_typed():
    assert importlib.resources.files("sklearn_contrastive").joinpath("py.typed").is_file()


@pytest.mark.parametrize("module_name", PUBLIC_MODULES)
def test_every_public_name_exists(module_name):
    module = importlib.import_module(module_name)
    assert module.__all__, "a public module names what it offers"
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
    # what a constructor returns goes without saying
    wanted = set(parameters) if name.endswith("__init__") else {*parameters, "return"}
    assert wanted <= hints.keys(), f"{name}: no type for {sorted(wanted - hints.keys())}"


def test_the_walk_over_the_public_names_found_them():
    # a guard against a walk that silently finds nothing and passes everything
    assert len(public_classes()) >= 5
    assert len(public_callables()) >= 20
