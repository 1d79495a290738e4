"""Masked autoencoders and GANs at their best setting, beside the contrastive loss and rivals.

The masked autoencoder is fitted in closed form with nine keep probabilities p, and counts with its
encoder and with its decoder. The best of them is the one with the least mean in a setting: the
choice knows the truth, which a user does not. The GAN is fitted on the samples and behind a
StandardScaler. Behind a scaler masks change nothing: every p gives Scaler+PCA.

Two numbers: the subspace error of each method's components, and the worst-task excess risk of its
scores, the excess of the mean squared error over the best linear features for the worst target.
"""

import warnings

import numpy as np
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
from sklearn_contrastive.linear import LinearContrastive
from sklearn_contrastive.theory.risk import excess_regression_risk

from .._common.averages import averaged, plus_minus, with_prefix
from .._common.estimators import maximum_likelihood
from .._common.plots import curve, panels, plain_log_y, shared_legend, wrapped
from .._common.record import Run
from .._common.spiked import (
    five_noisy,
    linear_noise,
    log_normal_noise,
    subspace_error,
    uniform_noise,
)
from ._estimators import OURS, estimated_components
from ._predictions import model_of
from ._spiked_settings import Setting

KEPT = (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1.0)
SETTINGS = {
    "equal noise": Setting(20_000, 40, 10, linear_noise(1)),
    "noise sd 1 to .5": Setting(20_000, 40, 10, linear_noise(0.5)),
    "noise sd 1 to .1": Setting(20_000, 40, 10, linear_noise(0.1)),
    "five at sd 1": Setting(5000, 100, 5, five_noisy(1)),
    "five at sd 1.5": Setting(5000, 100, 5, five_noisy(1.5)),
    "five at sd 2": Setting(5000, 100, 5, five_noisy(2)),
    "five at sd 2 (n=200)": Setting(200, 100, 5, five_noisy(2)),
    "five at sd 3": Setting(5000, 100, 5, five_noisy(3)),
    "five at sd 10": Setting(5000, 100, 5, five_noisy(10)),
    "uniform noise sd to 2": Setting(2000, 100, 3, uniform_noise(2)),
    "log-normal noise sd": Setting(2000, 50, 3, log_normal_noise(1)),
    "signal sds 10, 1, 1": Setting(5000, 60, 3, uniform_noise(1.5), (10.0, 1.0, 1.0)),
}
QUICK = ("noise sd 1 to .5", "five at sd 2")
ERROR, RISK = "subspace error", "worst-task excess risk"
MASKED, GENERATIVE = "masked autoencoder", "best generative"
GANS = ["GAN", "Scaler+GAN"]
# the closed form with noise-weighted scores; its components are those of the closed form
WEIGHTED = "closed form, weighted"
CONTRASTIVE = ["closed form", WEIGHTED, OURS]
COMPARED = [*GANS, MASKED, *CONTRASTIVE, "Scaler+FA"]
BEST = {MASKED: "best masked autoencoder", GENERATIVE: "best generative method"}
# settings of the figure
DRAWN = ("five at sd 1.5", "five at sd 2", "five at sd 3")


def masked_names():
    """Names of the masked autoencoders, encoder and decoder at each keep probability."""
    return [f"{part} p={p:g}" for part in ("encoder", "decoder") for p in KEPT]


def subspaces(X, r):
    """Method -> rows that span its signal subspace, in the features' units."""
    found = estimated_components(X, r, ["PCA", "Scaler+PCA", "closed form", OURS, "Scaler+FA"])
    scaler = StandardScaler().fit(X)
    found["GAN"] = LinearGAN(r).fit(X).components_
    found["Scaler+GAN"] = LinearGAN(r).fit(scaler.transform(X)).components_ * scaler.scale_
    return found | masked(X, r)


def masked(X, r):
    """Rows of encoder and decoder at each keep probability."""
    found = {}
    for p in KEPT:
        model = LinearAutoencoder(r, keep_probability=p).fit(X)
        found[f"encoder p={p:g}"], found[f"decoder p={p:g}"] = model.encoder_, model.components_
    return found


def scoring_rows(X, r, found):
    """Method -> rows of the linear map that `transform` applies to centred samples."""
    scale = X.std(axis=0)
    with warnings.catch_warnings(action="ignore"):  # a feature without noise counts in the risk
        ours = LinearContrastive(r).fit(X).scoring_matrix_
        weighted = LinearContrastive(r, max_iter=0).fit(X).scoring_matrix_
        factors = maximum_likelihood(X / scale, r)
    return found | {
        "Scaler+PCA": found["Scaler+PCA"] / scale**2,
        "Scaler+GAN": found["Scaler+GAN"] / scale**2,
        WEIGHTED: weighted,
        OURS: ours,
        "Scaler+FA": factors.components_ / factors.noise_variance_ / scale,
    }


def one_draw(title, seed):
    """`quantity, method` -> its value on one draw of a setting; distances of the GANs from PCA."""
    setting = SETTINGS[title]
    problem = setting.draw(seed, 105, list(SETTINGS).index(title))
    model = model_of(problem, setting)
    found = subspaces(problem.X, setting.r)
    outcome = {
        f"{ERROR}, {name}": subspace_error(rows, problem.subspace) for name, rows in found.items()
    }
    for name, rows in scoring_rows(problem.X, setting.r, found).items():
        outcome[f"{RISK}, {name}"] = excess_regression_risk(model, rows)
    for name in GANS:
        basis = np.linalg.qr(found[name.replace("GAN", "PCA")].T)[0]
        outcome[f"distance of {name}"] = subspace_error(found[name], basis)
    return outcome


def summarised(draws, quantity):
    """Averages of one quantity; the best masked and generative method and differences to both."""
    parts = [with_prefix({"draw": draw}, quantity)["draw"] for draw in draws]
    average = averaged(parts)
    mean = average["mean"]
    best = {
        MASKED: min(masked_names(), key=mean.get),
        GENERATIVE: min([*GANS, *masked_names()], key=mean.get),
    }
    differences = [
        {
            f"{name} - {kind}": part[name] - part[rival]
            for name in CONTRASTIVE
            if name in part
            for kind, rival in best.items()
        }
        for part in parts
    ]
    for part in average.values():
        part |= {kind: part[name] for kind, name in best.items()}
    return average | {"best": best, "differences": averaged(differences)}


def standing(cell, name, kind=GENERATIVE):
    """Whether a contrastive method is ahead, level (within two standard errors) or behind."""
    pair = f"{name} - {kind}"
    difference, error = (cell["differences"][part][pair] for part in ("mean", "standard_error"))
    if abs(difference) <= 2 * error:
        return "level"
    return "ahead" if difference < 0 else "behind"


def add_tables(run, cells, quantity):
    """Best settings of all methods, then every keep probability."""
    run.add_table(
        f"{quantity}, each method at its best setting",
        [
            {"": title}
            | plus_minus(cell, [name for name in COMPARED if name in cell["mean"]])
            | {f"{kind} is": name for kind, name in cell["best"].items()}
            | {f"{name} against the best": standing(cell, name) for name in contrastive(cells)}
            for title, cell in cells.items()
        ],
        "Best: the least mean, chosen with the truth known. Level: within two standard errors of "
        "the paired difference. The GAN is also PCA and the autoencoder without masks.",
    )
    for part in ("encoder", "decoder"):
        names = [name for name in masked_names() if name.startswith(part)]
        run.add_table(
            f"{quantity} of the {part} of the masked autoencoder",
            [{"": title} | plus_minus(cell, names) for title, cell in cells.items()],
        )


def contrastive(cells):
    """Contrastive methods that have the quantity of these cells."""
    mean = next(iter(cells.values()))["mean"]
    return [name for name in CONTRASTIVE if name in mean]


def ranking(cells, name, kind):
    """In how many settings a contrastive method is ahead, level and behind, and where."""
    ranks = {title: standing(cell, name, kind) for title, cell in cells.items()}
    words = []
    for word in ("ahead", "level", "behind"):
        where = [title for title, rank in ranks.items() if rank == word]
        named = f" ({'; '.join(where)})" if where and word != "ahead" else ""
        words.append(f"{word} in {len(where)}{named}")
    return ", ".join(words) + f", of {len(ranks)}"


def findings(results, drawn):
    """Who wins where, and how far the GAN is from PCA."""
    found = {
        f"{quantity}, {name} against the {BEST[kind]}": ranking(results[quantity], name, kind)
        for quantity in (ERROR, RISK)
        for name in contrastive(results[quantity])
        for kind in (MASKED, GENERATIVE)
    }
    for scaler in ("", "Scaler+"):
        name = f"distance of {scaler}GAN"
        farthest = max(draw[name] for draws in drawn.values() for draw in draws)
        found[f"largest distance of {scaler}GAN from {scaler}PCA"] = f"{farthest:.0e}"
    return found


def draw_figure(results):
    """Subspace error and risk against the keep probability, in three settings of a record."""
    drawn = [title for title in DRAWN if title in results[ERROR]]
    figure, axes = panels(len(drawn), 2)
    for row, title in zip(axes.reshape(-1, 2), drawn, strict=True):
        for panel, quantity in zip(row, (ERROR, RISK), strict=True):
            cell = results[quantity][title]
            against_kept(panel, cell)
            panel.set(xlabel="keep probability p", ylabel=quantity, title=wrapped(title))
    shared_legend(figure, axes, ncols=3)
    return figure


def against_kept(panel, cell):
    """Encoder and decoder against p; the others are level lines."""
    for part, colour, marker in (("encoder", "#0072B2", "v"), ("decoder", "#56B4E9", "<")):
        averages = [
            {stat: {part: cell[stat][f"{part} p={p:g}"]} for stat in ("mean", "standard_error")}
            for p in KEPT
        ]
        curve(panel, KEPT, averages, part, f"masked {part}", color=colour, marker=marker)
    lines = {
        "Scaler+GAN": ("#E69F00", "-."),
        "closed form": ("#CC79A7", "--"),
        OURS: ("#D55E00", "-"),
    }
    for name, (colour, style) in lines.items():
        panel.axhline(cell["mean"][name], color=colour, linestyle=style, linewidth=1.4, label=name)
    panel.set(xscale="log", yscale="log")
    panel.set_xticks(KEPT[::2], [f"{p:g}" for p in KEPT[::2]])
    panel.minorticks_off()
    plain_log_y(panel)


def main():
    """Fit all methods in every setting and rank them."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=10)
    drawn = run.draws(one_draw, [(title,) for title in (QUICK if run.quick else SETTINGS)])
    for quantity in (ERROR, RISK):
        cells = {title: summarised(draws, quantity) for (title,), draws in drawn.items()}
        run.results[quantity] = cells
        add_tables(run, cells, quantity)
    run.add_findings("Findings", findings(run.results, drawn))
    run.save_markdown()
    run.save(draw_figure(run.results))


if __name__ == "__main__":
    main()
