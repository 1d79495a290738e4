"""The tables of the README and of the documentation, from the committed results.

Run it after the benchmarks; a test holds what it writes against what is committed.
"""

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

import _figures_images

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
README, MEASURED = ROOT / "README.md", ROOT / "docs" / "measured.rst"
BEGIN, END = "<!-- from benchmarks/figures.py -->\n", "<!-- end -->\n"

ACCURACY = ["Scaler+PCA", "Scaler+FA", "LinearContrastive", "auto", "no reduction"]
GROUPS = [
    "feature_groups",
    "closed form, groups",
    "without groups",
    "Scaler+PCA",
    "Scaler+FA",
    "whitened groups+PCA",
]
HETERO_PCA = ["LinearContrastive", "HeteroPCA", "deflated", "Scaler+HeteroPCA", "Scaler+deflated"]
SUBSPACE = ["PCA", "Scaler+PCA", "FA converged", "Scaler+FA converged", "LinearContrastive"]


THEORY = ("recovery", "downstream_risk", "labels", "limits", "real_data")
IMAGES = ("fashion_mnist", "image_speed", "loss_memory", "settings")


def results(name):
    """What one benchmark found."""
    return json.loads(path_of(name).read_text())


def path_of(name):
    """Where a benchmark's results are."""
    part = "theory" if name in THEORY else "images" if name in IMAGES else "."
    return RESULTS.parent / part / "results" / f"{name.removeprefix('image_')}.json"


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
        errors = [plus_minus(setting, name) for name in SUBSPACE]
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


def supervised():
    """Cost of labels in a fit."""
    lines = [
        [
            f"{cell['n']} x {cell['d']}, k = {cell['k']}",
            str(cell["classes"]),
            f"{cell['labelled']:.0%}",
            f"{cell['without ms']:.1f}",
            f"{cell['ratio']:.2f}",
        ]
        for cell in results("supervised")["results"]["fit"]
    ]
    return ["X", "classes", "labelled", "closed form without labels, ms", "with labels / it"], lines


def theory():
    """What the benchmarks of the theory found, and how many values an independent run confirms."""
    text = ""
    for name in THEORY:
        found = results(name)["results"]
        text += f"``benchmarks/theory/{name}.py``:\n\n"
        for what, figures in found["findings"].items():
            text += f"- {what}: {figures}\n".replace("*", "\\*")
        if "agreement" in found:
            compared, not_so = (len(found["agreement"][k]) for k in ("compared", "disagreeing"))
            text += "- within three standard errors of an independent measurement: "
            text += f"{compared - not_so} of {compared} values\n"
        text += "\n"
    return text


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


def missing():
    """Error of the subspace where entries are missing."""
    columns = ["complete", "LinearContrastive", "pairs only", "HeteroPCA"]
    return [
        "X and signal",
        "missing",
        *columns,
        "best imputed rival",
        "its error",
        "ours / complete",
        "ours / best imputed",
    ], [
        [
            sample(cell),
            cell["missing"],
            *(plus_minus(cell, name) for name in columns),
            best := cell["best_imputed"],
            plus_minus(cell, best),
            f"{cell['ratio_to_complete']['LinearContrastive']:.2f}",
            f"{cell['mean']['LinearContrastive'] / cell['mean'][best]:.2f}",
        ]
        for cell in results("missing")["results"]["subspace"]
    ]


def imputation():
    """Errors of imputed entries, on spiked models and on real tables."""
    found = results("missing")["results"]
    lines = [
        [
            cell.get("data") or sample(cell),
            cell["missing"],
            *(plus_minus(cell, name) for name in ("mean", "KNN", "iterative")),
            plus_minus(cell, fixed),
            plus_minus(cell, "auto"),
            f"{cell['over_best'][fixed]:.2f}",
            f"{cell['over_best']['auto']:.2f}",
            " / ".join(f"{cell['mean'][f'{name}, no scores']:.1%}" for name in (fixed, "auto")),
        ]
        for part, fixed in (("imputation", "true number"), ("imputation of tables", "fixed number"))
        for cell in found[part]
    ]
    imputers = ["SimpleImputer", "KNNImputer", "IterativeImputer"]
    ours = ["ours, given number", "ours, auto", "given / best imputer", "auto / best imputer"]
    ours.append("rows without scores (given / auto)")
    return ["X", "missing", *imputers, *ours], lines


def missing_rank():
    """How often "auto" is right where entries are missing."""
    shares = ["exact, complete", "exact", "off by at most 1", "too few", "too many"]
    return ["signal", "missing", *shares], [
        [cell["signal"], cell["missing"], *(f"{cell[share]:.0%}" for share in shares)]
        for cell in results("missing")["results"]["rank"]
    ]


def missing_speed():
    """Time of a fit with a tenth of the entries missing."""
    return ["X", "complete, seconds", "missing / complete", "pairs only / complete"], [
        [
            f"{cell['n']} x {cell['d']}, k = {cell['k']}",
            f"{cell['complete s']:.3f}",
            f"{cell['missing/complete']:.2f}",
            f"{cell['pairs only/complete']:.2f}",
        ]
        for cell in results("missing_speed")["results"]["fit"]
    ]


def groups(part):
    """Errors of the subspace, or R^2 of the scores, where sensors share noise."""
    methods = [*GROUPS, "group means+PCA"] if part == "R2" else GROUPS
    lines = [
        [sensors(cell), cell["noise"], *(plus_minus(cell[part], name) for name in methods)]
        + ([f"{cell['ratio']:.2f}"] if part == "errors" else [])
        for cell in results("groups")["results"]["cells"]
    ]
    last = ["ours / best rival"] if part == "errors" else []
    return ["X", "noise", *methods, *last], lines


def groups_rank():
    """Numbers of components where sensors share noise."""
    lines = []
    for cell in results("groups")["results"]["cells"]:
        found = cell["found"]["without groups"]
        least, most = min(found), max(found)
        without = str(least) if least == most else f"{least} to {most}"
        lines.append([sensors(cell), cell["noise"], f"{cell['exact']['groups']:.0%}", without])
    return ["X", "noise", "feature_groups right", "found without groups (3 in truth)"], lines


def hetero_pca():
    """Error of HeteroPCA's subspace, and how often it diverged."""
    rivals = HETERO_PCA[1:]
    lines = [
        [
            setting["setting"],
            *(plus_minus(setting, name) for name in HETERO_PCA),
            " / ".join(f"{setting['diverged'][name]:.0%}" for name in rivals),
            " / ".join(f"{setting['n_iter'][name]:.0f}" for name in HETERO_PCA),
            f"{setting['ratio']:.2f}",
        ]
        for setting in results("heteropca")["results"]["settings"]
    ]
    last = ["diverged (the four in turn)", "eigenproblems (all five)", "ours / best HeteroPCA"]
    return ["setting", *HETERO_PCA, *last], lines


def sample(cell):
    """Size, number of components and signal of one draw."""
    return f"{cell['n']} x {cell['d']}, r = {cell['r']}, {cell['signal']}"


def sensors(cell):
    """Groups and samples of one draw."""
    return f"{cell['d'] // cell['group']} groups of {cell['group']}, n = {cell['n']}"


def plus_minus(average, name):
    """A mean with its standard error."""
    return f"{average['mean'][name]:.3f} ± {average['standard_error'][name]:.3f}"


def targets(name):
    """A list of the targets of one benchmark, each with the cells that missed it."""
    missed = results(name)["results"]["missed"].items()
    return (
        "".join(
            f"- {target}: {'not at ' + '; '.join(cells) if cells else 'everywhere'}.\n"
            for target, cells in missed
        )
        + "\n"
    )


def imputation_defeats():
    """How often an imputer fills in better."""
    found = results("missing")["results"]
    models, tables = (
        [cell["over_best"]["auto"] > 1 for cell in found[part]]
        for part in ("imputation", "imputation of tables")
    )
    return (
        f"An imputer was better than auto in {sum(models)} of {len(models)} settings of the spiked "
        f"model and in {sum(tables)} of {len(tables)} on real tables.\n\n"
    )


def imputer_time():
    """Seconds of an imputer that iterates, beside the table of times."""
    found = results("missing_speed")["results"]["iterative+PCA"]
    return (
        f"IterativeImputer + PCA took {found['seconds']:.1f} s at {found['n']} x {found['d']}.\n\n"
    )


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
    cells = results("missing")["results"]["subspace"]
    random = [cell["ratio_to_complete"] for cell in cells if cell["missing"] == "30 %"]
    imputed = [
        cell["mean"]["LinearContrastive"] / cell["mean"][cell["best_imputed"]] for cell in cells
    ]
    shared = [c for c in results("groups")["results"]["cells"] if c["noise"] == "shared"]
    over_best = [cell["ratio"] for cell in shared]
    over_none = [
        cell["errors"]["mean"]["feature_groups"] / cell["errors"]["mean"]["without groups"]
        for cell in shared
    ]
    rivals = ", ".join(sorted({cell["best_rival"] for cell in shared}))
    chosen = results("labels")["results"]["auto"]["rows"]
    return {
        "missing": "With 30 % of the entries missing at random, the subspace error was "
        f"{min(ratio['LinearContrastive'] for ratio in random):.2f} to "
        f"{max(ratio['LinearContrastive'] for ratio in random):.2f} times that on complete data; "
        f"it was {min(imputed):.2f} to {max(imputed):.2f} times that of the best of PCA and "
        f"FactorAnalysis after three imputers, in {len(cells)} settings with 10 to 60 % missing.",
        "groups": "With noise shared inside groups of features, knowing the groups left "
        f"{min(over_none):.2f} to {max(over_none):.2f} of the subspace error made without them, "
        f"and {min(over_best):.2f} to {max(over_best):.2f} of the best rival's ({rivals}).",
        "labels": 'With labels for some samples, alpha="auto" gave '
        f"{min(row['auto / better'] for row in chosen):.2f} to "
        f"{max(row['auto / better'] for row in chosen):.2f} times the subspace error of the better "
        f"of no and full weight on them, in {len(chosen)} settings with 12 to 6000 labels.",
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
        f"{path_of(name).relative_to(ROOT)}, {draws} seeds or repetitions, {machine['processor']}, "
        f"{machine['cores']} cores, NumPy {machine['numpy']}, "
        f"scikit-learn {machine['scikit-learn']}, "
        + (f"PyTorch {machine['torch']}, " if "torch" in machine else "")
        + machine["date"]
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
        f"- {single['worst']}\n- {single['speed']}\n- {single['rank']}\n- {single['numerics']}\n"
        f"- {single['missing']}\n- {single['groups']}\n- {single['labels']}\n"
        f"- {_figures_images.sentence(results('fashion_mnist'))}\n\n"
        "All tables, the lost ones too: `docs/measured.rst`.\n"
    )


def images():
    """The parts of the page that are about images."""
    found = {name: results(name) for name in IMAGES}
    parts = [
        (
            "Images: accuracy with few labels",
            "fashion_mnist",
            restructured(*_figures_images.accuracy(found["fashion_mnist"])),
        ),
        ("Images: time", "image_speed", restructured(*_figures_images.speed(found["image_speed"]))),
        (
            "Images: memory of NT-Xent",
            "loss_memory",
            restructured(*_figures_images.loss_memory(found["loss_memory"])),
        ),
    ]
    changed = "".join(
        restructured(*_figures_images.settings(found["settings"], group))
        + (f"The paper, on ImageNet: {paper}.\n\n" if paper else "")
        for group, paper in found["settings"]["results"]["paper"].items()
    )
    return [*parts, ("Images: one setting changed at a time", "settings", changed)]


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
        (
            "Missing values",
            "missing",
            restructured(*missing()) + single["missing"] + "\n\n" + targets("missing"),
        ),
        (
            "Missing values: imputation",
            "missing",
            "Root mean square error on hidden entries as a share of each feature's standard\n"
            "deviation; ours is ``inverse_transform(transform(X))``.\n\n"
            + restructured(*imputation())
            + imputation_defeats(),
        ),
        ("Missing values: number of components", "missing", restructured(*missing_rank())),
        (
            "Missing values: time of a fit, a tenth missing",
            "missing_speed",
            restructured(*missing_speed()) + imputer_time(),
        ),
        (
            "Noise shared inside groups: error of the subspace",
            "groups",
            restructured(*groups("errors")) + single["groups"] + "\n\n" + targets("groups"),
        ),
        (
            "Noise shared inside groups: R² of the scores",
            "groups",
            restructured(*groups("R2")),
        ),
        ("Noise shared inside groups: number", "groups", restructured(*groups_rank())),
        ("HeteroPCA", "heteropca", restructured(*hetero_pca())),
        (
            "The theory, measured",
            "recovery",
            ":doc:`theory` says what it is about; tables and figures are beside each JSON.\n\n"
            + theory()
            + single["labels"]
            + "\n\n",
        ),
        *images(),
        ("Time of a fit", "speed", restructured(*speed()) + single["speed"] + "\n\n"),
        ("Time of the rest", "speed", restructured(*other_speed())),
        ("Time of a fit with labels", "supervised", restructured(*supervised())),
        ("Time of one more chunk", "streaming", restructured(*streaming())),
        ("Memory", "memory", restructured(*memory())),
        ("Large means", "numerics", single["numerics"] + "\n\n"),
    ]
    slow = [
        cell
        for name in ("speed", "missing_speed", "supervised")
        for cell in results(name)["results"]["missed"]
    ]
    missed = "; ".join(slow) or "nothing"
    title = "What was measured"
    text = f"{title}\n{'=' * len(title)}\n\n" + (
        "Every figure on this site comes from a script in ``benchmarks/`` whose output is\n"
        "committed beside it, in ``results/``. This page is written by\n"
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
