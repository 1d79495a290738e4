"""Command line, parallel draws and JSON record of a benchmark run."""

import argparse
import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import time
from pathlib import Path

from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

from .plots import save_figure
from .tables import markdown_table, text_table

ROOT = Path(__file__).parents[2]
# those that are not installed are left out of the record
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "sklearn-contrastive",
    "joblib",
    "dask",
    "matplotlib",
    "torch",
    "torchvision",
    "timm",
    "skorch",
    "lightly",
    "kornia",
)


class Run:
    """One run of a benchmark: its arguments, its clock, its tables and its results.

    Parameters
    ----------
    module : str
        Name of the benchmark, `__spec__.name`, or of a package; the record lies in `results` beside
        the module or in the package.
    title : str
        One line, for the help and for the Markdown file.
    seeds, quick_seeds : int
        Number of draws or repetitions, and that with `--quick`.
    options : dict of str to object
        Further options of the command line, with their defaults; paths are not in the record.

    Attributes
    ----------
    results : dict
        Numbers of the record, set by the benchmark.
    settings : dict
        Settings of the record beyond those of the command line.
    """

    def __init__(self, module, title, *, seeds=5, quick_seeds=2, options=None):
        self.module, self.title = module, title
        self.name = module.rpartition(".")[2]
        self.options, self._defaults = _parsed(title, seeds, quick_seeds, options or {})
        self.quick, self.seeds = self.options.quick, range(self.options.seeds)
        self.results, self.settings, self.machine = {}, {}, {}
        self._start = time.perf_counter()
        self._markdown = []

    @property
    def path(self):
        """File of the record; a quick run does not replace a full one."""
        if self.options.output is not None:
            return self.options.output
        place = ROOT.joinpath(*self.module.split("."))
        folder = place if place.is_dir() else place.parent  # of a package, of a module
        return folder / "results" / (self.name + "_quick" * self.quick + ".json")

    def draws(self, function, cases, seeds=None):
        """Call function(*case, seed) for all cases and seeds: case -> list of outcomes.

        Each process has one thread. `seeds` are those of the command line unless given.
        """
        seeds = self.seeds if seeds is None else seeds
        self.machine |= {"processes": self.options.jobs, "blas_threads": 1}
        tasks = [(case, seed) for case in cases for seed in seeds]
        with threadpool_limits(1), parallel_config("loky", inner_max_num_threads=1):
            outcomes = Parallel(n_jobs=self.options.jobs)(
                delayed(function)(*case, seed) for case, seed in tasks
            )
        n = len(seeds)
        return {case: outcomes[i * n : (i + 1) * n] for i, case in enumerate(cases)}

    def add_table(self, title, rows, note=""):
        """Print a table and keep it for the Markdown file."""
        columns = list(dict.fromkeys(column for row in rows for column in row))
        print(f"{title}\n{text_table(rows, columns)}\n{note}\n", flush=True)
        text = [f"## {title}", markdown_table(rows, columns), note]
        self._markdown.append("\n\n".join(filter(None, text)))

    def add_findings(self, title, findings):
        """Print statements, each with its numbers, and keep them."""
        lines = [f"- {statement}: {numbers}" for statement, numbers in findings.items()]
        print(f"{title}\n" + "\n".join(lines) + "\n", flush=True)
        self._markdown.append(f"## {title}\n\n" + "\n".join(lines))
        self.results.setdefault("findings", {}).update(findings)

    def write(self):
        """Write the JSON record, in one step: a process that ends leaves this one or the last."""
        record = self._record(round(time.perf_counter() - self._start, 1))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        unfinished.write_text(json.dumps(record, indent=1, default=float) + "\n")
        unfinished.replace(self.path)
        return record

    def save(self, figure=None):
        """Write the JSON record, and the figure beside it."""
        record = self.write()
        if figure is not None:
            save_figure(figure, self.path.with_suffix(".png"), digest(self.results))
        machine, seconds = record["machine"], record["seconds"]
        print(
            f"{machine['processor']}, BLAS threads: {machine['blas_threads']} "
            f"({machine['blas_architecture']}), {seconds:.0f} s; wrote {os.path.relpath(self.path)}"
        )

    def save_markdown(self):
        """Write tables and findings as Markdown beside the record, under the figure."""
        machine, versions = self._machine(), _versions()
        packages = ("numpy", "scikit-learn", "torch")
        foot = (
            f"`{self._command()}`: {len(self.seeds)} draws, mean ± standard error; "
            f"{machine['processor']}, BLAS threads: {machine['blas_threads']}; "
            + "".join(f"{name} {versions[name]}, " for name in packages if name in versions)
            + f"{datetime.date.today().isoformat()}."
        )
        image = f"![{self.title}]({self.path.stem}.png)"
        text = "\n\n".join([f"# {self.title}", image, *self._markdown, foot])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.with_suffix(".md").write_text(text + "\n")

    def _record(self, seconds):
        left_out = ("output", "seeds", "jobs")
        chosen = {
            name: value
            for name, value in vars(self.options).items()
            if not (name in left_out or isinstance(value, Path))
        }
        return {
            "command": self._command(),
            "date": datetime.date.today().isoformat(),
            "versions": _versions(),
            "machine": self._machine(),
            "settings": chosen | self.settings,
            "seeds": list(self.seeds),
            "seconds": seconds,
            "results": self.results,
        }

    def _command(self):
        """The command line; where files are does not change its numbers."""
        words = ["python", "-m", self.module]
        for name, value in vars(self.options).items():
            if name != "output" and value != self._defaults[name]:
                shown = "FOLDER" if isinstance(value, Path) else str(value)
                words += [f"--{name}"] if value is True else [f"--{name}", shown]
        return " ".join(words)

    def _machine(self):
        """Processor, threads and BLAS kernel, without host name or path."""
        blas = next((pool for pool in threadpool_info() if pool["user_api"] == "blas"), {})
        return {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "blas_threads": blas.get("num_threads", os.cpu_count()),
            "blas_architecture": blas.get("architecture"),
        } | self.machine


def digest(results):
    """Digest of the numbers of a record, kept in the figures drawn from them."""
    numbers = json.loads(json.dumps(results, default=float))
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()[:16]


def _parsed(title, seeds, quick_seeds, options):
    """Options of the command line, and their defaults."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--quick", action="store_true", help="small sizes, for a first try")
    parser.add_argument(
        "--seeds", type=int, help=f"draws or repetitions (default {seeds}, {quick_seeds} if quick)"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--output", type=Path, help="file of the JSON record")
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    chosen = parser.parse_args()
    default_seeds = quick_seeds if chosen.quick else seeds
    if chosen.seeds is None:
        chosen.seeds = default_seeds
    if chosen.seeds < min(2, quick_seeds):
        parser.error("--seeds: a standard error needs at least two draws")
    defaults = vars(parser.parse_args([])) | {"seeds": default_seeds}
    return chosen, defaults


def _versions():
    """Versions of Python and of the installed packages."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
