"""Versions of Python and of dependencies: pyproject.toml, tests/oldest.txt, documentation."""

import re
import tomllib

from helpers.references import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# not for the tests that run without PyTorch
WITH_PYTORCH = {"skorch", "tifffile", "timm", "torch", "torchvision"}
TOOLS = {"onnxruntime", "onnxscript", "ruff", "skl2onnx"}


def allowed():
    """Minimum version of each package in pyproject.toml by its name, of all extras but `docs`."""
    found = {}
    groups = {"": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    for extra, lines in groups.items():
        for each in map(Requirement, lines) if extra != "docs" else ():
            for specifier in each.specifier:
                if specifier.operator in (">=", "=="):
                    found.setdefault(canonicalize_name(each.name), set()).add(
                        Version(specifier.version)
                    )
    return found


def pinned():
    """Version of each package in tests/oldest.txt by its name."""
    lines = (ROOT / "tests" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(str(each.specifier).startswith("==") for each in pins)
    return {
        canonicalize_name(each.name): Version(str(each.specifier).removeprefix("=="))
        for each in pins
    }


def test_the_oldest_versions_are_the_minimum_versions_of_pyproject():
    oldest, minimum = pinned(), allowed()
    for name in oldest.keys() & minimum.keys():
        assert {oldest[name]} == minimum[name], name


def test_every_dependency_without_pytorch_has_an_oldest_version():
    wanted = {
        canonicalize_name(Requirement(line).name)
        for line in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"])
    }
    assert wanted - WITH_PYTORCH - TOOLS <= pinned().keys()
    assert WITH_PYTORCH.isdisjoint(pinned())


def test_the_minimum_of_a_package_is_the_same_in_every_extra():
    differing = {name: found for name, found in allowed().items() if len(found) > 1}
    # the tests pin one release, see pyproject.toml
    assert differing.keys() == {"torch"}


def test_the_classifiers_are_the_versions_of_python_that_the_documentation_lists():
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    page = (ROOT / "docs" / "contributing.rst").read_text(encoding="utf-8")
    assert set(classified) == set(re.findall(r"(?m)^   \* - (3\.\d+)$", page))
    assert PROJECT["requires-python"] == f">={classified[0]}"
