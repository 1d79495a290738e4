"""Rehearse a release: build it, look at it, install it without the checkout, and test it.

    python tools/check_release.py               # with the whole test suite
    python tools/check_release.py tests/theory  # with a part of it, in pytest's words

The source distribution is built from the checkout and the wheel from the source distribution, as
a registry's users would build it. Everything else happens in a temporary folder: the wheel is
installed in a new environment and used there; then a second environment, with the extra `test`,
runs the tests of the source distribution against the installed wheel. The two distributions stay
in dist/. The first failure ends the rehearsal with exit status 1.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGE = "sklearn_contrastive"

# bytes; twice what the first version has
LARGEST_WHEEL = 1_000_000
LARGEST_SOURCE = 5_000_000

# only with NumPy, SciPy and scikit-learn
FIRST_FIT = """
import importlib.metadata, importlib.util, pathlib, sys
import numpy as np
import sklearn_contrastive
from sklearn_contrastive import LinearContrastive

package = pathlib.Path(sklearn_contrastive.__file__)
assert package.is_relative_to(sys.prefix), package
assert sklearn_contrastive.__version__ == importlib.metadata.version("sklearn-contrastive")
assert importlib.util.find_spec("torch") is None, "the package needs no PyTorch"

rng = np.random.default_rng(0)
X = rng.standard_normal((500, 2)) @ rng.standard_normal((2, 12)) + rng.standard_normal((500, 12))
X[:, 3] *= 20
reducer = LinearContrastive().fit(X)
assert reducer.n_components_ == 2, reducer.n_components_
assert reducer.noise_variance_.argmax() == 3
assert reducer.transform(X).shape == (500, 2)
"""


class Rejected(Exception):
    """The release must not go out."""


def main():
    """Run all steps; exit with a message at the first failure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "pytest", nargs="*", default=[], help="arguments of pytest; the whole suite without any"
    )
    parser.add_argument(
        "--no-suite", action="store_true", help="no environment with the extra test: fast"
    )
    parser.add_argument(
        "--environment",
        type=Path,
        help="an environment that has the extra test: it is used for the suite instead of a new "
        "one of 6 GB, and the wheel replaces the package in it",
    )
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="release-") as folder:
            rehearse(Path(folder), options)
    except Rejected as reason:
        sys.exit(f"Rejected: {reason}")
    print("The release may go out: dist/")


def rehearse(folder, options):
    """Build, inspect, install and test the two distributions.

    Parameters
    ----------
    folder : Path
        Empty folder outside the checkout.
    options : Namespace
        Those of the command line.
    """
    source, wheel = build(folder / "tools")
    check_source(source, tracked_files())
    check_wheel(wheel, package_files())

    step("The wheel in a new environment")
    python = new_environment(folder / "base")
    run(python, "-m", "pip", "install", wheel)
    run(python, "-m", "pip", "check")
    run(python, "-I", "-W", "error", "-c", FIRST_FIT, cwd=folder)
    if options.no_suite:
        return

    step("The tests of the source distribution against the installed wheel")
    if options.environment:
        python = options.environment.absolute() / "bin" / "python"
        run(python, "-m", "pip", "uninstall", "--yes", PROJECT["name"])
    else:
        python = new_environment(folder / "suite")
    run(python, "-m", "pip", "install", f"{wheel}[test]")
    tests = unpacked_without_package(source, folder / "source")
    run(python, "-m", "pytest", *(options.pytest or ["-n", "2", "--dist", "worksteal"]), cwd=tests)


def build(environment):
    """Build both distributions into dist/ and let the usual tools check them.

    Parameters
    ----------
    environment : Path
        Where the tools are installed.

    Returns
    -------
    source, wheel : Path
        The two files.
    """
    step("Source distribution and wheel")
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    python = new_environment(environment)
    run(python, "-m", "pip", "install", "build", "twine", "check-wheel-contents")
    run(python, "-m", "build", "--outdir", dist, ROOT)
    [source], [wheel] = dist.glob("*.tar.gz"), dist.glob("*.whl")
    run(python, "-m", "twine", "check", "--strict", source, wheel)
    run(environment / "bin" / "check-wheel-contents", wheel)
    return source, wheel


def tracked_files():
    """Return the files of the repository that belong to a release, None outside a repository."""
    if not (ROOT / ".git").exists():
        return None
    listed = run("git", "ls-files", "-z", cwd=ROOT).split("\0")[:-1]
    return {name for name in listed if not name.startswith(".ci/")}


def package_files():
    """Return the files of the package, with the folder in front."""
    files = {path for path in (ROOT / PACKAGE).rglob("*") if path.is_file()}
    return {path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".pyc"}


def check_source(source, tracked):
    """Check that the source distribution has the files of the repository and no others.

    Parameters
    ----------
    source : Path
        A `.tar.gz` file.
    tracked : set of str or None
        The files that it must have.
    """
    with tarfile.open(source) as archive:
        found = {
            str(PurePosixPath(*PurePosixPath(member.name).parts[1:]))
            for member in archive
            if not member.isdir()
        }
    if tracked is not None:
        refuse(
            "The source distribution has files that git does not", found - tracked - {"PKG-INFO"}
        )
        refuse("The source distribution lacks", tracked - found)
    report(source, len(found), LARGEST_SOURCE)


def check_wheel(wheel, package):
    """Check that the wheel has the package, its licence and its metadata, and nothing else.

    Parameters
    ----------
    wheel : Path
        A `.whl` file.
    package : set of str
        The files of the package that it must have.
    """
    info = f"{wheel.name.removesuffix('-py3-none-any.whl')}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        found = set(archive.namelist())
    metadata = {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")}
    refuse("The wheel has", found - package - metadata)
    refuse("The wheel lacks", (package | metadata | {f"{PACKAGE}/py.typed"}) - found)
    refuse(
        "The wheel should have code only, not",
        {
            name
            for name in found
            if name.startswith(f"{PACKAGE}/") and not name.endswith((".py", "py.typed"))
        },
    )
    report(wheel, len(found), LARGEST_WHEEL)


def unpacked_without_package(source, folder):
    """Unpack a source distribution, remove the package from it and return its folder.

    Python puts the folder of the tests in front of the installed packages; with the package there
    the wheel would not be tested.
    """
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    [unpacked] = folder.iterdir()
    shutil.rmtree(unpacked / PACKAGE)
    return unpacked


def new_environment(folder):
    """Make an environment with this interpreter and return its Python."""
    run(sys.executable, "-m", "venv", folder)
    return folder / "bin" / "python"


def run(*command, cwd=None):
    """Run a command and return its output; without the variables that would show the checkout."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    words = [str(word) for word in command]
    shown = "pytest" in words
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"},
        stdout=None if shown else subprocess.PIPE,
        stderr=None if shown else subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Rejected(f"{' '.join(words)[:200]}\n{done.stdout or ''}")
    return done.stdout


def refuse(what, names):
    """Reject the release where a set of names is not empty."""
    if names:
        raise Rejected(f"{what}: {', '.join(sorted(names))}")


def report(path, n_files, largest):
    """Print the size of a distribution; reject it above the limit."""
    size = path.stat().st_size
    print(f"{path.name}: {n_files} files, {size / 1e6:.2f} MB")
    if size > largest:
        raise Rejected(f"{path.name} has {size:,} bytes; the limit is {largest:,}")


def step(title):
    """Print what begins."""
    print(f"== {title}", flush=True)


if __name__ == "__main__":
    main()
