"""Input of any kind for the fuzz tests, and what a call may do with it."""

import linecache
import re
import signal
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import strategies as st
from scipy import sparse

__all__ = ["WEIRD", "FuzzInput", "alterations", "attempt", "fuzz_inputs"]

# how the numbers of a table are drawn
PATTERNS = {
    "normal": lambda rng, X: X,
    "factor": lambda rng, X: X[:, :1] + 0.3 * X,
    "integers": lambda rng, X: np.round(3 * X),
    "binary": lambda rng, X: (X > 0).astype(float),
    "zeros": lambda rng, X: 0 * X,
    "constant": lambda rng, X: 0 * X + 7.3,
    "constant columns": lambda rng, X: np.where(rng.random(X.shape[1]) < 0.5, 2.5, X),
    "equal columns": lambda rng, X: np.repeat(X[:, :1], X.shape[1], axis=1),
    "equal rows": lambda rng, X: np.repeat(X[:1], len(X), axis=0),
    "low rank": lambda rng, X: np.outer(X[:, :1].sum(axis=1), np.arange(X.shape[1])),
    "offset": lambda rng, X: 1e12 + X,
    "huge": lambda rng, X: 1e300 * X,
    "largest": lambda rng, X: np.sign(X) * 1e305,
    "beyond float32": lambda rng, X: 1e39 * X,
    "tiny": lambda rng, X: 1e-300 * X,
    # whose inverse float64 still has
    "smallest": lambda rng, X: np.round(3 * X) * 1e-305,
    "scales": lambda rng, X: X * 10.0 ** rng.integers(-300, 300, X.shape[1]),
    "some scales": lambda rng, X: X * 10.0 ** rng.integers(-9, 9, X.shape[1]),
    "outlier": lambda rng, X: _with(rng, X, 1e10),
    "NaN": lambda rng, X: np.where(rng.random(X.shape) < 0.3, np.nan, X),
    "one NaN": lambda rng, X: _with(rng, X, np.nan),
    "NaN row": lambda rng, X: np.where(np.arange(len(X))[:, None] == len(X) // 2, np.nan, X),
    "NaN column": lambda rng, X: np.where(np.arange(X.shape[1]) == X.shape[1] // 2, np.nan, X),
    "all NaN": lambda rng, X: np.nan * X,
    "infinity": lambda rng, X: _with(rng, X, np.inf),
    "both infinities": lambda rng, X: _with(rng, _with(rng, X, -np.inf), np.inf),
    "NaN and infinity": lambda rng, X: _with(rng, _with(rng, X, np.inf), np.nan),
}


def _with(rng, X, value):
    """X with one entry of a value, if it has any."""
    X = X.copy()
    if X.size:
        X.flat[rng.integers(X.size)] = value
    return X


def _cast(dtype):
    def cast(rng, X):
        with np.errstate(all="ignore"):
            return X.astype(dtype)

    return cast


def _objects(rng, X):
    objects = X.astype(object)
    if X.size:
        place = rng.integers(X.size)
        objects.flat[place] = [None, "a", "1.5", [1], {}, 1j, b"1"][rng.integers(7)]
    return objects


def _sparse(make, index=np.int32):
    def convert(rng, X):
        matrix = make(np.where(rng.random(X.shape) < 0.5, 0.0, X))
        for name in ("indices", "indptr", "row", "col", "offsets"):
            if isinstance(getattr(matrix, name, None), np.ndarray):
                setattr(matrix, name, getattr(matrix, name).astype(index))
        return matrix

    return convert


def _unsorted(rng, X):
    n_stored = int(rng.integers(0, 2 * X.size + 1))
    rows, columns = (rng.integers(0, max(size, 1), n_stored) for size in X.shape)
    if not X.size:
        return sparse.csr_array(X.shape)
    order = np.argsort(rows, kind="stable")
    pointers = np.searchsorted(rows[order], np.arange(len(X) + 1))
    return sparse.csr_array((X[rows, columns], columns[order], pointers), shape=X.shape)


def _read_only(rng, X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _ragged(rng, X):
    rows = X.tolist()
    if rows:
        rows[-1] = rows[-1][:-1]
    return rows


def _frame(rng, X, **options):
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])], **options)


# how a table is passed
FORMS = {
    "array": lambda rng, X: X,
    "float32": _cast(np.float32),
    "float16": _cast(np.float16),
    "longdouble": _cast(np.longdouble),
    "int64": _cast(np.int64),
    "int8": _cast(np.int8),
    "uint64": _cast(np.uint64),
    "bool": _cast(bool),
    "complex": _cast(complex),
    "big-endian": _cast(">f8"),
    "strings": _cast(str),
    "bytes": lambda rng, X: X.astype(str).astype(bytes),
    "dates": lambda rng, X: np.zeros(X.shape, "datetime64[s]"),
    "numbers as objects": _cast(object),
    "objects": _objects,
    "records": lambda rng, X: np.zeros(len(X), [("a", float), ("b", float)]),
    "Fortran order": lambda rng, X: np.asfortranarray(X),
    "reversed": lambda rng, X: X[::-1, ::-1],
    "read-only": _read_only,
    "masked": lambda rng, X: np.ma.masked_array(X, rng.random(X.shape) < 0.2),
    "matrix": lambda rng, X: np.matrix(X) if X.ndim == 2 else X,
    "list": lambda rng, X: X.tolist(),
    "tuple of arrays": lambda rng, X: tuple(X),
    "ragged list": _ragged,
    "list with None": lambda rng, X: np.where(np.isnan(X), None, X.astype(object)).tolist(),
    "DataFrame": _frame,
    "DataFrame of Float64": lambda rng, X: _frame(rng, X).astype("Float64"),
    "DataFrame of categories": lambda rng, X: _frame(rng, X).astype("category"),
    "DataFrame of numbers as names": lambda rng, X: pd.DataFrame(X),
    "DataFrame of equal names": lambda rng, X: pd.DataFrame(X, columns=["a"] * X.shape[1]),
    "DataFrame of mixed names": lambda rng, X: _frame(rng, X).rename(columns={"x0": 0}),
    "DataFrame of text": lambda rng, X: _frame(rng, X).assign(text="a"),
    "DataFrame of sparse columns": lambda rng, X: _frame(rng, X).astype(pd.SparseDtype(float, 0)),
    "Series": lambda rng, X: pd.Series(X.ravel()),
    "polars": lambda rng, X: pl.DataFrame(X, schema=[f"x{i}" for i in range(X.shape[1])]),
    "polars Series": lambda rng, X: pl.Series(X.ravel()),
    "csr": _sparse(sparse.csr_array),
    "csr of int64": _sparse(sparse.csr_array, np.int64),
    "csr unsorted": _unsorted,
    "csc": _sparse(sparse.csc_matrix),
    "csc of int16": _sparse(sparse.csc_array, np.int16),
    "coo": _sparse(sparse.coo_array, np.int64),
    "bsr": _sparse(sparse.bsr_array),
    "dia": _sparse(sparse.dia_array),
    "dok": _sparse(sparse.dok_array),
    "lil": _sparse(sparse.lil_matrix),
    "one row": lambda rng, X: X[:1],
    "1-d": lambda rng, X: X.ravel(),
    "3-d": lambda rng, X: X[:, :, None],
    "0-d": lambda rng, X: np.array(X.sum()),
    "None": lambda rng, X: None,
    "number": lambda rng, X: 3.5,
    "text": lambda rng, X: "samples",
    "dict": lambda rng, X: {"x": X},
    "generator": lambda rng, X: (row for row in X),
    "function": lambda rng, X: len,
}
# values that no parameter has, or most have not
WEIRD = [
    None, True, False, -1, 0, 1, 2, 10**6, -(10**30), 0.0, 0.5, 1.0, -0.5, 1e-300, 1e300,
    float("nan"), float("inf"), "auto", "", "x", b"x", (), [], [1, 2], {}, np.int64(2),
    np.float32(0.5), np.bool_(True), np.array(2), np.array([1.0, 2.0]), np.array([]), 1j, object,
    len, 2**70,
]  # fmt: skip


@dataclass(frozen=True)
class FuzzInput:
    """A table of a form and a pattern; its entries follow from a seed."""

    n_rows: int
    n_columns: int
    pattern: str
    form: str
    seed: int

    def values(self):
        """Entries, before they get their form."""
        rng = np.random.default_rng(self.seed)
        X = rng.standard_normal((self.n_rows, self.n_columns))
        with np.errstate(all="ignore"):
            return PATTERNS[self.pattern](rng, X)

    def build(self):
        """What is passed; anew for each call, since a generator can be read once."""
        rng = np.random.default_rng(self.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # casts that overflow
            try:
                return FORMS[self.form](rng, self.values())
            except (ValueError, TypeError):  # this form does not exist for this shape
                return self.values()


def fuzz_inputs(n_rows=(0, 12), n_columns=(0, 6), patterns=tuple(PATTERNS), forms=tuple(FORMS)):
    """Draw tables of all forms, often plain arrays."""
    return st.builds(
        FuzzInput,
        st.integers(*n_rows),
        st.integers(*n_columns),
        st.sampled_from(patterns),
        st.one_of(st.just("array"), st.sampled_from(forms)),
        st.integers(0, 2**32 - 1),
    )


@st.composite
def alterations(draw, content):
    """Draw the content after something that disks, networks and editors do to files."""
    size, altered = len(content), bytearray(content)
    start = draw(st.integers(0, size - 1))
    stop = min(size, start + draw(st.integers(1, 64)))
    match draw(
        st.sampled_from(["flip", "flip", "cut", "zeros", "random", "lost", "twice", "text"])
    ):
        case "flip":
            for place in draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=3)):
                altered[place] ^= 1 << draw(st.integers(0, 7))
        case "cut":
            del altered[start:]
        case "zeros":
            altered[start:stop] = bytes(stop - start)
        case "random":
            altered[start:stop] = draw(st.binary(min_size=stop - start, max_size=stop - start))
        case "lost":
            del altered[start:stop]
        case "twice":
            altered[stop:stop] = altered[start:stop]
        case "text":  # as by a transfer in text mode
            altered = altered.replace(b"\n", b"\r\n")
    return bytes(altered)


# functions of scikit-learn that refuse input
_VALIDATION = ("sklearn/utils/validation.py", "sklearn/utils/_param_validation.py")
# lines of a raise statement above its last one
_LONGEST_MESSAGE = 12


def attempt(call):
    """Return the result of a call and its warnings; no result if it refuses its input.

    A refusal is a ValueError or TypeError that our code or scikit-learn's validation raises on
    purpose. Any other error, numbers that are invalid on the way, and a call of more than 20
    seconds are faults.

    Parameters
    ----------
    call : callable
        Without arguments.

    Returns
    -------
    result : object
        None after a refusal.
    seen : list of type
        Classes of the warnings.
    """
    result = None
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            with _time_limit(20):
                result = call()
        except Exception as error:
            if not _is_refusal(error):
                raise
    invalid = [str(each.message) for each in seen if _INVALID.match(str(each.message))]
    assert not invalid
    return result, [each.category for each in seen]


# the sum of both infinities, by which scikit-learn looks for them, apart
_INVALID = re.compile("(divide by zero|invalid value)(?!.* in reduce)")


@contextmanager
def _time_limit(seconds):
    """Raise TimeoutError after some seconds, where the system has such a timer."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number, frame):
        raise TimeoutError(f"no result after {seconds} s")

    earlier = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


def _is_refusal(error):
    """Whether an error is of a documented type, and raised on purpose."""
    if not isinstance(error, ValueError | TypeError):
        return False
    if isinstance(error, np.linalg.LinAlgError | UnicodeError):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    known = [
        frame
        for frame in frames
        if "sklearn_contrastive" in frame.filename or frame.filename.endswith(_VALIDATION)
    ]
    return bool(known) and (known[-1].filename.endswith(_VALIDATION) or _raises(known[-1]))


def _raises(frame):
    """Whether the line of a frame belongs to a raise statement."""
    for number in range(frame.lineno, max(0, frame.lineno - _LONGEST_MESSAGE), -1):
        line = linecache.getline(frame.filename, number).strip()
        if line.startswith("raise"):
            return True
        if line.startswith(("def ", "if ", "for ", "with ", "return ")):
            return False
    return False
