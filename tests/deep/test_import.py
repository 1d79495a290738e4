"""The deep wing without its packages, and before they are asked for."""

import json
import subprocess
import sys

import pytest

import sklearn_contrastive.deep
from sklearn_contrastive import augmentation, deep

WITHOUT_TORCH = """
import json, sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "skorch"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NotInstalled())
"""


def fresh_python(program):
    """Run a program in a new interpreter and return what it prints, read as JSON."""
    command = [sys.executable, "-W", "error", "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_importing_the_wing_does_not_import_pytorch():
    program = """
import json, sys
import sklearn_contrastive.deep
before = "torch" in sys.modules
from sklearn_contrastive.deep import linear_contrastive_loss
print(json.dumps([before, "torch" in sys.modules]))
"""
    assert fresh_python(program) == [False, True]


def test_a_missing_pytorch_is_told_in_one_line_when_a_name_is_used():
    program = """
import sklearn_contrastive
from sklearn_contrastive import augmentation, deep
said = {}
for module, names in [
    (sklearn_contrastive, ["SimCLREmbedder"]), (deep, deep.__all__),
    (augmentation, augmentation.__all__),
]:
    assert set(names) <= set(dir(module))
    for name in names:
        try:
            getattr(module, name)
        except ImportError as error:
            said[f"{module.__name__}.{name}"] = str(error)
print(json.dumps(said))
"""
    said = fresh_python(WITHOUT_TORCH + program)
    # MaskedAugmenter needs none
    assert len(said) == 1 + len(deep.__all__) + len(augmentation.__all__) - 1
    for name, text in said.items():
        assert text == f'{name} needs PyTorch and skorch: pip install "sklearn-contrastive[deep]"'


def test_closed_forms_need_no_pytorch_and_the_gradient_solver_says_so():
    program = """
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
X = [[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]]
said = []
for estimator in (LinearAutoencoder(1), LinearGAN(1)):
    estimator.fit(X)
    try:
        estimator.set_params(solver="gradient").fit(X)
    except ImportError as error:
        said.append(str(error))
print(json.dumps(said))
"""
    said = fresh_python(WITHOUT_TORCH + program)
    assert len(said) == 2
    assert all('pip install "sklearn-contrastive[deep]"' in text for text in said)


def test_every_name_is_there_and_no_other():
    assert deep is sklearn_contrastive.deep
    for name in deep.__all__:
        assert getattr(deep, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = deep.no_such_name
