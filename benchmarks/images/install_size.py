"""Size of what an environment has installed, with and without the CUDA libraries of PyTorch.

Run it once in each of two fresh environments that have nothing but this package with its extra
`deep`: one with PyTorch from PyPI, one with PyTorch from its CPU index. A run replaces its own row.
"""

import json
from importlib.metadata import distributions, version
from pathlib import Path

from .._common.record import Run

# groups of packages by the beginning of their names; the first that fits
GROUPS = {
    "torchvision, timm, skorch": ("torchvision", "timm", "skorch"),
    "torch": ("torch",),
    "CUDA libraries": ("nvidia", "cuda"),
    "triton": ("triton",),
    "NumPy, SciPy, scikit-learn": ("numpy", "scipy", "scikit-learn"),
}
OTHERS = "their dependencies"
TOOLS = ("pip", "setuptools")  # in every environment


def group_of(name):
    """Group of a package."""
    beginnings = GROUPS.items()
    return next((group for group, begins in beginnings if name.lower().startswith(begins)), OTHERS)


def megabytes(distribution):
    """Size of the files of one package, in MB of a million bytes."""
    paths = (Path(distribution.locate_file(file)) for file in distribution.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def measured():
    """Size of each group in this environment."""
    sizes = dict.fromkeys([*GROUPS, OTHERS], 0.0)
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name.lower() not in TOOLS:
            sizes[group_of(name)] += megabytes(distribution)
    build = "CUDA" if sizes["CUDA libraries"] else "CPU"
    return {"build": build, "torch": version("torch"), "MB": sizes, "total": sum(sizes.values())}


def main():
    """Measure this environment and put it beside the other one of the record."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=1, quick_seeds=1)
    row = measured()
    earlier = json.loads(run.path.read_text())["results"]["rows"] if run.path.exists() else []
    rows = [row, *(other for other in earlier if other["build"] != row["build"])]
    rows.sort(key=lambda each: each["total"])
    run.results = {"rows": rows}
    run.add_table("MB installed", [{"build": each["build"]} | each["MB"] for each in rows])
    run.save()


if __name__ == "__main__":
    main()
