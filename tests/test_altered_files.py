"""Altered and cut files of every format: refused, or read as they were written."""

import shutil
import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from helpers.fuzz import alterations
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.deep import LinearContrastiveEncoder
from sklearn_contrastive.deep._training.checkpoint import Checkpoint
from sklearn_contrastive.linear import Moments

RNG = np.random.default_rng(0)
X = RNG.normal(5.0, size=(60, 4))
NAMED = pd.DataFrame(X, columns=["a", "b", "é", "日本"])
STATE = {"module": {"weight": torch.arange(6.0).reshape(2, 3)}, "n_steps": 3, "name": "naïve"}


class Refused(Exception):
    """The file was refused, in the way of its format."""


def write_moments(path):
    Moments.from_array(NAMED).save(path)


def read_moments(path):
    try:
        read = Moments.load(path)
    except ValueError as error:
        raise Refused(str(error)) from error
    stored = read.stored
    parts = [read.mean, read.covariance, stored.kurtosis(), read.n_samples, read.unit]
    return [*parts, read.feature_names, read.dtype]


def write_network(path):
    LinearContrastiveEncoder(2, max_epochs=1, random_state=0).fit(NAMED).save(path)


def read_network(path):
    try:
        read = LinearContrastiveEncoder.load(path)
    except ValueError as error:
        raise Refused(str(error)) from error
    return [read.transform(NAMED), read.feature_names_in_, read.get_params(), read.history_]


def write_checkpoint(path):
    path.parent.mkdir(exist_ok=True)
    Checkpoint(path.parent).save(STATE)


def read_checkpoint(path):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        state = Checkpoint(path.parent).load()
    if state is None:
        assert not path.exists()  # set aside
        raise Refused("".join(str(warning.message) for warning in seen))
    return [state["module"]["weight"].numpy(), state["n_steps"], state["name"]]


def write_skops(path):
    skops.io.dump(LinearContrastive(2, random_state=0).fit(NAMED), path)


def read_skops(path):
    try:
        read = skops.io.load(path, trusted=["sklearn_contrastive.linear._contrastive."
                                            "LinearContrastive"])  # fmt: skip
        scores = read.transform(NAMED)
    except Exception as error:  # the format and its errors are those of skops
        raise Refused(f"{path}: {error}") from error
    return [scores, read.feature_names_in_, read.score_samples(NAMED)]


FORMATS = {
    "moments.npz": (write_moments, read_moments),
    "network.safetensors": (write_network, read_network),
    "training/state.pt": (write_checkpoint, read_checkpoint),
    "reducer.skops": (write_skops, read_skops),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Bytes and content of a good file of each format, and a folder for altered ones."""
    folder, found = tmp_path_factory.mktemp("written"), {}
    for name, (write, read) in FORMATS.items():
        write(folder / name)
        found[name] = (folder / name).read_bytes(), read(folder / name)
    return folder, found


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_altered_files_are_refused_or_read_as_they_were(name, data, written):
    folder, files = written
    content, expected = files[name]
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data.draw(alterations(content)))
    try:
        found = FORMATS[name][1](path)
    except Refused as refused:
        message = str(refused)
    else:  # a byte on which nothing depends, such as a time
        for each, wanted in zip(found, expected, strict=True):
            assert_array_equal(each, wanted)
        return
    assert str(path) in message
    shutil.rmtree(folder / "training.damaged", ignore_errors=True)
