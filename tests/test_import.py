"""Importing the package: without optional packages, and without importing them."""

import inspect

import pytest
from helpers.processes import run_program, without_packages
from helpers.public_api import PUBLIC_MODULES

import sklearn_contrastive
from sklearn_contrastive import _lazy, augmentation, deep
from sklearn_contrastive._install import DEEP, needs

OPTIONAL = [
    *("torch", "skorch", "timm", "matplotlib", "pandas", "polars", "skl2onnx", "onnx"),
    *("onnxruntime", "skops"),
]


# --- where optional packages are installed -------------------------------------------------------


@pytest.fixture(scope="module")
def imported():
    """Modules that each step of one program imports."""
    # on top of scikit-learn, which itself imports pandas where it finds it
    program = """
import json, sys, sklearn.decomposition
before, added = set(sys.modules), {}
import sklearn_contrastive
added["package"] = sorted(set(sys.modules) - before)
dir(sklearn_contrastive), dir(sklearn_contrastive.deep)
import sklearn_contrastive.onnx
added["onnx"] = sorted(set(sys.modules) - before)
print(json.dumps(added))
"""
    return run_program(program)


def test_importing_the_package_imports_no_optional_package(imported):
    assert {"sklearn_contrastive", "sklearn_contrastive.deep"} <= set(imported["package"])
    assert set(OPTIONAL).isdisjoint(imported["package"])


def test_importing_the_export_imports_no_onnx(imported):
    assert "sklearn_contrastive.onnx" in imported["onnx"]
    assert set(OPTIONAL).isdisjoint(imported["onnx"])


def test_a_name_of_the_deep_wing_imports_pytorch(torch):
    # a guard: if torch had another name, the tests above would pass whatever is imported
    assert inspect.getmodule(deep.linear_contrastive_loss).torch is torch


def test_the_embedder_is_listed_where_pytorch_is_installed(torch):
    names = {}
    exec("from sklearn_contrastive import *", names)
    assert names["SimCLREmbedder"] is deep.SimCLREmbedder
    members = dict(inspect.getmembers(sklearn_contrastive))
    assert members["SimCLREmbedder"] is deep.SimCLREmbedder


def test_every_name_of_the_deep_wing_is_there_and_no_other(torch):
    assert deep is sklearn_contrastive.deep
    for name in deep.__all__:
        assert getattr(deep, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = deep.no_such_name


# --- where they are not --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def without():
    """Results of one program that can import none of the optional packages."""
    program = f"""
import inspect, json, pydoc
import {", ".join(PUBLIC_MODULES)}
from sklearn_contrastive import *
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN

X, _ = datasets.make_spiked_covariance(200, 20, 2, random_state=0)
found = {{"shape": LinearContrastive(2).fit_transform(X).shape, "errors": {{}}, "gradient": []}}

modules = [sklearn_contrastive, deep, augmentation]
found["members"] = [[name for name, _ in inspect.getmembers(module)] for module in modules]
found["help"] = [pydoc.render_doc(module, renderer=pydoc.plaintext) for module in modules]

for module, names in zip(modules, [["SimCLREmbedder"], deep.__all__, augmentation.__all__]):
    for name in names:
        try:
            getattr(module, name)
        except ImportError as error:
            found["errors"][f"{{module.__name__}}.{{name}}"] = str(error)

X = [[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]]
for estimator in (LinearAutoencoder(1), LinearGAN(1)):
    estimator.fit(X)
    try:
        estimator.set_params(solver="gradient").fit(X)
    except ImportError as error:
        found["gradient"].append(str(error))
print(json.dumps(found))
"""
    return run_program(without_packages(OPTIONAL) + program)


def test_everything_public_works_where_no_optional_package_is_installed(without):
    assert without["shape"] == [200, 2]


def test_a_missing_pytorch_is_a_one_line_error_when_a_name_is_used(without):
    # MaskedAugmenter needs none
    assert len(without["errors"]) == 1 + len(deep.__all__) + len(augmentation.__all__) - 1
    for name, text in without["errors"].items():
        assert text == needs(name, "PyTorch and skorch", *DEEP)


def test_help_and_getmembers_work_without_pytorch(without):
    of_package, of_deep, of_augmentation = map(set, without["members"])
    assert "LinearContrastive" in of_package
    assert "SimCLREmbedder" not in of_package
    assert of_deep.isdisjoint(deep.__all__)
    assert of_augmentation & set(augmentation.__all__) == {"MaskedAugmenter"}
    assert all("NAME" in text for text in without["help"])


def test_closed_forms_need_no_pytorch_and_the_gradient_solver_names_it(without):
    assert len(without["gradient"]) == 2
    assert all(f"python -m pip install {' '.join(DEEP)}" in text for text in without["gradient"])


@pytest.mark.parametrize("error", [ModuleNotFoundError, ImportError, ValueError])
def test_import_hooks_that_raise_count_as_not_installed(error, monkeypatch):
    def refuse(name):
        raise error(name)

    monkeypatch.setattr(_lazy, "find_spec", refuse)
    assert not _lazy.pytorch_is_installed()
    assert set(dir(deep)).isdisjoint(deep.__all__)
