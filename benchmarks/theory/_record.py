"""Arguments, draws in parallel, and what a benchmark leaves behind: JSON, Markdown and a figure."""

import argparse
import io
import json
import textwrap
import time
from pathlib import Path

import _next_door  # noqa: F401
import numpy as np
from _report import PACKAGES, averaged, environment, table
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from PIL import Image

PACKAGES.update({name: name for name in ("torch", "skorch", "matplotlib", "joblib")})
# Okabe and Ito's colours, told apart by colour-blind readers; the markers differ as well
STYLES = {
    "PCA": ("#999999", "s"),
    "Scaler+PCA": ("#E69F00", "^"),
    "autoencoder": ("#000000", "x"),
    "GAN": ("#000000", "+"),
    "closed form": ("#CC79A7", "D"),
    "LinearContrastive": ("#D55E00", "o"),
    "HeteroPCA": ("#F0E442", "p"),
    "deflated": ("#009E73", "P"),
    "FA": ("#0072B2", "v"),
    "Scaler+FA": ("#56B4E9", "<"),
}


class Run:
    """One run of a benchmark: its arguments, its clock, its parts in the order of the reader."""

    def __init__(self, name, description, seeds=10, quick_seeds=2):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--quick", action="store_true", help="few settings, few draws")
        parser.add_argument(
            "--seeds", type=int, help=f"draws (default {seeds}, {quick_seeds} if quick)"
        )
        parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
        parser.add_argument("--output", type=Path, help="folder (default results/ beside this)")
        arguments = parser.parse_args()
        if arguments.seeds is not None and arguments.seeds < 2:
            parser.error("--seeds: a standard error needs at least two draws")
        self.title = description
        self.quick, self.jobs = arguments.quick, arguments.jobs
        self.seeds = range(arguments.seeds or (quick_seeds if self.quick else seeds))
        folder = arguments.output or Path(__file__).parent / "results"
        self.stem = folder / (f"{name}_quick" if self.quick else name)
        self.start = time.perf_counter()
        self.results, self.parts = {}, []

    def draws(self, function, cases):
        """Call function(*case, seed) for all cases and seeds: case -> list of what came back."""
        tasks = [(case, seed) for case in cases for seed in self.seeds]
        outcomes = Parallel(n_jobs=self.jobs)(
            delayed(function)(*case, seed) for case, seed in tasks
        )
        n = len(self.seeds)
        return {case: outcomes[i * n : (i + 1) * n] for i, case in enumerate(cases)}

    def add_table(self, title, rows, note=""):
        """Print a table and keep it for the Markdown file."""
        columns = list(dict.fromkeys(column for row in rows for column in row))
        print(f"{title}\n{table(rows, columns)}\n{note}\n", flush=True)
        text = [f"## {title}", _markdown(rows, columns), note]
        self.parts.append("\n\n".join(filter(None, text)))

    def add_findings(self, title, findings):
        """Print statements, each with the figures it rests on, and keep them."""
        lines = [f"- {what}: {figures}" for what, figures in findings.items()]
        print(f"{title}\n" + "\n".join(lines) + "\n", flush=True)
        self.parts.append(f"## {title}\n\n" + "\n".join(lines))
        self.results.setdefault("findings", {}).update(findings)

    def finish(self, figure):
        """Write the three files and say where they are."""
        seconds = time.perf_counter() - self.start
        machine = environment()
        record = {
            "environment": machine,
            "arguments": {"quick": self.quick},
            "seeds": list(self.seeds),
            "seconds": round(seconds, 1),
            "results": self.results,
        }
        self.stem.parent.mkdir(parents=True, exist_ok=True)
        self.stem.with_suffix(".json").write_text(
            json.dumps(record, indent=1, default=float) + "\n"
        )
        used = f"{machine['processor']}, one thread a process, {self.jobs} processes"
        versions = ", ".join(
            f"{name} {machine[name]}" for name in ("numpy", "scikit-learn", "torch")
        )
        foot = f"{len(self.seeds)} draws, mean ± standard error; {used}; {versions}; "
        foot += f"{machine['date']}."
        image = f"![{self.title}]({self.stem.name}.png)"
        text = "\n\n".join([f"# {self.title}", image, *self.parts, foot])
        self.stem.with_suffix(".md").write_text(text + "\n")
        _save(figure, self.stem.with_suffix(".png"))
        print(f"{seconds:.0f} s; wrote {self.stem}.json, .md and .png")


def average_of(draws):
    """`averaged` over what every draw has."""
    names = [name for name in draws[0] if all(name in draw for draw in draws)]
    return averaged([{name: draw[name] for name in names} for draw in draws])


def of_part(average, part):
    """What an average says of one part: names `part, name` become names."""
    start = f"{part}, "
    return {
        what: {
            name.removeprefix(start): value
            for name, value in values.items()
            if name.startswith(start)
        }
        for what, values in average.items()
    }


def panels(rows, columns, width=4.3, height=3.5):
    """A figure and its axes, flat, in the manner of all figures here."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = np.ravel(figure.subplots(rows, columns))
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.grid(color="0.92")
        each.set_axisbelow(True)
        each.title.set_fontsize(10)
    return figure, axes


def wrapped(title):
    """A title in lines that fit above a panel."""
    return textwrap.fill(title, 40)


def curve(axes, x, averages, name, label=None, **style):
    """One method's mean and standard error against x; averages as `averaged` gives them."""
    colour, marker = STYLES.get(name, ("#000000", None))
    # large and below, so that a rival on the same points is seen on top of it
    size = 8 if name == "LinearContrastive" else 4
    style = {"color": colour, "marker": marker, "markersize": size, "linewidth": 1.2} | style
    present = [
        (at, average) for at, average in zip(x, averages, strict=True) if name in average["mean"]
    ]
    if present:
        axes.errorbar(
            [at for at, _ in present],
            [average["mean"][name] for _, average in present],
            yerr=[average["standard_error"][name] for _, average in present],
            label=label or name,
            capsize=2,
            zorder=2 if name == "LinearContrastive" else 3,
            **style,
        )


def shared_legend(figure, axes, ncols=5):
    """One legend under all panels, each name once."""
    found = {}
    for each in axes:
        for handle, label in zip(*each.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    figure.legend(
        found.values(), found.keys(), loc="outside lower center", ncols=ncols, frameon=False
    )


def _save(figure, path):
    """Few colours are enough for lines, and make a small file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100)
    Image.open(buffer).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(
        path, optimize=True
    )


def _markdown(rows, columns):
    lines = [columns, ["---"] * len(columns)]
    lines += [[_cell(row.get(column)) for column in columns] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value):
    if value is None:
        return ""
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|")
