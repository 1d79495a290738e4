"""outlier_scores: calibration of the shares; alarms after a fit, on clean and on spoilt samples.

Calibration: the share of clean new rows whose share is below a level. Simulated: log-normal noise
of log-sd 0, .5 or 1, 2000 new rows for each draw. Real tables: 38 final tables of R packages and
six others; a model of one random half, the rows of the other half. Alarms: fits with the number of
components estimated; spoilt tables are standardised first. Bad rows: 2 % of the rows are normal of
sd 10. Gross cells: 1 or 5 % of the entries are.
"""

import warnings

import numpy as np
from scipy.special import chdtrc

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.exceptions import OutlierWarning

from .._common import r_tables, real_tables
from .._common.record import Run
from .._common.spiked import haar

LEVELS = (0.1, 0.05, 0.01, 0.001)
DISTANCES = ("score", "orthogonal", "both", "Gaussian score", "Gaussian orthogonal")
SIZES = [
    (50, 10, 2),
    (200, 50, 3),
    (2000, 20, 3),
    (500, 100, 5),
    (1000, 10, 0),
    (200, 1, 0),
    (200, 300, 5),
    (100, 1000, 3),
]
SPOILT = ("as shipped", "2 % bad rows", "1 % gross cells", "5 % gross cells")
NEW_ROWS = 2000
# first words of the warning -> its name in the tables
KINDS = {"A component": "rows", "Single entries": "cells", "The noise": "row noise"}


def sample(n, d, r, seed, n_new=0):
    """Rows of a spiked model whose signal is clear in units of the noise."""
    rng = np.random.default_rng(seed)
    noise = np.exp((0.0, 0.5, 1.0)[seed % 3] * rng.standard_normal(d))
    factors = 4 * max(1.0, (d / n) ** 0.25) * rng.standard_normal((n + n_new, r))
    X = rng.standard_normal((n + n_new, d))
    if r:
        X += factors @ haar(rng, d, r).T
    return X * noise


def beyond(model, new):
    """Distance -> share of new rows below each level."""
    found = model.outlier_scores(new)
    r = int(np.any(model.loadings_ != 0, axis=0).sum())
    shares = {
        "orthogonal": found.orthogonal_share,
        "both": found.share,
        "Gaussian orthogonal": chdtrc(new.shape[1] - r, found.orthogonal_distance**2),
    }
    if r:
        shares["score"] = found.score_share
        shares["Gaussian score"] = chdtrc(r, found.score_distance**2)
    return {
        name: [float(np.mean(share < level)) for level in LEVELS] for name, share in shares.items()
    }


def fitted(X, n_components="auto"):
    """A fit, and the kind of its OutlierWarning, None without one."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        model = LinearContrastive(n_components, random_state=0).fit(X)
    texts = [str(each.message) for each in caught if each.category is OutlierWarning]
    kinds = [kind for text in texts for begin, kind in KINDS.items() if text.startswith(begin)]
    return model, next(iter(kinds), None), next(iter(texts), None)


def simulated(n, d, r, seed):
    """Calibration of one draw, and the alarms of a given and of an estimated number."""
    X = sample(n, d, r, seed, NEW_ROWS)
    model, given, _ = fitted(X[:n], r)
    return {"beyond": beyond(model, X[n:]), "alarms": [given, fitted(X[:n])[1]]}


def table(name):
    """Samples of one table, without constant columns."""
    X = real_tables.load(name)[0] if name in real_tables.LOADERS else r_tables.load(name)[0]
    return X[:, X.std(axis=0) > 0]


def halves(name, seed):
    """Calibration on the half of a table that was not fitted."""
    X = table(name)
    order = np.random.default_rng(seed).permutation(len(X))
    first, second = X[order[: len(X) // 2]], X[order[len(X) // 2 :]]
    # a column that varies in the other half alone has no scale
    varies = first.std(axis=0) > 0
    k = max(1, min(4, varies.sum() // 2))
    return beyond(fitted(first[:, varies], k)[0], second[:, varies])


def spoilt(name, how, seed):
    """Kind and text of the alarm on a table."""
    X, rng = table(name), np.random.default_rng(seed)
    if how != "as shipped":
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    if how == "2 % bad rows":
        bad = rng.permutation(len(X))[: max(1, round(0.02 * len(X)))]
        X[bad] = 10 * rng.standard_normal((len(bad), X.shape[1]))
    elif how != "as shipped":
        bad = rng.uniform(size=X.shape) < float(how.split()[0]) / 100
        X = np.where(bad, 10 * rng.standard_normal(X.shape), X)
    return fitted(X)[1:]


def summary(draws):
    """Distance -> mean over draws at each level, and the 90 % quantile over draws."""
    found = {}
    for name in DISTANCES:
        values = [draw[name] for draw in draws if name in draw]
        if values:
            found[name] = {
                "mean": np.mean(values, axis=0).tolist(),
                "90 %": np.quantile(values, 0.9, axis=0).tolist(),
            }
    return found


def rows_of(title, found):
    """Rows of a table of calibration."""
    return [
        {title[0]: title[1], "distance": name}
        | {f"{level:g}": values["mean"][i] for i, level in enumerate(LEVELS)}
        | {f"{level:g}, 90 %": values["90 %"][i] for i, level in enumerate(LEVELS)}
        for name, values in found.items()
    ]


def main():
    """Measure, print and save."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=40, quick_seeds=4)
    drawn = run.draws(simulated, SIZES)
    calibration = {
        f"{n} x {d}, r = {r}": summary([draw["beyond"] for draw in drawn[n, d, r]])
        for n, d, r in SIZES
    }
    rows = [row for name, found in calibration.items() for row in rows_of(("X", name), found)]
    run.add_table("Simulated: share of clean new rows below a level", rows)
    alarms = [kind for size in SIZES for draw in drawn[size] for kind in draw["alarms"]]
    false = {"fits": len(alarms), "alarms": sum(kind is not None for kind in alarms)}
    run.add_table("False alarms on clean simulated samples", [false])

    names = list(real_tables.LOADERS) + list(r_tables.FINAL)[: 6 if run.quick else None]
    found = run.draws(halves, [(name,) for name in names], range(2))
    tables = summary([draw for draws in found.values() for draw in draws])
    run.add_table("Real tables: share of new rows below a level", rows_of(("X", "tables"), tables))

    cases = [(name, how) for name in names for how in SPOILT]
    outcomes = {case: draws[0] for case, draws in run.draws(spoilt, cases, range(1)).items()}
    detected = [
        {"tables": how, "n": len(names)}
        | {kind: sum(outcomes[name, how][0] == kind for name in names) for kind in KINDS.values()}
        | {"any": sum(outcomes[name, how][0] is not None for name in names)}
        for how in SPOILT
    ]
    run.add_table("Alarms", detected)
    shipped = {name: outcomes[name, "as shipped"][1] for name in names}
    shipped = {name: text for name, text in shipped.items() if text}
    run.add_findings("Tables as shipped with an alarm", shipped)
    run.results |= {
        "simulated": calibration,
        "false_alarms": false,
        "tables": tables,
        "detected": detected,
        "silent": {how: [n for n in names if outcomes[n, how][0] is None] for how in SPOILT[1:]},
        "shipped": shipped,
    }
    run.save()


if __name__ == "__main__":
    main()
