"""Page: goals on GPUs, if any was measured."""

from .._common.tables import restructured
from .drawing import panel
from .page import Page, Picture, Section
from .records import read, records_of, results

FOLDER, PREFIX = "gpu", "gpu_"
VERDICTS = {True: "met", False: "missed", None: "not judged"}
NUMBERS = {
    "epoch s": "seconds of an epoch",
    "images/s": "images a second",
    "encoder alone s": "seconds of the encoder alone",
    "views alone s": "seconds of the views alone",
    "share outside the encoder": "share of the time outside the encoder",
    "peak memory GB": "peak memory, GB",
}


def page():
    """Verdict, pictures and tables of every GPU that was measured; None without a record."""
    names = records_of(FOLDER, PREFIX)
    if not names:
        return None
    return Page(
        "gpu",
        "On a GPU",
        " ".join(verdict(name) for name in names),
        tuple(
            Picture(
                name,
                f"Goals of {card(name)}: what was measured as a share of what is allowed, a bar "
                "for each; those beyond the line at 1 are missed",
                lambda name=name: draw(name),
            )
            for name in names[:2]
        ),
        "SimCLR: 50,000 random images of 32 x 32 x 3, ResNet-18, batches of 512, two views, "
        "bfloat16; the encoder alone is its forward and backward pass on prepared views. "
        "Fashion-MNIST: ResNet-18, all labels. Tables: float32 on the device; one product is that "
        "of the table with its transpose. Times are medians.",
        tuple(section(name) for name in names),
    )


def card(name):
    """Name of the GPU of a record."""
    return read(name)["machine"]["gpu"]


def verdict(name):
    """Goals that are met, and the time of an epoch."""
    goals = results(name)["goals"]
    first = (
        f"{sum(goal['met'] is True for goal in goals)} of {len(goals)} goals met on {card(name)}."
    )
    epoch = results(name)["sections"].get("SimCLR epoch", {})
    if "epoch s" not in epoch:
        return first
    return (
        f"{first} An epoch of SimCLR takes {epoch['epoch s']:.1f} s, "
        f"{epoch['step over encoder']:.2f} times its encoder."
    )


def section(name):
    """Goals, parts and numbers of one GPU."""
    found = results(name)["sections"]
    folded = {"Goals": restructured(*goals(name)), "Parts": restructured(*parts(name))}
    epoch = found.get("SimCLR epoch", {})
    rows = [[NUMBERS[key], f"{epoch[key]:.3g}"] for key in NUMBERS if key in epoch]
    if rows:
        folded["An epoch of SimCLR"] = restructured(["number", "measured"], rows)
    return Section(card(name), name, folded=folded)


def goals(name):
    """What was measured, and the targets."""
    return ["part", "goal", "measured", "target", "verdict"], [
        [
            goal["section"],
            goal["what"],
            f"{goal['measured']:.3g}",
            f"{'at most' if goal['at_most'] else 'at least'} {goal['target']:g}",
            VERDICTS[goal["met"]],
        ]
        for goal in results(name)["goals"]
    ]


def parts(name):
    """Parts of the run, and why one did not end."""
    return ["part", "end", "seconds", "reason"], [
        [part, entry["status"], f"{entry['seconds']:.0f}", entry.get("reason", "")]
        for part, entry in results(name)["sections"].items()
    ]


def draw(name):
    """One bar for each goal, as a share of what is allowed."""
    # a goal of zero has no share
    shown = [goal for goal in results(name)["goals"] if goal["target"] and goal["measured"]]
    figure, (axes,) = panel(0.8 + 0.5 * len(shown))
    for place, goal in enumerate(reversed(shown)):
        share = goal["measured"] / goal["target"]
        share = share if goal["at_most"] else 1 / share
        axes.barh(place, share, height=0.35, color="#0072B2" if share <= 1 else "#D55E00")
        axes.text(0, place + 0.22, goal["what"], va="bottom")
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xlabel="share of what is allowed", yticks=[], ylim=(-0.4, len(shown) - 0.2))
    return figure
