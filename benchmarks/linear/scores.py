"""Share of the factors' variance that scores leave unexplained, where some features are clean.

Scores of a method, then regression of the three true factors on them, n = 2000. Factors and
loadings are standard normal, so that a feature's common variance is three; the settings differ in
the sds of the noise. "floor of .3" weights by noise of at least .3 of the variance, "own noise" by
the noise variances themselves.
"""

import numpy as np
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive

from .._common.record import Run
from .._common.tables import print_targets

SETTINGS = {
    "3 features at sd .001, 50 at 1": [0.001] * 3 + [1.0] * 50,
    "10 features at .1, 40 at 1": [0.1] * 10 + [1.0] * 40,
    "8 features at .1, 40 at 1": [0.1] * 8 + [1.0] * 40,
    "2 features at .02, 100 at 1": [0.02] * 2 + [1.0] * 100,
    "50 features at 1": [1.0] * 50,
}
N_SAMPLES, N_FACTORS = 2000, 3
OURS = "LinearContrastive"
RIVALS = ["PCA", "Scaler+FA", "own noise"]


def draw(deviations, seed):
    """Samples and their factors."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((N_SAMPLES, N_FACTORS))
    common = factors @ rng.standard_normal((N_FACTORS, len(deviations)))
    return common + deviations * rng.standard_normal(common.shape), factors


def unexplained(factors, scores):
    """Share of the variance of the factors that regression on the scores leaves."""
    factors, scores = factors - factors.mean(axis=0), scores - scores.mean(axis=0)
    rest = factors - scores @ np.linalg.lstsq(scores, factors, rcond=None)[0]
    return float(np.sum(rest**2) / np.sum(factors**2))


def outcome(setting, seed):
    """Method -> share unexplained in one draw."""
    X, factors = draw(SETTINGS[setting], seed)
    standardised = StandardScaler().fit_transform(X)
    model = LinearContrastive(N_FACTORS, random_state=0).fit(X)
    loadings, noise = model.loadings_, model.noise_variance_
    floored = np.maximum(noise, 0.3 * X.var(axis=0))
    scores = {
        "PCA": PCA(N_FACTORS).fit_transform(X),
        "Scaler+PCA": PCA(N_FACTORS).fit_transform(standardised),
        "Scaler+FA": FactorAnalysis(N_FACTORS, random_state=0).fit_transform(standardised),
        "floor of .3": X @ (loadings / floored[:, None]),
        "own noise": X @ (loadings / noise[:, None]),
        OURS: model.transform(X),
    }
    return {name: unexplained(factors, found) for name, found in scores.items()}


def main():
    """Run all settings and compare with the best rival."""
    run = Run(__spec__.name, __doc__.splitlines()[0], seeds=10)
    outcomes = run.draws(outcome, [(setting,) for setting in SETTINGS])
    settings = []
    for (setting,), draws in outcomes.items():
        mean = {name: float(np.mean([found[name] for found in draws])) for name in draws[0]}
        best = min(mean[rival] for rival in RIVALS)
        settings.append({"setting": setting, "mean": mean, "ratio": mean[OURS] / best})
    run.add_table(
        "Share of the factors' variance unexplained",
        [
            {"noise": s["setting"]}
            | {name: f"{value:.2g}" for name, value in s["mean"].items()}
            | {"ours / best": f"{s['ratio']:.2f}"}
            for s in settings
        ],
    )
    missed = {
        "at most 1.1 times the best of PCA, Scaler+FA and own noise": [
            f"{s['setting']}: {s['ratio']:.2f}" for s in settings if s["ratio"] > 1.1
        ]
    }
    print_targets(missed)
    run.results = {"settings": settings, "missed": missed}
    run.save()


if __name__ == "__main__":
    main()
