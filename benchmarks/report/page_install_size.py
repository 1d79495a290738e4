"""Page: how much the installation needs on the disk."""

from .._common.tables import restructured
from .drawing import legend, panel
from .page import Page, Picture, Section
from .records import results

RECORD = "images.install_size"
BUILDS = {"CPU": "CPU index of PyTorch", "CUDA": "PyPI, with CUDA libraries"}
LINEAR = "NumPy, SciPy, scikit-learn"
# colour and hatch of the parts, from the left
PARTS = {
    "torch": ("#D55E00", ""),
    "CUDA libraries": ("#56B4E9", "//"),
    "triton": ("#E69F00", ".."),
    "rest": ("#999999", "xx"),
}


def page():
    """Verdict, picture and table of sizes."""
    return Page(
        "install_size",
        "Size of the installation",
        verdict(),
        (
            Picture(
                RECORD,
                "Bars of the size of an installation with PyTorch: most of that from PyPI on Linux "
                "are the CUDA libraries and Triton, which that from the CPU index does not have",
                draw,
            ),
        ),
        "Files of all packages in a fresh environment on Linux (x86-64) with this package and its "
        f"extra ``deep``, without pip: PyTorch {' and '.join(row['torch'] for row in rows())}. "
        "1 GB is 10⁹ bytes. ``rest`` is everything but PyTorch, its CUDA libraries and Triton. "
        ":doc:`/guide/gpu` has the commands.",
        (Section("Sizes", RECORD, folded={"MB by package": restructured(*table())}),),
    )


def rows():
    """The smaller installation first."""
    return results(RECORD)["rows"]


def verdict():
    """With and without CUDA libraries, and without PyTorch."""
    total = {row["build"]: row["total"] / 1000 for row in rows()}
    linear = rows()[0]["MB"][LINEAR] / 1000
    return (
        f"With PyTorch {total['CUDA']:.1f} GB on Linux, without its CUDA libraries "
        f"{total['CPU']:.1f} GB. The linear methods need {LINEAR}: {linear:.1f} GB."
    )


def table():
    """MB of each group of packages."""
    return ["packages", *(BUILDS[row["build"]] for row in rows())], [
        [name, *(f"{row['MB'][name]:.0f}" for row in rows())] for name in rows()[0]["MB"]
    ]


def draw():
    """One bar for each installation."""
    figure, (axes,) = panel(2.6)
    for place, row in enumerate(reversed(rows())):
        sizes = {name: row["MB"].get(name, 0.0) for name in PARTS if name != "rest"}
        sizes["rest"] = row["total"] - sum(sizes.values())
        left = 0.0
        for name, (colour, hatch) in PARTS.items():
            label = name if place == 0 else None
            style = {"color": colour, "hatch": hatch, "edgecolor": "white", "label": label}
            axes.barh(place, sizes[name] / 1000, left=left / 1000, height=0.6, **style)
            left += sizes[name]
        axes.text(0, place + 0.36, BUILDS[row["build"]], va="bottom")
        axes.text(left / 1000, place, f" {left / 1000:.1f}", va="center")
    axes.set(xlabel="GB on the disk", yticks=[], ylim=(-0.4, 1.75), xlim=(0, None))
    axes.margins(x=0.1)
    legend(figure, axes)
    return figure
