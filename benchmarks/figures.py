"""The tables of the README and of the documentation, from the committed results.

Run it after the benchmarks; a test holds what it writes against what is committed.
"""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
README, MEASURED = ROOT / "README.md", ROOT / "docs" / "measured.rst"
BEGIN, END = "<!-- from benchmarks/figures.py -->\n", "<!-- end -->\n"

ACCURACY = ["Scaler+PCA", "Scaler+FA", "LinearContrastive", "auto", "no reduction"]
SUBSPACE = ["PCA", "Scaler+PCA", "FA converged", "Scaler+FA converged", "LinearContrastive"]


def results(name):
    """What one benchmark found."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def accuracy(name="downstream"):
    """Mean accuracy over six tables, one line per kind of noise."""
    found = results(name)["results"]
    means = found["means"] | {"mean of all rows": found["mean_of_rows"]}
    return ["noise added", "PCA", *ACCURACY], [
        [row, *(f"{mean[name]:.3f}" for name in ["PCA", *ACCURACY])] for row, mean in means.items()
    ]


def subspace():
    """Error of the subspace against the best rival's, one line per setting."""
    lines = []
    for setting in results("subspace")["results"]["settings"]:
        mean, se = setting["mean"], setting["standard_error"]
        errors = [f"{mean[name]:.3f} ± {se[name]:.3f}" for name in SUBSPACE]
        lines.append([setting["setting"], *errors, f"{setting['ratio']:.2f}"])
    return ["setting", *SUBSPACE, "ours / best rival"], lines


def speed():
    """Time of fit over PCA's, one line per size."""
    lines = []
    for cell in results("speed")["results"]["fit"]:
        size = f"{cell['n']} x {cell['d']}, k = {cell['k']}, {cell['dtype']}, {cell['signal']}"
        gram = f"{cell[name]:.2f}" if (name := "default/X'X") in cell else ""
        ratio = f"{cell['default/PCA']:.2f}"
        lines.append([size, f"{cell['PCA s']:.3f}", ratio, f"{cell['closed/PCA']:.2f}", gram])
    return [
        "X and signal",
        "PCA, seconds",
        "default / PCA",
        "closed form / PCA",
        "default / X'X",
    ], lines


def other_speed():
    """Sparse input, transform, and StandardScaler + FactorAnalysis."""
    found = results("speed")["results"]
    lines = [
        [
            f"sparse {c['n']} x {c['d']}, fit",
            c["method"],
            f"{c['seconds']:.2f} s",
            f"{c['ratio']:.2f}",
        ]
        for c in found["sparse"]
    ]
    for c in found["transform"]:
        what = f"transform {c['n']} x {c['d']}, {c['dtype']}"
        lines.append([what, "default", f"{c['ours ms']:.1f} ms", f"{c['ratio']:.2f}"])
    return ["what", "method", "time", "over PCA's"], lines


def streaming():
    """Cost of one more chunk."""
    lines = [
        [
            f"{cell['rows']} rows, d = {cell['d']}",
            *(f"{cell[f'{name} ms']:.1f}" for name in ("X'X", "IncrementalPCA", "ours")),
        ]
        for cell in results("streaming")["results"]["chunk cost"]
    ]
    return ["chunk", "X'X of the chunk, ms", "IncrementalPCA, ms", "partial_fit, ms"], lines


def memory():
    """Peak memory above X."""
    lines = [
        [
            f"{cell['case']}, {cell['n']} x {cell['d']}, {cell['dtype']}",
            cell["fit"],
            f"{cell['X MB']:.0f}",
            f"{cell['peak MB']:.0f}",
        ]
        for cell in results("memory")["results"]
        if cell["fit"] in ("PCA", "default", "partial_fit")
    ]
    return ["X", "method", "X, MB", "peak above X, MB"], lines


def sentences():
    """Single figures, as sentences; a list per benchmark."""
    rank = results("rank")["results"]["overall"]
    numerics = {(c["dtype"], c["method"]): c for c in results("numerics")["results"]}
    factor = {c["method"]: c for c in results("speed")["results"]["factor analysis"]}
    peer = factor["Scaler+FA"]
    worst = min(
        results("downstream_20_draws")["results"]["cells"],
        key=lambda cell: cell["difference"]["Scaler+FA"]["mean"],
    )
    return {
        "worst": "The largest loss against Scaler+FA on one table and noise, over twenty draws: "
        f"{worst['data']}, {worst['row']}, {worst['difference']['Scaler+FA']['mean']:+.3f}.",
        "rank": f'n_components="auto" was right in {rank["exact"]:.1%} of {rank["draws"]} draws '
        f"with clearly detectable signals, and off by at most one in "
        f"{rank['off by at most 1']:.1%}.",
        "numerics": "float32 with unit noise and mean 1e4: the largest relative error of a "
        f"variance is {numerics['float32', 'PCA covariance_eigh']['explained_variance_']:.1g} for "
        "PCA's covariance_eigh solver, which it chooses for tall data, and "
        f"{numerics['float32', 'LinearContrastive']['explained_variance_']:.1g} here.",
        "speed": f"StandardScaler + FactorAnalysis took {peer['times ours']:.0f} times as long as "
        f"LinearContrastive at {peer['n']} x {peer['d']}, with a subspace error of "
        f"{peer['error']:.3f} against {factor['LinearContrastive']['error']:.3f}.",
    }


def environment(name):
    """The machine and the versions behind one result."""
    record = results(name)
    machine = record["environment"]
    draws = record["seeds"]
    draws = len(draws) if isinstance(draws, list) else draws
    return (
        f"benchmarks/results/{name}.json, {draws} seeds or repetitions, {machine['processor']}, "
        f"{machine['cores']} cores, NumPy {machine['numpy']}, "
        f"scikit-learn {machine['scikit-learn']}, {machine['date']}"
    )


def markdown(columns, lines):
    """A Markdown table."""
    rows = [columns, ["---"] * len(columns), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def restructured(columns, lines):
    """A reStructuredText list-table."""
    text = ".. list-table::\n   :header-rows: 1\n\n"
    for row in [columns, *lines]:
        text += "".join(f"   {'* -' if i == 0 else '  -'} {cell}\n" for i, cell in enumerate(row))
    return text + "\n"


def readme_block():
    """What stands between the markers of the README."""
    single = sentences()
    return (
        "Mean accuracy over six real tables (reducer, scaler, logistic regression; as many\n"
        "components as classes; `auto` chooses its own number):\n\n"
        f"{markdown(*accuracy())}\n({environment('downstream')})\n\n"
        f"- {single['worst']}\n- {single['speed']}\n- {single['rank']}\n- {single['numerics']}\n\n"
        "All tables, the lost ones too: `docs/measured.rst`.\n"
    )


def measured_page():
    """The page of the documentation that holds every table."""
    single = sentences()
    parts = [
        ("Accuracy on real tables", "downstream", restructured(*accuracy())),
        (
            "The same with twenty draws of the noise",
            "downstream_20_draws",
            restructured(*accuracy("downstream_20_draws")) + single["worst"] + "\n\n",
        ),
        ("Error of the subspace", "subspace", restructured(*subspace())),
        ("Number of components", "rank", single["rank"] + "\n\n"),
        ("Time of a fit", "speed", restructured(*speed()) + single["speed"] + "\n\n"),
        ("Time of the rest", "speed", restructured(*other_speed())),
        ("Time of one more chunk", "streaming", restructured(*streaming())),
        ("Memory", "memory", restructured(*memory())),
        ("Large means", "numerics", single["numerics"] + "\n\n"),
    ]
    missed = "; ".join(results("speed")["results"]["missed"]) or "nothing"
    title = "What was measured"
    text = f"{title}\n{'=' * len(title)}\n\n" + (
        "Every figure on this site comes from a script in ``benchmarks/`` whose output is\n"
        "committed in ``benchmarks/results/``. This page is written by\n"
        "``benchmarks/figures.py``. Times are medians of ratios within one run; a ratio above 1\n"
        f"is a defeat. Slower than we want: {missed}.\n\n"
    )
    for heading, name, body in parts:
        text += f"{heading}\n{'-' * len(heading)}\n\n{body}({environment(name)})\n\n"
    return text.rstrip() + "\n"


def with_block(readme):
    """The README with its block written anew."""
    before, _, rest = readme.partition(BEGIN)
    return before + BEGIN + readme_block() + END + rest.partition(END)[2]


if __name__ == "__main__":
    README.write_text(with_block(README.read_text()))
    MEASURED.write_text(measured_page())
