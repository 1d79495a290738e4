"""Importing the plots imports neither Matplotlib nor PyTorch."""

from helpers.processes import run_program


def test_importing_plotting_imports_neither_matplotlib_nor_pytorch():
    program = """
import json, sys, sklearn.decomposition
before = set(sys.modules)
import sklearn_contrastive.plotting
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    imported = set(run_program(program))
    assert "sklearn_contrastive.plotting" in imported
    assert {"matplotlib", "torch"}.isdisjoint(imported)
