"""Fingerprints of functions: what they use by name, and what cannot be seen."""

import importlib
import io
import sys
import threading
import types
import zipfile

import numpy as np
import pytest
import torch
from helpers.trainings import weights_of
from numpy.testing import assert_array_equal
from torch import nn

from sklearn_contrastive.deep import SimCLREmbedder
from sklearn_contrastive.deep._training import fingerprint as fingerprints
from sklearn_contrastive.deep._training.fingerprint import UnseenValueError, fingerprint

X = np.random.default_rng(0).uniform(size=(40, 64)).astype(np.float32)


@pytest.fixture
def user_module(monkeypatch):
    """A module of the user with a function and another module that it uses."""

    def make(source, settings="T = 0.5"):
        inner = types.ModuleType("a_users_settings")
        exec(settings, vars(inner))
        monkeypatch.setitem(sys.modules, "a_users_settings", inner)
        outer = types.ModuleType("a_users_module")
        monkeypatch.setitem(sys.modules, "a_users_module", outer)
        exec(source, vars(outer))
        return outer

    return make


VALUES = ["{}", "({},)", "np.array([{}])", "{{'t': {}}}", "[[{}]]", "types.SimpleNamespace(t={})"]


@pytest.mark.parametrize("value", VALUES)
def test_fingerprints_depend_on_globals_of_every_kind(user_module, value):
    def made(number):
        source = f"import types\nimport numpy as np\nT = {value}\ndef loss(a, b):\n    return T"
        return fingerprint(user_module(source.format(number)).loss)

    assert made(0.5) == made(0.5) != made(2.0)


SOURCES = {
    "attribute of a module": "import a_users_settings as s\ndef loss(a, b):\n    return s.T",
    "getattr": "import a_users_settings as s\ndef loss(a, b):\n    return getattr(s, 'T')",
    "import inside": "def loss(a, b):\n    import a_users_settings\n    return a_users_settings.T",
    "function of a module": "from a_users_settings import scale\ndef loss(a):\n    return scale()",
    "class": "from a_users_settings import Scale\ndef loss(a, b):\n    return Scale.T",
    "property": "from a_users_settings import Scale\ndef loss(a, b):\n    return Scale().twice",
    "nested": "import a_users_settings as s\ndef loss(a, b):\n    return [s.T for _ in a]",
    "slots": "from a_users_settings import slotted\ndef loss(a, b):\n    return slotted.t",
}


@pytest.mark.parametrize("name", SOURCES)
def test_fingerprints_depend_on_what_functions_use_of_other_modules(user_module, name):
    def made(number):
        settings = f"""
T = {number}
def scale():
    return T
class Scale:
    T = ({number},)
    @property
    def twice(self):
        return 2 * T
class Slotted:
    __slots__ = ("t",)
slotted = Slotted()
slotted.t = {number}
"""
        return fingerprint(user_module(SOURCES[name], settings).loss)

    assert made(0.5) == made(0.5) != made(2.0)


class Noise(nn.Module):
    """An augmentation with a private setting."""

    def __init__(self, p):
        super().__init__()
        self._p = p

    def forward(self, batch):
        return batch * self._p


def test_fingerprints_depend_on_private_attributes_and_hooks_of_modules():
    assert fingerprint(Noise(0.5)) == fingerprint(Noise(0.5)) != fingerprint(Noise(2.0))
    hooked = Noise(0.5)
    hooked.register_forward_hook(lambda module, inputs, output: 2 * output)
    assert fingerprint(hooked) != fingerprint(Noise(0.5))


def test_fingerprints_depend_on_attributes_of_functions():
    def loss(z_1, z_2):
        return loss.factor

    loss.factor = 1
    first = fingerprint(loss)
    loss.factor = 2
    assert fingerprint(loss) != first


def test_methods_named_as_functions_that_cannot_be_seen_have_fingerprints():
    assert fingerprint(lambda network: network.eval().open("exec"))


@pytest.fixture
def imported(monkeypatch):
    """Import a module, a file or one in a wheel, from a folder that is not site-packages."""

    def imported_from(folder, name):
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        fingerprints._recorded.cache_clear()
        return importlib.import_module(name)

    yield imported_from
    fingerprints._recorded.cache_clear()


CODE = "__version__ = {version!r}\ndef loss(a, b):\n    return {factor}\n"
RECORD = "a_package/__init__.py,,\na_package-1.dist-info/RECORD,,\n"


@pytest.mark.parametrize("kind", ["target", "dist-packages", "wheel"])
def test_installed_packages_are_known_by_their_version(kind, imported, tmp_path):
    def made(factor, version):
        folder = tmp_path / f"{factor}{version}" / kind
        files = {
            "a_package/__init__.py": CODE.format(factor=factor, version=version),
            "a_package-1.dist-info/METADATA": "Name: a_package\nVersion: 1\n",
            "a_package-1.dist-info/RECORD": RECORD,
        }
        if kind == "wheel":
            folder = folder.with_suffix(".whl")
            folder.parent.mkdir()
            with zipfile.ZipFile(folder, "w") as wheel:
                for name, text in files.items():
                    wheel.writestr(name, text)
        else:
            for name, text in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text)
        return fingerprint(imported(folder, "a_package").loss)

    assert made(1, "1.0") == made(2, "1.0") != made(2, "2.0")


def test_modules_of_the_user_beside_installed_packages_are_known_by_their_code(imported, tmp_path):
    def made(factor):
        folder = tmp_path / str(factor)
        (folder / "a_package-1.dist-info").mkdir(parents=True)
        (folder / "a_package-1.dist-info" / "RECORD").write_text(RECORD)
        (folder / "a_users_file.py").write_text(CODE.format(factor=factor, version="1.0"))
        return fingerprint(imported(folder, "a_users_file").loss)

    assert made(1) != made(2)


def test_a_package_that_a_function_imports_itself_may_be_imported_already(
    imported, tmp_path, monkeypatch
):
    monkeypatch.delitem(sys.modules, "a_package", raising=False)
    package = tmp_path / "site-packages" / "a_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(CODE.format(factor=1, version="1.0"))
    code = "def loss(a, b):\n    from a_package import loss\n    return loss(a, b)\n"
    (tmp_path / "a_users_file.py").write_text(code)
    loss = imported(tmp_path, "a_users_file").loss
    before = fingerprint(loss)
    imported(package.parent, "a_package")
    assert fingerprint(loss) == before


def reads_a_file(batch):
    with open("factor.txt") as file:
        return batch * float(file.read())


UNSEEN = {
    "file": reads_a_file,
    "environment": lambda batch: batch * float(__import__("os").environ["FACTOR"]),
    "names": lambda batch: batch * globals()["FACTOR"],
    "lock": (lambda lock: lambda batch: (lock, batch)[1])(threading.Lock()),
    "generator": (lambda numbers: lambda batch: batch * next(numbers))(x for x in [1.0] * 99),
    "open file": (lambda file: lambda batch: (file, batch)[1])(io.BufferedReader(io.BytesIO())),
    "sparse": (lambda matrix: lambda batch: (matrix, batch)[1])(torch.eye(2).to_sparse()),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_values_that_cannot_be_seen_are_named(name):
    with pytest.raises(UnseenValueError):
        fingerprint(UNSEEN[name])


def test_a_training_that_cannot_be_recognised_is_neither_saved_nor_resumed(tmp_path):
    lock = threading.Lock()

    def guarded(batch):
        with lock:
            return batch

    def make(folder):
        network = nn.Sequential(nn.Flatten(), nn.Linear(64, 8))
        torch.nn.init.ones_(network[1].weight)
        torch.nn.init.zeros_(network[1].bias)
        settings = {"max_epochs": 1, "batch_size": 20, "random_state": 0, "device": "cpu"}
        return SimCLREmbedder(network, augmentations=guarded, checkpoint_dir=folder, **settings)

    with pytest.warns(UserWarning, match="cannot depend on an object of lock.*nor resumed"):
        model = make(tmp_path).fit(X)
    assert list(tmp_path.iterdir()) == []
    assert_array_equal(weights_of(model), weights_of(make(None).fit(X)))
