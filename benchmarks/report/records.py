"""Committed records of the benchmarks, and the sections made from them."""

import json
from dataclasses import dataclass

from .._common.record import ROOT


@dataclass(frozen=True)
class Section:
    """A heading, the text below it, and the name of the record it comes from."""

    heading: str
    record: str
    body: str


def read(name):
    """Record of a benchmark, named as in "linear.speed"."""
    folder, _, stem = name.rpartition(".")
    return json.loads((ROOT / "benchmarks" / folder / "results" / f"{stem}.json").read_text())


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
    packages |= {} if name.startswith("linear") else {"PyTorch": "torch"}
    return (
        f"{quote}{record['command']}{quote}, {repetitions}, "
        f"{machine['processor']}, {machine['cores']} cores, "
        + "".join(f"{title} {versions[package]}, " for title, package in packages.items())
        + record["date"]
    )


def plus_minus_cell(average, name):
    """A mean with its standard error."""
    return f"{average['mean'][name]:.3f} ± {average['standard_error'][name]:.3f}"


def missed_targets(name):
    """List of the targets of one benchmark, each with the cells that miss it."""
    return (
        "".join(
            f"- {target}: {'not at ' + '; '.join(cells) if cells else 'everywhere'}.\n"
            for target, cells in results(name)["missed"].items()
        )
        + "\n"
    )
