"""Committed records of the benchmarks, and the sections made from them."""

import functools
import json

import numpy as np

from .._common.record import ROOT


@functools.cache
def read(name):
    """Record of a benchmark, named as in "linear.speed"."""
    folder, _, stem = name.rpartition(".")
    return json.loads((ROOT / "benchmarks" / folder / "results" / f"{stem}.json").read_text())


def records_of(folder, prefix):
    """Names of the committed records of a folder that begin so, such as one for each GPU."""
    paths = (ROOT / "benchmarks" / folder / "results").glob(f"{prefix}*.json")
    return sorted(f"{folder}.{path.stem}" for path in paths if not path.stem.endswith("_quick"))


def results(name):
    """Numbers of a record."""
    return read(name)["results"]


def provenance(name, quote):
    """Command, machine and versions of one record; `quote` surrounds the command."""
    record = read(name)
    machine, versions, n_seeds = record["machine"], record["versions"], len(record["seeds"])
    repetitions = "one repetition" if n_seeds == 1 else f"{n_seeds} seeds or repetitions"
    # the closed form does not use PyTorch
    packages = {"NumPy": "numpy", "scikit-learn": "scikit-learn"}
    packages |= {} if name.startswith(("linear", "scale")) else {"PyTorch": "torch"}
    gpu = f"{machine['gpu']}, " if machine.get("gpu") else ""
    return (
        f"{quote}{record['command']}{quote}, {repetitions}, "
        f"{gpu}{machine['processor']}, {machine['cores']} cores, "
        + "".join(f"{title} {versions[package]}, " for title, package in packages.items())
        + record["date"]
    )


def plus_minus_cell(average, name):
    """A mean with its standard error."""
    return f"{average['mean'][name]:.3f} ± {average['standard_error'][name]:.3f}"


def missed_targets(name):
    """The targets of one benchmark, each with the cells that miss it, to be folded."""
    missed = results(name)["missed"]
    n_missed = sum(map(bool, missed.values()))
    title = f"Goals: {len(missed) - n_missed} of {len(missed)} met"
    return {
        title: "".join(
            f"- {target}: {'not at ' + '; '.join(cells) if cells else 'everywhere'}.\n"
            for target, cells in missed.items()
        )
    }


def against(ours, rival, digits=3, higher=True):
    """Whether ours is better, as the rounded numbers say, with both numbers."""
    first, second = round(ours, digits), round(rival, digits)
    better = (first > second) == higher
    word = "level with" if first == second else "ahead of" if better else "behind"
    return word, f"({first:.{digits}f} against {second:.{digits}f})"


def beside(means, ours, rival):
    """Our number, and the rival's in brackets."""
    return f"{means[ours]:.3f} ({rival} {means[rival]:.3f})"


def span(values, digits=2):
    """Smallest and largest value."""
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return low if low == high else f"{low} to {high}"


def geometric_mean(values):
    """Mean of ratios."""
    return float(np.exp(np.mean(np.log(values))))
