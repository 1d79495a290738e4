"""What every benchmark shares: its arguments, its record of the machine, its table, its JSON."""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
from pathlib import Path

import numpy as np

PACKAGES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "scikit-learn": "scikit-learn",
    "sklearn_contrastive": "sklearn-contrastive",
}


def parse_arguments(name, description, seeds=5, quick_seeds=2, timed=False):
    """Arguments of one benchmark; `--quick` also lowers the default number of seeds.

    Where times are a part of their own (`timed`), `--timing` asks for that part and nothing else,
    and its record has a name of its own.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--seeds", type=int, help=f"draws or repetitions (default {seeds})")
    parser.add_argument("--output", type=Path, help="where the JSON goes")
    if timed:
        parser.add_argument("--timing", action="store_true", help="only the times of fits")
    arguments = parser.parse_args()
    if arguments.output is None:
        name += "_speed" * (timed and arguments.timing)
        arguments.output = Path(__file__).parent / "results" / f"{name}.json"
    if arguments.seeds is None:
        arguments.seeds = quick_seeds if arguments.quick else seeds
    return arguments


def environment():
    """Versions, processor, threads and BLAS kernel: no host name, no path."""
    blas = next((pool for pool in _thread_pools() if pool["user_api"] == "blas"), {})
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        **{name: _version(distribution) for name, distribution in PACKAGES.items()},
        "processor": _processor(),
        "cores": os.cpu_count(),
        "blas_threads": blas.get("num_threads", os.cpu_count()),
        "blas_architecture": blas.get("architecture"),
    }


def averaged(draws):
    """Mean and its standard error of each entry of a list of dicts of numbers."""
    values = {name: np.array([draw[name] for draw in draws], float) for name in draws[0]}
    return {
        "mean": {name: float(value.mean()) for name, value in values.items()},
        "standard_error": {
            name: float(value.std(ddof=1) / np.sqrt(len(value))) for name, value in values.items()
        },
    }


def plus_minus(average, names):
    """Cells of a table: mean and standard error of what `averaged` gave."""
    return {
        name: f"{average['mean'][name]:.3f}±{average['standard_error'][name]:.3f}" for name in names
    }


def table(rows, columns=None):
    """Text table of a list of dicts, numbers to three decimals, numbers flushed right."""
    columns = columns or list(rows[0])
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    right = [isinstance(rows[0].get(column), int | float) for column in columns]
    lines = [columns, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def report(arguments, results, seconds):
    """Write the JSON record of a run and say where it went."""
    environment_ = environment()
    record = {
        "environment": environment_,
        "arguments": {"quick": arguments.quick},
        "seeds": list(range(arguments.seeds)),
        "seconds": round(seconds, 1),
        "results": results,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(record, indent=1, default=float) + "\n")
    print(
        f"\n{environment_['processor']}, {environment_['blas_threads']} BLAS threads "
        f"({environment_['blas_architecture']}), {seconds:.0f} s; wrote {arguments.output}"
    )


def _thread_pools():
    try:
        import threadpoolctl
    except ImportError:
        return []
    return threadpoolctl.threadpool_info()


def _version(distribution):
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "not installed"


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _cell(value):
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
