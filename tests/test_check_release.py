"""The rehearsal of a release rejects distributions with stray, missing or too many bytes."""

import importlib.util
import io
import tarfile
import zipfile

import pytest
from helpers.references import ROOT

SPEC = importlib.util.spec_from_file_location("check_release", ROOT / "tools" / "check_release.py")
check_release = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check_release)

PACKAGE = {"sklearn_contrastive/__init__.py", "sklearn_contrastive/py.typed"}
INFO = "sklearn_contrastive-1.dist-info"
WHEEL = PACKAGE | {f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")}
TRACKED = {"pyproject.toml", "sklearn_contrastive/__init__.py"}


@pytest.fixture
def wheel(tmp_path):
    def made(names):
        path = tmp_path / "sklearn_contrastive-1-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "content")
        return path

    return made


@pytest.fixture
def source(tmp_path):
    def made(names):
        path = tmp_path / "sklearn_contrastive-1.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name in names:
                archive.addfile(tarfile.TarInfo(f"sklearn_contrastive-1/{name}"), io.BytesIO())
        return path

    return made


def test_complete_distributions_are_accepted(wheel, source, capsys):
    check_release.check_wheel(wheel(WHEEL), PACKAGE)
    check_release.check_source(source({*TRACKED, "PKG-INFO"}), TRACKED)
    check_release.check_source(source({"PKG-INFO"}), None)  # unpacked, without a repository
    assert "6 files" in capsys.readouterr().out


@pytest.mark.parametrize("stray", ["tests/test_loss.py", f"{INFO}/notes.txt", "setup.py"])
def test_stray_files_in_the_wheel_are_refused(wheel, stray):
    with pytest.raises(check_release.Rejected, match=f"The wheel has: {stray}"):
        check_release.check_wheel(wheel({*WHEEL, stray}), PACKAGE)


def test_weights_in_the_package_are_refused(wheel):
    weights = "sklearn_contrastive/resnet.safetensors"
    with pytest.raises(check_release.Rejected, match=f"code only, not: {weights}"):
        check_release.check_wheel(wheel({*WHEEL, weights}), {*PACKAGE, weights})


@pytest.mark.parametrize("missing", sorted(WHEEL))
def test_missing_files_of_the_wheel_are_named(wheel, missing):
    with pytest.raises(check_release.Rejected, match=f"The wheel lacks: {missing}"):
        check_release.check_wheel(wheel(WHEEL - {missing}), PACKAGE)


def test_the_source_has_the_files_of_the_repository(source):
    with pytest.raises(check_release.Rejected, match=r"that git does not: data\.csv"):
        check_release.check_source(source({*TRACKED, "data.csv"}), TRACKED)
    with pytest.raises(check_release.Rejected, match=r"lacks: pyproject\.toml"):
        check_release.check_source(source(TRACKED - {"pyproject.toml"}), TRACKED)


def test_large_distributions_are_refused(wheel, monkeypatch):
    monkeypatch.setattr(check_release, "LARGEST_WHEEL", 100)
    with pytest.raises(check_release.Rejected, match="the limit is 100"):
        check_release.check_wheel(wheel(WHEEL), PACKAGE)
