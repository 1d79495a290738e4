"""Images, scores and page of the comparison of contrastive and generative networks."""

import json

import numpy as np
import pytest

from benchmarks.images import generative
from benchmarks.images._image_data import LabelledImages
from benchmarks.report import page as report_page
from benchmarks.report import page_generative_images as module
from benchmarks.report import records


@pytest.fixture
def images(monkeypatch):
    """Training and test images, each with its number as its grey level."""
    numbers = np.arange(100, dtype=np.uint8)
    levels = np.broadcast_to(numbers[:, None, None], (100, 28, 28))
    labels = numbers % 10
    data = LabelledImages("some", levels, labels, levels + 100, labels)
    monkeypatch.setattr(generative, "fashion_mnist", lambda: data)
    return data


def numbers_of(images):
    return set(np.round(images[:, 0, 0] * 255).astype(int))


def test_validation_images_are_neither_training_nor_test_images(images):
    sizes = (50, 20, 30)
    test = generative.split("Fashion-MNIST", 3, sizes)
    validation = generative.split("Fashion-MNIST", 3, sizes, validation=True)
    assert [len(test.train), len(test.test), len(validation.test)] == [50, 30, 20]
    assert min(numbers_of(test.test)) >= 100  # the test images of the set
    assert numbers_of(validation.test) < set(range(100)) - numbers_of(validation.train)
    np.testing.assert_array_equal(test.train, validation.train)


def test_the_noise_of_a_pixel_has_one_deviation_in_all_images(images):
    data = generative.split("Fashion-MNIST with noise", 0, (90, 0, 90))
    for part in (data.train, data.test):
        assert part.dtype == np.float32
        assert part.min() >= 0
        assert part.max() <= 1
    deviations = [part.std(axis=0).ravel() for part in (data.train, data.test)]
    # grey levels differ by a constant deviation, at most .03 here; noise by up to .2
    assert np.corrcoef(*deviations)[0, 1] > 0.9
    assert deviations[0].max() > 3 * deviations[0].min()


def test_both_parts_are_in_the_unit_of_the_training_rows():
    rng = np.random.default_rng(0)
    rows = 5 + 3 * rng.normal(size=(400, 6))
    train, test = generative.in_one_unit(rows[:300], rows[300:])
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-12)
    assert np.mean(train**2) == pytest.approx(1)
    np.testing.assert_allclose(
        np.diff(test, axis=0), np.diff(rows[300:], axis=0) / rows[:300].std(axis=0).mean(), rtol=0.1
    )


def record():
    """A record in which one contrastive training is ahead by 0.1 with few labels."""
    accuracies = {
        title: {"100": 0.5, "1000": 0.6, "5000": 0.7, "kNN": 0.6}
        for title in (*module.WITHOUT, *module.CONTRASTIVE, *module.GENERATIVE)
    }
    for title in (*module.CONTRASTIVE, *module.GENERATIVE):
        accuracies[title] |= {"s": 20.0, "epochs": 5}
    accuracies[module.SIMCLR] |= {"1000": 0.7}
    other = {
        title: {key: value + 0.01 for key, value in each.items()}
        for title, each in accuracies.items()
    }
    names = ("Fashion-MNIST", "MNIST-5k")
    return {
        "command": "python -m benchmarks.images.generative",
        "date": "2026-01-01",
        "versions": {"numpy": "2.4", "scikit-learn": "1.9", "torch": "2.14"},
        "machine": {"processor": "A processor", "cores": 2},
        "settings": {"epochs": 5, "sizes": [5000, 1000, 2000], "noise": [0.05, 2.0]},
        "seeds": [0, 1],
        "results": {
            "scores": {name: [accuracies, other] for name in names},
            "rates": {name: {"0.5": 0.6} for name in names},
            "chosen": dict.fromkeys(names, 0.5),
        },
    }


def test_the_page_says_who_is_ahead(tmp_path, monkeypatch):
    path = tmp_path / "benchmarks" / "images" / "results" / "generative.json"
    path.parent.mkdir(parents=True)
    for each in (records, report_page):
        monkeypatch.setattr(each, "ROOT", tmp_path)
    records.read.cache_clear()
    assert module.page() is None
    path.write_text(json.dumps(record()))
    page = module.page()
    assert "1000 labels: +0.100, +0.100." in page.headline
    assert "SimCLR on MNIST-5k (0.705)" in page.verdict
    assert len(page.headline) <= 95
    assert len(page.verdict) <= 330
    assert "5000 labels +0.000 ± 0.000" in " ".join(page.text().split())
    page.pictures[0].write(tmp_path / "picture.png")
    records.read.cache_clear()
