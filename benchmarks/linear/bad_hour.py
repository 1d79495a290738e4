"""A bad hour and two bad sensors: the daily course that the first component finds.

Thirty sensors follow one daily course for three days, with a reading every five minutes. For one
hour all readings are random, of sd 20. One sensor always has noise of sd 20; another one has wrong
readings, of sd 60, in 5 % of the rows. The correlation of the first score with the daily course is
that outside the bad hour; R² is that of a regression on all scores.
"""

import warnings

import numpy as np
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive

from .._common.plots import panels, save_figure
from .._common.record import Run

N_SAMPLES, N_SENSORS, PER_HOUR = 864, 30, 12
BAD_HOUR = slice(44 * PER_HOUR, 45 * PER_HOUR)
NOISY, SPIKED = 7, 21
# limit of the shares in the plot of distances
LIMIT = 0.001


def readings(seed):
    """Readings (864, 30), and the daily course in units of its standard deviation (864,)."""
    rng = np.random.default_rng(seed)
    hour = np.arange(N_SAMPLES) / PER_HOUR
    daily = np.sin(2 * np.pi * (hour - 9) / 24) + 0.35 * np.sin(4 * np.pi * hour / 24 + 1)
    daily /= daily.std()
    loadings = rng.uniform(0.2, 0.6, N_SENSORS) * rng.choice([-1, 1], N_SENSORS)
    noise = rng.uniform(0.5, 1.5, N_SENSORS) * rng.standard_normal((N_SAMPLES, N_SENSORS))
    X = np.outer(daily, loadings) + noise
    X[:, NOISY] += 20 * rng.standard_normal(N_SAMPLES)
    wrong = rng.uniform(size=N_SAMPLES) < 0.05
    X[wrong, SPIKED] += 60 * rng.standard_normal(wrong.sum())
    X[BAD_HOUR] = 20 * rng.standard_normal((PER_HOUR, N_SENSORS))
    return X, daily


def reducers(k):
    """Name -> reducer to k components."""
    return {
        "PCA": PCA(k, random_state=0),
        "StandardScaler + PCA": make_pipeline(StandardScaler(), PCA(k, random_state=0)),
        "StandardScaler + FactorAnalysis": make_pipeline(
            StandardScaler(), FactorAnalysis(k, random_state=0)
        ),
        "LinearContrastive": LinearContrastive(k, random_state=0),
        "LinearContrastive(robust=True)": LinearContrastive(k, robust=True, random_state=0),
    }


def scores_of(k, seed):
    """Reducer -> scores."""
    X, _ = readings(seed)
    with warnings.catch_warnings(action="ignore"):  # the OutlierWarning is what the page is about
        return {name: reducer.fit(X).transform(X) for name, reducer in reducers(k).items()}


def measured(k, seed):
    """Reducer -> correlation of the first score with the daily course, and R² of all scores."""
    daily = readings(seed)[1]
    clean = np.r_[: BAD_HOUR.start, BAD_HOUR.stop : N_SAMPLES]
    return {
        name: {
            "correlation": float(abs(np.corrcoef(scores[clean, 0], daily[clean])[0, 1])),
            "R2": float(
                LinearRegression()
                .fit(scores[clean], daily[clean])
                .score(scores[clean], daily[clean])
            ),
        }
        for name, scores in scores_of(k, seed).items()
    }


def figure_of_scores(seed):
    """One row for each method: the first score of each reading above the true course."""
    daily = readings(seed)[1]
    found, scores = measured(1, seed), scores_of(1, seed)
    figure, axes = panels(len(scores), 1, width=6.4, height=1.4)
    hour = np.arange(N_SAMPLES) / PER_HOUR
    clean = np.r_[: BAD_HOUR.start, BAD_HOUR.stop : N_SAMPLES]
    for each, (name, of_name) in zip(axes, scores.items(), strict=True):
        score = of_name[:, 0] * np.sign(np.corrcoef(of_name[clean, 0], daily[clean])[0, 1])
        # in the unit of the plotted range: the method chooses the scale
        score = (score - np.median(score)) / score[clean].std()
        ours = name.endswith("(robust=True)")
        each.axvspan(BAD_HOUR.start / PER_HOUR, BAD_HOUR.stop / PER_HOUR, color="0.8", zorder=0)
        each.plot(hour, score, ".", markersize=3, color="#D55E00" if ours else "#0072B2")
        each.plot(hour, daily, color="black", linewidth=1.6)
        each.set(ylim=(-3.4, 3.4), xlim=(0, 72), xticks=range(0, 73, 12), yticks=[])
        each.set_title(
            f"{name}: correlation {found[name]['correlation']:.2f}",
            loc="left",
            fontsize=12,
            fontweight="bold" if ours else None,
        )
        each.grid(False)
        each.tick_params(labelbottom=each is axes[-1])
    axes[0].text(BAD_HOUR.stop / PER_HOUR + 0.4, 2.3, "bad hour", fontsize=11)
    axes[-1].tick_params(labelsize=11)
    axes[-1].set_xlabel(
        "hour; black: true daily course, dots: first score of a reading", fontsize=11
    )
    return figure


def figure_of_distances(seed):
    """Score distance against orthogonal distance of all readings, with the limits."""
    X, _ = readings(seed)
    model = LinearContrastive(1, robust=True, random_state=0).fit(X)
    found = model.outlier_scores(X)
    hour = np.zeros(N_SAMPLES, bool)
    hour[BAD_HOUR] = True
    clean = ~hour & (np.abs(X[:, SPIKED]) < 6)
    figure, (axes,) = panels(1, 1, width=6, height=4.2)
    for chosen, label, colour, marker in (
        (clean, "other readings", "#999999", "."),
        (~hour & ~clean, "wrong reading of the second bad sensor", "#0072B2", "^"),
        (hour, "bad hour", "#D55E00", "s"),
    ):
        axes.plot(
            found.score_distance[chosen],
            found.orthogonal_distance[chosen],
            marker,
            color=colour,
            markersize=5,
            label=label,
        )
    for line, distance, share in (
        (axes.axvline, found.score_distance, found.score_share),
        (axes.axhline, found.orthogonal_distance, found.orthogonal_share),
    ):
        limit = 0.5 * (distance[share >= LIMIT].max() + distance[share < LIMIT].min())
        line(limit, color="black", linestyle="--", linewidth=1)
    axes.text(0.11, limit * 1.12, f"limit: share {LIMIT}", fontsize=9)
    axes.set(xscale="log", yscale="log", xlim=(0.1, None), ylim=(2, 2000))
    axes.set(xlabel="score distance (root of T²)", ylabel="orthogonal distance (root of Q)")
    axes.legend(frameon=True, fontsize=9, loc="upper left")
    return figure


def main():
    """Measure, print and save, with both figures."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=10)
    outcomes = run.draws(measured, [(1,), (5,)])
    names = list(reducers(1))
    run.results = {
        f"{k} components": {
            name: {
                measure: float(np.mean([draw[name][measure] for draw in draws]))
                for measure in ("correlation", "R2")
            }
            for name in names
        }
        for (k,), draws in outcomes.items()
    }
    for title, means in run.results.items():
        run.add_table(title, [{"reducer": name} | means[name] for name in names])
    run.save(figure_of_scores(0))
    save_figure(figure_of_distances(0), run.path.with_name(f"{run.path.stem}_distances.png"))


if __name__ == "__main__":
    main()
