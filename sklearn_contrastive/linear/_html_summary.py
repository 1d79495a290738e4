"""Summary of a fitted factor model in the HTML view of scikit-learn."""

from html import escape

import numpy as np

from .._sklearn_compat import feature_names_of

__all__ = ["HTMLSummaryMixin"]

# components and features that are listed
_MOST_LISTED = 5

_TABLE = """
<div class="estimator-table">
    <details open>
        <summary>Summary</summary>
        <table class="parameters-table"><tbody>{}</tbody></table>
    </details>
</div>
"""
_ROW = '<tr class="default"><td class="param">{}</td><td>{}</td></tr>'


class HTMLSummaryMixin:
    """Adds a summary to the HTML view of a fitted factor model, alone and in a pipeline.

    scikit-learn >= 1.9 asks for the fitted attributes of every estimator in the view; the summary
    stands before them. Older versions do not ask, and show the parameters only.
    """

    def _get_fitted_attr_html(self, doc_link=""):
        attributes = super()._get_fitted_attr_html(doc_link)
        as_html = getattr(attributes, "_html_repr", None)
        if as_html is not None:
            attributes._html_repr = lambda: _summary(self) + as_html()
        return attributes


def _summary(estimator):
    """Table of components, shares of the common variance and noisiest features."""
    fitted = hasattr(estimator, "_model")  # not so where attributes were set by hand
    if not fitted or not isinstance(estimator.loadings_, np.ndarray):
        return ""
    n_components = estimator.n_components_
    rows = {"components": f"{n_components}, from {estimator.n_features_in_} features"}
    if n_components and estimator.common_variance_.sum() > 0:
        shares = estimator.common_variance_ / estimator.common_variance_.sum()
        more = f", and {n_components - _MOST_LISTED} more" * (n_components > _MOST_LISTED)
        listed = ", ".join(f"{share:.0%}" for share in shares[:_MOST_LISTED])
        rows["share of common variance, in units of X"] = listed + more
    live = estimator.loadings_.any(axis=1)
    if live.any():
        explained = estimator.communalities_[live]
        rows["explained variance, mean over features"] = f"{explained.mean():.0%}"
        names = feature_names_of(estimator)
        order = np.flatnonzero(live)[np.argsort(explained, kind="stable")][:_MOST_LISTED]
        rows["noisiest features"] = ", ".join(
            f"{names[i]} ({1 - estimator.communalities_[i]:.0%} noise)" for i in order
        )
    return _TABLE.format("".join(_ROW.format(escape(k), escape(v)) for k, v in rows.items()))
