"""Single results as sentences."""

from .records import results


def worst_sentence():
    """Largest loss against Scaler+FA on real tables."""
    worst = min(
        results("linear.downstream")["cells"],
        key=lambda cell: cell["difference"]["Scaler+FA"]["mean"],
    )
    return (
        "The largest loss against Scaler+FA on one table and noise: "
        f"{worst['data']}, {worst['row']}, {worst['difference']['Scaler+FA']['mean']:+.3f}."
    )


def n_components_sentence():
    """Share of draws in which "auto" is right."""
    overall = results("linear.n_components")["overall"]
    return (
        f'``n_components="auto"`` was right in {overall["exact"]:.1%} of {overall["draws"]} draws '
        f"and off by at most one in {overall['off by at most 1']:.1%}; the weakest signal was 8 or "
        "16 times the limit of detection, sqrt(d/n) in units of the noise."
    )


def large_means_sentence():
    """Relative error of the variances in float32."""
    errors = {(c["dtype"], c["method"]): c for c in results("linear.numerics")["rows"]}
    pca, ours = (
        errors["float32", method]["explained_variance_"]
        for method in ("PCA covariance_eigh", "LinearContrastive")
    )
    return (
        f"float32 with unit noise and mean 1e4: the largest relative error of a variance is "
        f"{pca:.1g} for PCA's covariance_eigh solver, which PCA chooses for tall data, and "
        f"{ours:.1g} here."
    )


def speed_sentence():
    """Time of StandardScaler + FactorAnalysis."""
    methods = {c["method"]: c for c in results("linear.speed")["factor analysis"]}
    rival, ours = methods["Scaler+FA"], methods["LinearContrastive"]
    return (
        f"StandardScaler + FactorAnalysis took {rival['times ours']:.0f} times as long as "
        f"LinearContrastive at {rival['n']} x {rival['d']}, with a subspace error of "
        f"{rival['error']:.3f} against {ours['error']:.3f}."
    )


def missing_values_sentence():
    """Subspace error with missing values."""
    cells = results("linear.missing_values")["subspace"]
    random = [
        cell["ratio_to_complete"]["LinearContrastive"]
        for cell in cells
        if cell["missing"] == "30 %"
    ]
    imputed = {
        missing: [
            cell["mean"]["LinearContrastive"] / cell["mean"][cell["best_imputed"]]
            for cell in cells
            if cell["missing"] == missing
        ]
        for missing in ("10 %", "30 %", "60 %")
    }
    ranges = ", ".join(
        f"{min(ratios):.2f} to {max(ratios):.2f} with {missing} missing"
        for missing, ratios in imputed.items()
    )
    return (
        "With 30 % of the entries missing at random, the subspace error was "
        f"{min(random):.2f} to {max(random):.2f} times that on complete data. Over the best of PCA "
        f"and FactorAnalysis after three imputers it was {ranges}."
    )


def groups_sentence():
    """Subspace error with noise shared inside groups."""
    shared = [c for c in results("linear.feature_groups")["cells"] if c["noise"] == "shared"]
    over_best = [cell["ratio"] for cell in shared]
    over_none = [
        cell["errors"]["mean"]["feature_groups"] / cell["errors"]["mean"]["without groups"]
        for cell in shared
    ]
    rivals = ", ".join(sorted({cell["best_rival"] for cell in shared}))
    return (
        "With noise shared inside groups of features, the subspace error with feature_groups was "
        f"{min(over_none):.2f} to {max(over_none):.2f} times that without, "
        f"and {min(over_best):.2f} to {max(over_best):.2f} times the best rival's ({rivals})."
    )
