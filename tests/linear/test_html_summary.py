"""Summary of a fitted reducer in its HTML view."""

import re
from html import unescape

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

from sklearn_contrastive import HeteroPCA, LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive._base import ContrastiveEstimator
from sklearn_contrastive.linear._html_summary import _summary

WINE = StandardScaler().set_output(transform="pandas").fit_transform(load_wine(as_frame=True).data)
shown = pytest.mark.skipif(
    not hasattr(ContrastiveEstimator, "_get_fitted_attr_html"),
    reason="scikit-learn before 1.9 does not ask for fitted attributes",
)


def rows_of(html):
    """Return the rows of the summary in a view, as a dict."""
    table = html[html.index("<summary>Summary</summary>") :]
    table = table[: table.index("</table>")]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table, re.DOTALL)
    return {unescape(k): unescape(v) for k, v in zip(cells[::2], cells[1::2], strict=True)}


@shown
@pytest.mark.parametrize(
    "reducer",
    [LinearContrastive(2), HeteroPCA(2), SupervisedLinearContrastive(2)],
    ids=lambda reducer: type(reducer).__name__,
)
def test_a_fitted_reducer_shows_components_shares_and_noise(reducer):
    model = clone(reducer).fit(WINE, load_wine().target)
    rows = rows_of(estimator_html_repr(model))
    shares = model.common_variance_ / model.common_variance_.sum()
    noisiest = np.argsort(model.communalities_)[0]
    assert rows["components"] == "2, from 13 features"
    assert rows["share of common variance, in units of X"] == ", ".join(f"{s:.0%}" for s in shares)
    mean = model.communalities_.mean()
    assert rows["explained variance, mean over features"] == f"{mean:.0%}"
    first = f"{WINE.columns[noisiest]} ({1 - model.communalities_[noisiest]:.0%} noise)"
    assert rows["noisiest features"].startswith(first)
    assert rows["noisiest features"].count("noise") == 5


@shown
def test_the_summary_is_in_the_views_of_notebooks_and_pipelines_once():
    model = LinearContrastive(2).fit(WINE)
    pipeline = make_pipeline(StandardScaler(), LinearContrastive(2)).fit(WINE)
    views = [model._repr_html_(), model._repr_mimebundle_()["text/html"], pipeline._repr_html_()]
    for view in views:
        assert view.count("<summary>Summary</summary>") == 1
        assert view.count("<summary>Fitted attributes</summary>") >= 1
    assert "Summary" not in LinearContrastive(2)._repr_html_()


@shown
def test_names_of_features_are_escaped():
    hostile = '<script>alert("1")</script>'
    renamed = WINE.rename(columns={name: f"{hostile}{name}" for name in WINE})
    view = LinearContrastive(2).fit(renamed)._repr_html_()
    assert "<script>alert" not in view
    assert hostile in rows_of(view)["noisiest features"]


@shown
def test_constant_features_are_not_called_noisy_and_many_components_are_cut():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 7)) @ rng.standard_normal((7, 30))
    X += 0.5 * rng.standard_normal(X.shape)
    X[:, 4] = 7.0
    rows = rows_of(LinearContrastive(7, random_state=0).fit(X)._repr_html_())
    assert "x4 " not in rows["noisiest features"]
    assert rows["share of common variance, in units of X"].endswith("%, and 2 more")


@shown
def test_no_component_is_said():
    rows = rows_of(LinearContrastive(0).fit(WINE)._repr_html_())
    assert rows == {"components": "0, from 13 features"}


def test_attributes_that_were_set_by_hand_have_no_summary():
    model = LinearContrastive()
    model.components_ = np.eye(2)
    assert _summary(model) == ""
    assert "LinearContrastive" in estimator_html_repr(model)
