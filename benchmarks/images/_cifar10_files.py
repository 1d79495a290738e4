"""CIFAR-10 from its public binary files, never from its pickled ones."""

from pathlib import Path

import numpy as np

from ._image_data import LabelledImages

TRAIN, TEST = tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"
IMAGES_OF_A_FILE, N_CLASSES, SIDE = 10_000, 10, 32
# a label, then the pixels: all reds, all greens, all blues, each row by row
_BYTES = 1 + 3 * SIDE**2
_UNPACKED = "cifar-10-batches-bin"
_DOWNLOAD = (
    "Download the binary version, cifar-10-binary.tar.gz, from "
    f"https://www.cs.toronto.edu/~kriz/cifar.html, unpack it and give the folder {_UNPACKED}."
)


def cifar10(folder):
    """The 50,000 training and 10,000 test images, (n, 32, 32, 3) of uint8.

    Parameters
    ----------
    folder : path-like
        The folder of the six files, or the one in which the archive was unpacked.

    Returns
    -------
    images : LabelledImages
        The images and their labels, 0 to 9.

    Raises
    ------
    FileNotFoundError
        If files are missing. Those of the Python version are not read: a pickle can run any code.
    ValueError
        If a file has another size than the public ones, or a label is not one of the ten classes.
    """
    folder = Path(folder)
    if (folder / _UNPACKED).is_dir():
        folder = folder / _UNPACKED
    _check_files(folder)
    parts = [_read(folder / name) for name in TRAIN]
    images, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    return LabelledImages("CIFAR-10", images, labels, *_read(folder / TEST))


def _check_files(folder):
    """Raise FileNotFoundError with what is missing and where it is found."""
    if not folder.is_dir():
        raise FileNotFoundError(f"--data {folder} is not a folder. {_DOWNLOAD}")
    missing = [name for name in (*TRAIN, TEST) if not (folder / name).is_file()]
    if not missing:
        return
    if (folder / "data_batch_1").is_file() or (folder / "cifar-10-batches-py").is_dir():
        raise FileNotFoundError(
            f"{folder} has the Python version of CIFAR-10, pickled files, which can run any code "
            f"when they are read. {_DOWNLOAD}"
        )
    raise FileNotFoundError(f"{folder} has no file {', '.join(missing)}. {_DOWNLOAD}")


def _read(path):
    """Images (n, 32, 32, 3) and labels of a file."""
    size, expected = path.stat().st_size, IMAGES_OF_A_FILE * _BYTES
    if size != expected:
        raise ValueError(
            f"{path} has {size:,} bytes; {IMAGES_OF_A_FILE:,} images of {_BYTES:,} bytes are "
            f"{expected:,}. It is damaged or another file. {_DOWNLOAD}"
        )
    rows = np.fromfile(path, np.uint8).reshape(-1, _BYTES)
    labels = rows[:, 0].astype(np.int64)
    if labels.max() >= N_CLASSES:
        first = int(np.argmax(labels >= N_CLASSES))
        raise ValueError(
            f"{path}: image {first} has the label {labels[first]}; labels of CIFAR-10 are 0 to "
            f"{N_CLASSES - 1}. It is damaged or another file, such as one of CIFAR-100. {_DOWNLOAD}"
        )
    pixels = rows[:, 1:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels), labels
