"""The findings of SimCLR in miniature: the rule of the verdicts, data, losses, and tiny runs."""

import json
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from benchmarks.images._image_data import Emoji, LabelledImages
from benchmarks.report import page_batch_sizes, page_simclr_findings, records
from benchmarks.simclr import _finding as finding
from benchmarks.simclr import _image_sets as image_sets
from benchmarks.simclr import _pair_losses as pair_losses
from benchmarks.simclr import invariances
from benchmarks.simclr.__main__ import MODULES
from benchmarks.simclr.__main__ import main as every_finding
from benchmarks.simclr._judge import (
    NOT_REPRODUCED,
    POINT,
    REPRODUCED,
    UNCLEAR,
    Claim,
    Contrast,
    better,
    judged,
    t_interval,
    verdict_of,
)
from benchmarks.simclr._networks import settings
from benchmarks.simclr._scale import SCALES, Scale
from benchmarks.simclr._supervised import SupervisedNetwork
from sklearn_contrastive.deep import nt_xent_loss

TINY = Scale(64, 40, 1, 32, True, (4, 8, 8))

seeds = st.integers(0, 2**32 - 1)


# --- the rule ------------------------------------------------------------------------------------


@given(seed=seeds, n=st.integers(2, 9), confidence=st.floats(0.5, 0.999))
def test_the_interval_is_that_of_the_t_test(seed, n, confidence):
    values = np.random.default_rng(seed).normal(size=n)
    expected = ttest_1samp(values, 0).confidence_interval(confidence)
    np.testing.assert_allclose(t_interval(values, confidence), expected)


def test_one_seed_has_no_interval():
    with pytest.raises(ValueError, match="at least two seeds, but there is 1"):
        t_interval([0.1])


@pytest.mark.parametrize(
    ("contrasts", "verdict"),
    [
        ([[0.03, 0.04, 0.05]], REPRODUCED),
        ([[-0.03, -0.04, -0.05]], NOT_REPRODUCED),
        ([[-0.001, 0.0, 0.001]], NOT_REPRODUCED),  # an advantage of a point is excluded
        ([[0.001, 0.0011, 0.0009]], REPRODUCED),  # small, but certain
        ([[-0.05, 0.02, 0.09]], UNCLEAR),
        ([[0.03, 0.04, 0.05], [-0.05, 0.02, 0.09]], UNCLEAR),
        ([[0.03, 0.04, 0.05], [-0.03, -0.04, -0.05]], NOT_REPRODUCED),
        ([[-0.05, 0.02, 0.09], [-0.03, -0.04, -0.05]], NOT_REPRODUCED),
    ],
)
def test_verdicts_of_small_examples(contrasts, verdict):
    assert verdict_of(contrasts) == verdict


@given(seed=seeds, n_seeds=st.integers(2, 6), n_contrasts=st.integers(1, 5))
def test_a_claim_and_its_opposite_are_never_both_reproduced(seed, n_seeds, n_contrasts):
    rng = np.random.default_rng(seed)
    contrasts = rng.normal(rng.normal(0, 0.1, (n_contrasts, 1)), 0.03, (n_contrasts, n_seeds))
    assert {verdict_of(contrasts), verdict_of(-contrasts)} != {REPRODUCED}


@given(seed=seeds, n_seeds=st.integers(2, 6), n_contrasts=st.integers(1, 5))
def test_larger_differences_never_make_a_worse_verdict(seed, n_seeds, n_contrasts):
    rng = np.random.default_rng(seed)
    contrasts = rng.normal(rng.normal(0, 0.05, (n_contrasts, 1)), 0.03, (n_contrasts, n_seeds))
    order = [NOT_REPRODUCED, UNCLEAR, REPRODUCED]
    ranks = [order.index(verdict_of(contrasts + shift)) for shift in (-0.1, 0.0, 0.1)]
    assert ranks == sorted(ranks)


def test_true_claims_are_rarely_refuted_and_false_ones_rarely_reproduced():
    rng = np.random.default_rng(0)
    n_draws = 200
    true = rng.normal(POINT, 0.02, (n_draws, 8, 4))
    refuted = np.mean([verdict_of(each) == NOT_REPRODUCED for each in true])
    false = rng.normal(0.1, 0.02, (n_draws, 8, 4))
    false[:, 0] -= 0.1
    reproduced = np.mean([verdict_of(each) == REPRODUCED for each in false])
    # 5 % and 2.5 % at most, with three standard errors of 200 draws
    assert refuted < 0.05 + 0.046
    assert reproduced < 0.025 + 0.033


def test_a_judged_claim_has_its_contrasts_seed_by_seed():
    scores = {"a": [0.5, 0.6], "b": [0.1, 0.4], "c": [0.0, 0.1], "d": [0.2, 0.1]}
    contrast = Contrast(("a", "d"), ("b", "c"))
    np.testing.assert_allclose(contrast.of(scores), [0.6, 0.2])
    found = judged(Claim("a statement", (contrast, better("a", "b")), "1"), scores)
    assert [each["mean"] for each in found["contrasts"]] == pytest.approx([0.4, 0.3])
    for each, values in zip(found["contrasts"], ([0.6, 0.2], [0.4, 0.2]), strict=True):
        assert (each["low"], each["high"]) == pytest.approx(t_interval(values))
    assert found["verdict"] == verdict_of([[0.6, 0.2], [0.4, 0.2]])


# --- data ----------------------------------------------------------------------------------------


def random_clothes():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 28, 28), dtype=np.uint8)
    label = np.arange(300) % 10
    return LabelledImages("random", images[:200], label[:200], images[200:], label[200:])


@pytest.fixture
def clothes(monkeypatch):
    """Random images in place of Fashion-MNIST."""
    given = random_clothes()
    monkeypatch.setattr(image_sets, "clothes", lambda: given)
    return given


def test_halved_images_are_means_of_four_pixels():
    rng = np.random.default_rng(0)
    for shape in ((3, 6, 8), (3, 6, 8, 3)):
        images = rng.integers(0, 256, shape, dtype=np.uint8)
        halved = image_sets.halved(images)
        assert halved.dtype == np.uint8
        for i, j in np.ndindex(3, 4):
            four = images[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean(axis=(1, 2))
            np.testing.assert_array_equal(halved[:, i, j], four.round())


def test_tints_keep_the_brightness_of_the_pixels_in_order():
    images = np.tile(np.array([0, 128, 255], dtype=np.uint8), (50, 1, 1))
    dark, middle, bright = np.moveaxis(
        image_sets.tinted(images, np.random.default_rng(0))[:, 0].astype(int), 1, 0
    )
    assert dark.max() <= 77  # the value of HSV is the largest channel
    assert bright.max(axis=1).min() >= 178
    assert np.abs(middle - (127 * dark + 128 * bright) / 255).max() <= 1
    assert len(np.unique(bright, axis=0)) == 50


@pytest.mark.parametrize("name", [image_sets.GREY, image_sets.TINTED, image_sets.COLOUR])
def test_a_seed_draws_the_same_images_again_and_another_seed_others(name, clothes):
    first, again, other = (image_sets.image_set(name, TINY, seed) for seed in (0, 0, 1))
    side = 16 if name == image_sets.COLOUR else 14
    colours = () if name == image_sets.GREY else (3,)
    assert first.train.shape == (TINY.n_train, side, side, *colours)
    assert first.test.shape == (TINY.n_test, side, side, *colours)
    assert len(first.y_train) == TINY.n_train
    np.testing.assert_array_equal(first.train, again.train)
    assert not np.array_equal(first.train, other.train)


def test_both_pictures_of_an_emoji_are_on_one_side(monkeypatch):
    n = 40
    base = np.tile(np.arange(n), 2)
    pictures = np.broadcast_to(base[:, None, None, None], (2 * n, 64, 64, 3)).astype(np.uint8)
    emoji = Emoji(pictures, np.array(["a", "b"])[base % 2], np.repeat(["x", "y"], n), base)
    monkeypatch.setattr(image_sets, "pictures_of_emoji", lambda: emoji)
    data = image_sets.image_set(image_sets.EMOJI, TINY, 0)
    assert data.train.shape == (60, 16, 16, 3)
    assert data.test.shape == (20, 16, 16, 3)
    assert not set(data.train[:, 0, 0, 0]) & set(data.test[:, 0, 0, 0])
    np.testing.assert_array_equal(data.y_train, data.train[:, 0, 0, 0] % 2)


# --- losses and the supervised network -----------------------------------------------------------


def a_pair(seed=0, n=6, k=4):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, k, generator=generator, dtype=torch.float64).unbind()


def test_losses_with_semi_hard_negatives_agree_with_loops():
    z_1, z_2 = a_pair()
    units = [z / z.norm() for z in torch.cat([z_1, z_2])]
    n, margins, logistics = len(z_1), [], []
    for i, anchor in enumerate(units):
        partner = (i + n) % (2 * n)
        positive = float(anchor @ units[partner])
        others = [float(anchor @ units[j]) for j in range(2 * n) if j not in (i, partner)]
        easier = [s for s in others if s < positive]
        negative = max(easier) if easier else min(others)
        margins.append(max(negative - positive + 0.3, 0.0))
        logistics.append(np.log1p(np.exp(-positive / 0.2)) + np.log1p(np.exp(negative / 0.2)))
    assert float(pair_losses.margin_loss(z_1, z_2, 0.3)) == pytest.approx(np.mean(margins))
    assert float(pair_losses.logistic_loss(z_1, z_2, 0.2)) == pytest.approx(np.mean(logistics))


def test_without_norm_nt_xent_of_unit_vectors_is_nt_xent():
    z_1, z_2 = (torch.nn.functional.normalize(z) for z in a_pair(1))
    found = pair_losses.nt_xent_without_norm(z_1, z_2, 0.5)
    torch.testing.assert_close(found, nt_xent_loss(z_1, z_2, 0.5))
    scaled = pair_losses.nt_xent_without_norm(3 * z_1, 3 * z_2, 4.5)
    torch.testing.assert_close(scaled, nt_xent_loss(z_1, z_2, 0.5))


@pytest.mark.parametrize("name", ["margin_loss", "logistic_loss", "nt_xent_without_norm"])
def test_losses_have_finite_gradients(name):
    z_1, z_2 = (z.requires_grad_() for z in a_pair(2))
    getattr(pair_losses, name)(z_1, z_2, 0.5).backward()
    for z in (z_1, z_2):
        assert bool(z.grad.isfinite().all())
        assert bool((z.grad != 0).any())


def test_the_supervised_network_learns_labels_that_are_visible():
    rng = np.random.default_rng(0)
    label = np.arange(120) % 3
    images = rng.integers(0, 40, (120, 8, 8, 3), dtype=np.uint8)
    images[np.arange(120), :, :, label] += 200
    parameters = settings(TINY, images) | {
        "augmentations": "crop",
        "max_epochs": 10,
        "learning_rate": 0.01,
    }
    network = SupervisedNetwork(
        **parameters | {"projection_head": "linear", "projection_dim": 3, "random_state": 0}
    )
    network.fit(images[:90], label[:90])
    assert network.accuracy(images[90:], label[90:]) > 0.9
    assert network.transform(images).shape == (120, 8)


# --- the findings --------------------------------------------------------------------------------


def test_transformations_change_the_chosen_images_only():
    rng = np.random.default_rng(0)
    images = rng.integers(40, 200, (12, 6, 6, 3), dtype=np.uint8)
    for name, (transform, n_classes, _) in invariances.TRANSFORMATIONS.items():
        label = np.arange(12) % n_classes
        changed = transform(images, label, rng)
        assert changed.dtype == np.uint8
        assert changed.shape == images.shape
        same = (changed == images).all(axis=(1, 2, 3))
        np.testing.assert_array_equal(same, label == 0, err_msg=name)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_tiny_run_makes_a_record_with_verdicts(module, clothes, monkeypatch, tmp_path):
    path = tmp_path / "record.json"
    arguments = ["finding", "--quick", "--jobs", "1", "--output", str(path)]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setitem(finding.SCALES, "quick", TINY)
    finding.run_finding(module.FINDING)
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["settings"]["sizes"]["n_train"] == TINY.n_train
    scores, claims = record["results"]["scores"], record["results"]["claims"]
    assert all(len(values) == 2 for values in scores.values())
    assert all(0 <= value <= 1 for values in scores.values() for value in values)
    assert [claim["statement"] for claim in claims] == [
        claim.statement for claim in module.FINDING.claims
    ]
    assert {claim["verdict"] for claim in claims} <= {REPRODUCED, NOT_REPRODUCED, UNCLEAR}


def test_another_scale_has_a_record_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["finding", "--scale", "huge"])
    with pytest.raises(SystemExit, match="choose one of quick, miniature, full"):
        finding.run_finding(MODULES[0].FINDING)
    assert set(SCALES) == {"quick", "miniature", "full"}


def test_all_findings_have_no_common_file(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["findings", "--output", "record.json"])
    with pytest.raises(SystemExit, match="file of one finding"):
        every_finding()


def test_two_cases_with_one_name_are_refused():
    outcomes = {(1,): [{"a": 0.1}], (2,): [{"a": 0.2}]}
    with pytest.raises(ValueError, match="Two cases have the score 'a'"):
        finding.scores_of(outcomes, 1)


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_contrasts", [1, 4])
def test_the_page_says_the_verdict_and_both_numbers_in_two_sentences(n_contrasts, monkeypatch):
    contrasts = (better("a", "b"), *[better("a", "c")] * (n_contrasts - 1))
    claim = Claim("A is better than b", contrasts, "3 points")
    scores = {"a": [0.51, 0.53], "b": [0.4, 0.42], "c": [0.3, 0.32]}
    found = {"scores": scores, "claims": [judged(claim, scores)]}
    monkeypatch.setattr(page_simclr_findings, "results", lambda name: found)
    first, second = page_simclr_findings.sentences("simclr.some").split("**. ")
    assert first == "A is better than b: **reproduced"
    which = "" if n_contrasts == 1 else ", the smallest of 4 differences"
    assert second == (
        f'Here "a" 0.520 against "b" 0.410{which}: +0.110 (+0.110 to +0.110); '
        "the paper, on ImageNet: 3 points."
    )


def test_without_a_record_of_batch_sizes_there_is_no_page(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "ROOT", tmp_path)
    assert page_batch_sizes.page() is None


def test_the_heat_map_has_a_cell_for_each_pair(monkeypatch):
    names = ["a", "b", "a + b"]
    scores = {name: [0.1 * (i + 1)] for i, name in enumerate(names)}
    monkeypatch.setattr(page_simclr_findings, "results", lambda name: {"scores": scores})
    (axes,) = page_simclr_findings.draw_pairs("simclr.some").axes
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.1, 0.3], [0.3, 0.2]])
    assert [text.get_text() for text in axes.texts] == ["10", "30", "30", "20"]
