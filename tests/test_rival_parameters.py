"""Parameters of PCA, FactorAnalysis and IncrementalPCA: the error says what to do instead."""

import inspect
import pickle
import re
from typing import ClassVar

import pytest
from helpers.references import ROOT
from sklearn.base import clone
from sklearn.decomposition import PCA, FactorAnalysis, IncrementalPCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_contrastive import (
    HeteroPCA,
    LinearContrastive,
    PairedContrastive,
    SupervisedLinearContrastive,
)
from sklearn_contrastive._rival_parameters import RIVAL_PARAMETERS
from sklearn_contrastive.generative import LinearAutoencoder

REDUCERS = [HeteroPCA, LinearContrastive, PairedContrastive, SupervisedLinearContrastive]
RIVALS = {"PCA": PCA, "FactorAnalysis": FactorAnalysis, "IncrementalPCA": IncrementalPCA}


@pytest.mark.parametrize("reducer", REDUCERS)
@pytest.mark.parametrize("name", RIVAL_PARAMETERS)
def test_a_parameter_of_a_rival_gets_an_error_that_names_the_row_of_the_table(reducer, name):
    rival, _ = RIVAL_PARAMETERS[name]
    text = (
        f"{reducer.__name__} has no parameter '{name}', which {rival} has.*'Parameters of {rival}'"
    )
    with pytest.raises(TypeError, match=text):
        reducer(2, **{name: "auto"})
    with pytest.raises(ValueError, match=text):
        reducer(2).set_params(**{name: "auto"})


def test_every_parameter_of_the_rivals_exists_here_or_has_advice():
    ours = set(LinearContrastive().get_params())
    for rival in RIVALS.values():
        assert set(rival().get_params()) <= ours | RIVAL_PARAMETERS.keys()
    for name, (rival, _) in RIVAL_PARAMETERS.items():
        assert name in RIVALS[rival]().get_params()
        assert name not in ours


@pytest.mark.parametrize("name", RIVAL_PARAMETERS)
def test_the_row_that_the_error_names_exists(name):
    guide = (ROOT / "docs" / "guide" / "replace_pca.rst").read_text(encoding="utf-8")
    rival, _ = RIVAL_PARAMETERS[name]
    section = re.search(rf"(?ms)^Parameters of {rival}\n\^+\n(.*?)(?=^[^\n]+\n\^\^\^|\Z)", guide)
    assert re.search(rf"(?m)^   \* - .*``{name}``", section[1])


def test_a_grid_over_a_parameter_of_pca_gets_the_advice():
    pipeline = make_pipeline(LinearContrastive(2))
    grid = {"linearcontrastive__svd_solver": ["full"]}
    search = GridSearchCV(pipeline, grid, error_score="raise")
    with pytest.raises(ValueError, match="has no parameter 'svd_solver'"):
        search.fit([[1.0, 2.0, 3.0]] * 10)


def test_other_wrong_names_get_the_errors_of_python_and_of_scikit_learn():
    with pytest.raises(TypeError, match="unexpected keyword argument 'n_component'"):
        LinearContrastive(n_component=2)
    with pytest.raises(ValueError, match="Invalid parameter 'n_component'"):
        LinearContrastive().set_params(n_component=2)


def test_a_parameter_that_an_estimator_has_is_its_own():
    assert LinearAutoencoder(2, batch_size=32).batch_size == 32
    assert LinearAutoencoder(2).set_params(batch_size=16).batch_size == 16


class _Copying(LinearContrastive):
    """A subclass with a parameter that PCA has too."""

    _parameter_constraints: ClassVar[dict] = {
        **LinearContrastive._parameter_constraints,
        "copy": ["boolean"],
    }

    def __init__(self, n_components="auto", *, copy=True):
        super().__init__(n_components)
        self.copy = copy


class _Plain(LinearContrastive):
    """A subclass without a constructor of its own."""


def test_subclasses_may_have_such_parameters():
    assert clone(_Copying(3, copy=False)).copy is False
    with pytest.raises(TypeError, match="_Plain has no parameter 'copy'"):
        _Plain(copy=True)


@pytest.mark.parametrize("reducer", REDUCERS)
def test_signature_clone_and_pickle_stay_as_they_are(reducer):
    parameters = inspect.signature(reducer).parameters
    assert list(parameters) == list(inspect.signature(reducer.__init__.__wrapped__).parameters)[1:]
    assert set(parameters) == set(reducer().get_params())
    assert not {"args", "kwargs"} & set(parameters)
    model = reducer(3)
    for copied in (clone(model), pickle.loads(pickle.dumps(model))):
        assert copied.get_params() == model.get_params()
    assert reducer.__init__.__name__ == "__init__"
