"""AutoencoderEmbedder: what it learns, what it reads, and how it fails."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from helpers.trainings import CutOff, cut_off_after, weights_of
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_contrastive.deep import AutoencoderEmbedder
from sklearn_contrastive.exceptions import CollapseWarning
from sklearn_contrastive.metrics import principal_angles

DIGITS = (load_digits().data[:200] / 16).astype(np.float32)
IMAGES = DIGITS.reshape(-1, 8, 8)
ROWS = np.random.default_rng(0).normal(size=(60, 5))


def small_encoder():
    """Return an encoder of images that trains fast."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()
    )


def embedder(encoder="auto", **parameters):
    defaults = {"max_epochs": 2, "batch_size": 40, "device": "cpu", "random_state": 0}
    return AutoencoderEmbedder(encoder, **(defaults | parameters))


def spiked(n, n_features, seed):
    """Rows with three strong directions, whose features have other means and units."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(n_features, 3)))[0]
    rows = rng.normal(size=(n, 3)) * [6, 5, 4] @ directions.T + rng.normal(size=(n, n_features))
    return rows * rng.uniform(0.1, 10, n_features) + 20 * rng.normal(size=n_features)


# --- what it learns -------------------------------------------------------------------------------


def test_a_linear_autoencoder_reaches_the_subspace_of_pca():
    X = spiked(600, 12, seed=0)
    model = AutoencoderEmbedder(
        lambda: nn.Linear(12, 3, bias=False),
        decoder="linear",
        max_epochs=60,
        batch_size=60,
        learning_rate=0.02,
        weight_decay=0.0,
        device="cpu",
        random_state=0,
    ).fit(X)
    standardized = StandardScaler().fit_transform(X)
    pca = PCA(3).fit(standardized)
    decoder = model.decoder_[0].weight.detach().numpy().T
    # one degree is .017; an untrained decoder is at about 1.4
    assert principal_angles(decoder, pca.components_).max() < 0.02
    assert principal_angles(model.encoder_[1].weight.detach().numpy(), pca.components_).max() < 0.1
    least = np.mean((standardized - pca.inverse_transform(pca.transform(standardized))) ** 2)
    rows = StandardScaler().fit(X).transform(model.reconstruct(X))
    assert np.mean((standardized - rows) ** 2) == pytest.approx(least, rel=0.01)


@pytest.mark.parametrize("X", [DIGITS, IMAGES], ids=["rows", "images"])
def test_the_error_falls_far_below_that_of_the_mean(X):
    model = embedder(max_epochs=15).fit(X)
    losses = [record["loss"] for record in model.history_]
    assert losses[-1] < 0.7 * losses[0]
    assert losses[-1] < 0.65
    flat = X.reshape(len(X), -1)
    errors = np.mean((model.reconstruct(X) - flat) ** 2)
    assert errors < 0.75 * flat.var(axis=0).mean()


def masked_rows(seed):
    """Rows of twelve features that share two factors, half of the values hidden."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 12)) + 0.1 * rng.normal(size=(400, 12))
    return X, rng.random(X.shape) < 0.4


def test_masked_training_predicts_hidden_features_better_than_the_mean():
    X, hidden = masked_rows(0)
    parameters = {"max_epochs": 60, "n_components": 4}
    masked = embedder(mask_rate=0.4, **parameters).fit(X)
    plain = embedder(**parameters).fit(X)
    means = X.mean(axis=0)
    errors = {}
    for name, model in {"masked": masked, "plain": plain}.items():
        predicted = model.reconstruct(np.where(hidden, means, X))
        errors[name] = np.mean((predicted - X)[hidden] ** 2)
    of_mean = np.mean((means - X)[hidden] ** 2)
    assert errors["masked"] < 0.5 * of_mean
    assert errors["masked"] < 0.8 * errors["plain"]


def test_masked_training_predicts_hidden_pixels_better_than_the_mean():
    model = embedder(mask_rate=0.3, patch_size=2, max_epochs=20).fit(IMAGES)
    hidden = np.zeros((8, 8), dtype=bool)
    hidden[2:6, 4:6] = True
    # hidden pixels are at the mean of all pixels, as in training
    predicted = model.reconstruct(np.where(hidden, IMAGES.mean(), IMAGES)).reshape(-1, 8, 8)
    errors = ((predicted - IMAGES) ** 2)[:, hidden].mean()
    assert errors < 0.8 * IMAGES[:, hidden].var(axis=0).mean()


def test_the_units_of_features_do_not_matter():
    scales = np.array([1e-3, 1.0, 50.0, 1e4, 7.0])
    loss = embedder().fit(ROWS).history_[-1]["loss"]
    scaled = embedder().fit(ROWS * scales + 3 * scales)
    assert scaled.history_[-1]["loss"] == pytest.approx(loss, rel=1e-3)
    rows = scaled.reconstruct(ROWS * scales + 3 * scales)
    assert_allclose(rows / scales - 3, embedder().fit(ROWS).reconstruct(ROWS), atol=2e-3)


# --- what it reads --------------------------------------------------------------------------------


def test_two_dimensional_arrays_are_rows_unless_they_have_the_shape_of_images():
    rows = embedder(max_epochs=1).fit(DIGITS)
    assert rows.image_shape_ == (1, 1, 64)
    assert rows.transform(DIGITS).shape == (200, 32)
    images = embedder(max_epochs=1, image_shape=(8, 8)).fit(DIGITS)
    assert images.image_shape_ == (8, 8, 1)
    assert_array_equal(
        images.transform(DIGITS), embedder(max_epochs=1).fit(IMAGES).transform(IMAGES)
    )


@pytest.mark.parametrize(
    "convert",
    [
        pd.DataFrame,
        lambda X: pl.DataFrame(X, schema=[str(i) for i in range(5)]),
        torch.tensor,
        np.ndarray.tolist,
        np.asfortranarray,
        lambda X: X.astype(np.float32),
    ],
)
def test_a_table_may_have_any_container(convert):
    X = ROWS.astype(np.float32).astype(float)
    expected = embedder(max_epochs=1).fit(X).transform(X)
    model = embedder(max_epochs=1).fit(convert(X))
    assert_allclose(model.transform(convert(X)), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 5), (1, 1, 5)])
def test_a_shape_of_one_pixel_in_height_means_rows(shape):
    expected = embedder(max_epochs=1).fit(ROWS).transform(ROWS)
    found = embedder(max_epochs=1, image_shape=shape).fit(ROWS)
    assert_array_equal(found.transform(ROWS), expected)
    dataset = [torch.from_numpy(row) for row in ROWS]

    class Rows(torch.utils.data.Dataset):
        def __len__(self):
            return len(dataset)

        def __getitem__(self, number):
            return dataset[number]

    of_dataset = embedder(max_epochs=1, image_shape=shape).fit(Rows())
    assert_allclose(of_dataset.transform(Rows()), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(9, 7, 3), (30, 5, 1), (5, 1, 1), (2, 3, 5)])
def test_images_of_any_shape_come_back(shape):
    images = np.random.default_rng(0).integers(0, 256, (20, *shape), dtype=np.uint8)
    model = embedder(max_epochs=1, batch_size=10, image_shape=shape).fit(images)
    decoded = model.inverse_transform(model.transform(images))
    assert decoded.shape == (20, np.prod(shape))
    assert decoded.dtype == np.float32
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    assert_array_equal(decoded, model.reconstruct(images))
    assert decoded.reshape(-1, *model.image_shape_).shape == images.shape


@pytest.mark.parametrize(("shape", "n_features"), [((20, 1, 9), 9), ((20, 3, 1, 7), 21)])
def test_images_one_pixel_high_are_refused(shape, n_features):
    with pytest.raises(ValueError, match=rf"one pixel high.*X\.reshape\(len\(X\), {n_features}\)"):
        embedder(batch_size=10).fit(np.zeros(shape, dtype=np.float32))


def test_colours_come_back_in_their_channels():
    rng = np.random.default_rng(0)
    images = np.broadcast_to(rng.random((80, 1, 1, 3)), (80, 6, 6, 3)).astype(np.float32)
    model = embedder(
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        decoder="linear",
        max_epochs=60,
        learning_rate=0.05,
    ).fit(images)
    decoded = model.reconstruct(images).reshape(images.shape)
    for channel in range(3):
        found = np.corrcoef(decoded[..., channel].ravel(), images[..., channel].ravel())[0, 1]
        assert found > 0.9


def test_constant_features_and_large_offsets_come_back():
    X = ROWS.copy()
    X[:, 1] = 7.5
    X[:, 2] += 1e4
    model = embedder(max_epochs=40, n_components=5).fit(X)
    rows = model.reconstruct(X)
    assert_allclose(rows[:, 1], 7.5, atol=0.5)
    assert np.mean((rows[:, 2] - X[:, 2]) ** 2) < 0.8 * X[:, 2].var()
    assert np.isfinite(rows).all()


def test_outputs_are_data_frames_on_request():
    frame = pd.DataFrame(ROWS, columns=list("abcde"))
    model = embedder(max_epochs=1).set_output(transform="pandas").fit(frame)
    codes = model.transform(frame)
    assert list(codes.columns) == [f"autoencoderembedder{i}" for i in range(3)]
    assert_array_equal(model.inverse_transform(codes), model.reconstruct(frame))


# --- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("X", "width"), [(ROWS, 3), (IMAGES, 512)], ids=["rows", "images"])
def test_n_components_is_the_width_of_the_code(X, width):
    assert embedder(max_epochs=1).fit(X).transform(X).shape[1] == width
    model = embedder(max_epochs=1, n_components=2).fit(X)
    assert model.transform(X).shape[1] == 2
    assert len(model.get_feature_names_out()) == 2


def test_patch_size_is_not_used_for_rows():
    found = [
        embedder(max_epochs=1, mask_rate=0.5, patch_size=size).fit(ROWS).transform(ROWS)
        for size in (1, 4)
    ]
    assert_array_equal(*found)


def test_a_code_of_one_sign_is_no_collapse_but_a_constant_one_is():
    class Constant(nn.Module):
        def __init__(self, offset):
            super().__init__()
            self.layer, self.offset = nn.Linear(5, 1), offset

        def forward(self, rows):
            changing = torch.sigmoid(self.layer(rows)) if self.offset is None else 0 * rows[:, :1]
            return changing + (self.layer.bias * 0 + (self.offset or 0))

    with warnings.catch_warnings():
        warnings.simplefilter("error", CollapseWarning)
        embedder(lambda: Constant(None)).fit(ROWS)
    with pytest.warns(CollapseWarning, match="Lower the learning rate, or give another"):
        embedder(lambda: Constant(2.0)).fit(ROWS)


BAD = {
    "a network of images": (ROWS, {"encoder": "resnet18"}, "'resnet18' is for images, and X hol"),
    "pretrained rows": (ROWS, {"pretrained": True}, "pretrained=True is for images, and X holds"),
    "a code of no width": (ROWS, {"n_components": 0}, "The 'n_components' parameter"),
    "nothing to see": (ROWS, {"mask_rate": 1.0}, "The 'mask_rate' parameter"),
    "another name": (ROWS, {"decoder": "mlp"}, "The 'decoder' parameter"),
    "another size": (IMAGES, {"decoder": lambda: nn.Linear(512, 63)}, "returned 63 values for"),
    "another width": (ROWS, {"encoder": nn.Linear(4, 2)}, "encoder cannot take samples of shape"),
    "too bright": (IMAGES * 16, {}, "largest value is 16; they must be in"),
    "a missing value": (np.where(ROWS > 2, np.nan, ROWS), {}, "Input X contains NaN"),
    "an infinite value": (np.where(ROWS > 2, np.inf, ROWS), {}, "Input X contains infinity"),
    "no rows": (ROWS[:0], {}, "0 sample"),
    "one row": (ROWS[:1], {}, "1 sample"),
    "no features": (ROWS[:, :0], {}, "0 feature"),
    "a vector": (ROWS[:, 0], {}, "Expected 2D array, got 1D array"),
    "words": (np.array([["a", "b"]] * 9), {}, "not compatible with arrays of bytes/strings"),
    "too fast": (ROWS, {"learning_rate": 1e30, "optimizer": "sgd"}, "diverged"),
}


@pytest.mark.filterwarnings("ignore:batch_size")
@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("name", BAD)
def test_errors_say_what_was_given_and_the_earlier_fit_stays(name):
    X, parameters, message = BAD[name]
    model = embedder(max_epochs=1).fit(ROWS)
    expected = model.transform(ROWS)
    with pytest.raises(ValueError, match=message):
        model.set_params(**parameters).fit(X)
    assert_array_equal(model.transform(ROWS), expected)


def test_codes_of_another_width_are_refused():
    model = embedder(max_epochs=1)
    with pytest.raises(NotFittedError):
        model.inverse_transform(ROWS)
    with pytest.raises(AttributeError, match="has no decoder_ yet"):
        _ = model.decoder_
    model.fit(ROWS)
    with pytest.raises(ValueError, match=r"X has 5 columns, and a code of this Auto.* has 3"):
        model.inverse_transform(ROWS)
    with pytest.raises(ValueError, match="contains NaN"):
        model.inverse_transform(np.full((2, 3), np.nan))
    with pytest.raises(ValueError, match="infinity or a value too large"):
        model.inverse_transform(np.full((2, 3), 1e300))
    with pytest.raises(ValueError, match=r"X has 4 features, but Auto.* is expecting 5"):
        model.transform(ROWS[:, :4])


# --- the training ---------------------------------------------------------------------------------


def test_a_fit_is_repeatable_and_leaves_the_global_random_state():
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002, the state that must not change
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = embedder(small_encoder, mask_rate=0.5, patch_size=2).fit(IMAGES)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    torch.manual_seed(4)
    assert_array_equal(weights_of(clone(first).fit(IMAGES)), weights_of(first))
    other = clone(first).set_params(random_state=1).fit(IMAGES)
    assert not np.allclose(weights_of(other), weights_of(first))


def test_an_interrupted_training_resumes_with_the_same_bits(tmp_path, monkeypatch):
    parameters = {"max_epochs": 4, "mask_rate": 0.4}
    expected = weights_of(embedder(**parameters).fit(ROWS))
    with monkeypatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            embedder(checkpoint_dir=tmp_path, **parameters).fit(ROWS)
    with monkeypatch.context() as patched:
        trained = cut_off_after(100, patched)
        resumed = embedder(checkpoint_dir=tmp_path, **parameters).fit(ROWS)
    assert len(trained) == 2
    assert_array_equal(weights_of(resumed), expected)
    assert resumed.n_iter_ == 4


def test_another_mask_rate_is_another_training(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            embedder(checkpoint_dir=tmp_path, max_epochs=4).fit(ROWS)
    trained = cut_off_after(100, monkeypatch)
    embedder(checkpoint_dir=tmp_path, max_epochs=4, mask_rate=0.2).fit(ROWS)
    assert len(trained) == 4


def test_partial_fit_continues_with_the_units_of_the_first_rows():
    model = embedder(max_epochs=10).partial_fit(ROWS)
    loss = model.history_[-1]["loss"]
    mean = model.decoder_[1].mean.clone()
    model.partial_fit(ROWS + 0.1)
    assert torch.equal(model.decoder_[1].mean, mean)
    assert model.n_iter_ == 20
    assert model.history_[-1]["loss"] < loss
    with pytest.raises(ValueError, match="expecting 5 features"):
        model.partial_fit(ROWS[:, :4])


def test_few_samples_are_one_batch():
    with pytest.warns(UserWarning, match="batch_size=40 is more than the 2 rows"):
        model = embedder(max_epochs=1).fit(ROWS[:2])
    assert model.transform(ROWS).shape == (60, 3)
    one_column = embedder(max_epochs=1).fit(ROWS[:, :1])
    assert one_column.transform(ROWS[:, :1]).shape == (60, 1)


def test_neighbours_of_labelled_rows_are_recorded():
    labels = load_digits().target[:200]
    model = embedder(max_epochs=2).fit(DIGITS, X_val=DIGITS, y_val=labels)
    assert all(0 <= record["knn_accuracy"] <= 1 for record in model.history_)


# --- files ----------------------------------------------------------------------------------------


FITTED = {
    "rows": lambda: (embedder(max_epochs=1), ROWS),
    "data frame": lambda: (embedder(max_epochs=1), pd.DataFrame(ROWS, columns=list("abcde"))),
    "images": lambda: (embedder("resnet_narrow", max_epochs=1, n_components=3), IMAGES),
    "linear": lambda: (embedder(max_epochs=1, decoder="linear", image_shape=(8, 8)), DIGITS),
}


@pytest.mark.parametrize("make", FITTED.values(), ids=FITTED)
def test_a_loaded_autoencoder_returns_the_same_bits(make, tmp_path):
    model, X = make()
    model.fit(X).save(tmp_path / "model.safetensors")
    loaded = AutoencoderEmbedder.load(tmp_path / "model.safetensors")
    assert_array_equal(loaded.transform(X), model.transform(X))
    assert_array_equal(loaded.reconstruct(X), model.reconstruct(X))
    assert loaded.history_ == model.history_
    assert loaded.image_shape_ == model.image_shape_
    assert loaded.partial_fit(X).n_iter_ == 2


def test_code_of_the_user_is_passed_to_load(tmp_path):
    path = tmp_path / "model.safetensors"

    def decoder():
        return nn.Sequential(nn.Linear(3, 7), nn.Tanh(), nn.Linear(7, 5))

    model = embedder(max_epochs=1, decoder=decoder).fit(ROWS)
    model.save(path)
    with pytest.raises(ValueError, match=r"module of your own as decoder.*load\(path, decoder=..."):
        AutoencoderEmbedder.load(path)
    loaded = AutoencoderEmbedder.load(path, decoder=decoder)
    assert_array_equal(loaded.reconstruct(ROWS), model.reconstruct(ROWS))
    with pytest.raises(ValueError, match=r"They must be those of encoder='mlp', decoder='linear'"):
        AutoencoderEmbedder.load(path, decoder="linear")
    with pytest.raises(ValueError, match=r"has codes of 3 features, and n_components=\d+\. Give"):
        AutoencoderEmbedder.load(path, decoder=decoder, n_components=10**9)
    with pytest.raises(ValueError, match="n_components was set to 2 after fit"):
        model.set_params(n_components=2).save(path)


def test_the_encoder_runs_without_pytorch(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = embedder("resnet_narrow", max_epochs=1, n_components=3).fit(IMAGES)
    model.to_onnx(tmp_path / "encoder.onnx")
    session = onnxruntime.InferenceSession(
        tmp_path / "encoder.onnx", providers=["CPUExecutionProvider"]
    )
    (codes,) = session.run(None, {"images": IMAGES[:, None]})
    assert_allclose(codes, model.transform(IMAGES), atol=1e-5)
