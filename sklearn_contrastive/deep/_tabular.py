"""TabularContrastiveEmbedder: representations of the rows of a table by contrastive learning."""

import os
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor, nn

from .._sklearn_compat import HasMethods, Interval, StrOptions, fit_context
from .._typing import ArrayLike, DataFrame, FloatArray, RandomState, VectorLike
from ._embedder.losses import LOSSES
from ._embedder.network_embedder import LARGEST_WIDTH, NetworkEmbedder
from ._tables.build import table_parts
from ._tables.columns import read_columns
from ._tables.encoding import TableEncoding, fit_encoding
from ._tables.source import TableSource
from ._tables.stored import restore_table, stored_table

__all__ = ["TabularContrastiveEmbedder"]


class TabularContrastiveEmbedder(NetworkEmbedder):
    """Representations of the rows of a table, learned without labels by contrasting views.

    It trains a network f to recognise which half of the entries of a row belongs to which other
    half, among the rows of a batch: it learns which values go together. Columns may be numbers,
    booleans and categories, with missing entries. :meth:`transform` returns the representations
    h = f(x) for a classifier with few labels. Compare with the columns themselves and with boosted
    trees first: on a table a network is not always better.

    Parameters
    ----------
    encoder : "mlp", nn.Module or callable, default="mlp"
        The network f. "mlp" has hidden layers and returns the embedded columns beside the last one.
        A module is copied, and training starts from its weights; a callable returns a module. It
        maps rows of embedded columns to rows; `torch.nn.LazyLinear` takes any number of features.
    width : int, default=128
        Number of units of each hidden layer of "mlp".
    depth : int, default=1
        Number of hidden layers of "mlp".
    projection_head : {"mlp", "mlp3", "linear", "none"} or nn.Module, default="mlp"
        The network g from representations to projections, which the loss compares: one hidden
        layer, two, a linear map, or the identity. A hidden layer is as wide as the representations,
        but has at most 512 units, or four times `projection_dim`.
    projection_dim : int, default=128
        Number of features of the projections.
    loss : {"nt_xent", "decoupled", "sogclr", "spectral", "linear", "vicreg", "barlow_twins", \
            "sigreg"} or callable, default="nt_xent"
        The loss, as in :class:`SimCLREmbedder`, or a function of the projections of the two views,
        (n, projection_dim) each. Of a module a copy is used, and its parameters are trained.
    temperature : float or "learn", default=0.3
        Temperature of "nt_xent", "decoupled" and "sogclr". "learn" trains that of the first two,
        from 0.5, and records it in `history_`.
    augmentations : {"masking", "corruption"}, transformer or callable, default="masking"
        How the two views of a row differ. "masking": each entry is hidden in one view and shown in
        the other, by an independent mask for each row. "corruption" (SCARF [1]_): the first view is
        the row; in random entries of the second are values that are drawn from the training values
        of the same column. A transformer with a method `sample_views`, such
        as :class:`~sklearn_contrastive.augmentation.MaskedAugmenter`, is cloned and fitted on the
        encoded numbers; it cannot read categories. A callable maps a batch (n, n_features) of the
        encoded table to such a batch, and is called for each view: numbers are scores, NaN if
        missing; categories are numbers from 1 on, 0 for an unknown one.
    corruption_rate : float, default=0.6
        Probability with which "corruption" replaces an entry, in (0, 1].
    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Names, positions or a mask of columns that hold numbers which name categories, such as codes
        of regions. Columns of text, and those that pandas or polars calls categorical, are
        categories in any case.
    batch_size : int, default=128
        Number of rows in a step, at least 3. The other rows of the batch are the negatives. If it
        is more than the number of rows, a warning is given and one batch holds all rows.
    max_epochs : int, default=200
        Passes over the rows. Large tables need fewer.
    optimizer : {"muon", "adamw", "sgd", "lars"}, default="adamw"
        SGD has momentum 0.9. Muon differs from AdamW for convolutions only.
    learning_rate : float or {"auto", "linear", "sqrt"}, default="auto"
        Learning rate at the top of the schedule, as in :class:`SimCLREmbedder`: for AdamW 0.002 at
        a batch size of 256, times the square root of the ratio for others.
    weight_decay : float, default=1e-4
        Decay of the weights; biases and norms do not decay.
    warmup_epochs : float, default=1
        Epochs in which the learning rate rises, at most half of all epochs; then it falls to 0 as a
        cosine.
    device : str, default="auto"
        "auto" is a GPU if there is one; otherwise a PyTorch device string such as "cpu".
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the network during training; "auto" is bfloat16 on GPUs that support it and
        float32 elsewhere.
    output : {"representation", "projection", "middle"}, default="representation"
        Output of transform: h, z, or the first hidden layer of g. It may be changed after fit.
    checkpoint_dir : path-like, default=None
        A folder in which fit saves every epoch, in a subfolder for each combination of parameters,
        data and versions. If the process ends during fit, the same call of fit resumes from the
        last saved epoch, with the same result, and then removes the subfolder.
    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and views. PyTorch's global random state does not change.
    verbose : "auto" or int, default="auto"
        "auto" prints nothing unless the training takes more than half a minute: then a line on
        stderr says how long, and a progress bar follows. 0 prints nothing, 1 a line for each epoch.

    Attributes
    ----------
    encoder_ : nn.Module
        The trained f, from rows of the encoded table to representations; its first part embeds the
        columns.
    categories_ : list of ndarray or None, one for each feature
        Categories of each column seen during fit, sorted, with None at the end for missing entries;
        None for columns of numbers.
    is_categorical_ : ndarray of bool of shape (n_features_in_,)
        Which columns are categories.
    center_ : ndarray of shape (n_features_in_,)
        Median of each column of numbers; NaN for categories.
    scale_ : ndarray of shape (n_features_in_,)
        Its interquartile range divided by 1.349, or half of its range where that is 0. A column
        whose scale is 0 has no variation and is ignored. NaN for categories.
    net_ : skorch.NeuralNet
        The trainer: `net_.module_` has `encoder` and `head`.
    history_ : list of dict
        One record per epoch: "epoch", "loss", "learning_rate" (at its end), "seconds"; for the last
        batch, "alignment", "uniformity" and "contrastive_accuracy", the share of views to which
        their partner is the most similar view; "knn_accuracy" if `X_val` was given, and
        "temperature" if it is learned.
    n_iter_ : int
        Number of epochs.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    sklearn_contrastive.LinearContrastive : Contrastive learning on numbers, in closed form.
    SimCLREmbedder : The same training on images.

    Notes
    -----
    X may be a data frame of pandas or polars, an array of numbers or of objects, or a list of rows.
    Booleans are numbers. None, NaN and pandas.NA are missing entries.

    Numbers become robust scores: centred at the median, divided by `scale_`, drawn in smoothly to
    at most 3 [2]_, and standardised. A missing number is at the mean, and the network sees an
    indicator if the column had missing entries in fit. A category is a trained vector of
    min(50, round(1.6 n^0.56)) features for n categories [3]_. A category that fit did not see is a
    vector of zeros, without an error.

    The fitted estimator holds no training rows.

    References
    ----------
    .. [1] Bahri, Jiang, Tay and Metzler (2022), "SCARF: Self-Supervised Contrastive Learning using
       Random Feature Corruption", ICLR, arXiv:2106.15147.
    .. [2] Holzmüller, Grinsztajn and Steinwart (2024), "Better by Default: Strong Pre-Tuned MLPs
       and Boosted Trees on Tabular Data", NeurIPS.
    .. [3] Howard and Gugger (2020), "fastai: A Layered API for Deep Learning", Information 11(2).

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_contrastive.deep import TabularContrastiveEmbedder
    >>> X = pd.DataFrame(
    ...     {
    ...         "height": [1.6, 1.9, None, 1.7] * 10,
    ...         "colour": ["red", "blue", "red", None] * 10,
    ...     }
    ... )
    >>> embedder = TabularContrastiveEmbedder(
    ...     width=16, batch_size=20, max_epochs=3, random_state=0
    ... )
    >>> h = embedder.fit_transform(X)
    >>> h.shape, h.dtype
    ((40, 21), dtype('float32'))
    >>> embedder.categories_
    [None, array(['blue', 'red', None], dtype=object)]
    >>> new = pd.DataFrame({"height": [1.8], "colour": ["green"]})  # not seen in fit
    >>> embedder.transform(new).shape
    (1, 21)
    """

    _parameter_constraints: ClassVar[dict] = {
        **NetworkEmbedder._parameter_constraints,
        "encoder": [StrOptions({"mlp"}), callable],
        "width": [Interval(Integral, 1, LARGEST_WIDTH, closed="both")],
        "depth": [Interval(Integral, 1, 100, closed="both")],
        "projection_head": [StrOptions({"mlp", "mlp3", "linear", "none"}), callable],
        "projection_dim": [Interval(Integral, 1, LARGEST_WIDTH, closed="both")],
        "loss": [StrOptions({*LOSSES, "sogclr"}), callable],
        "temperature": [Interval(Real, 0, None, closed="neither"), StrOptions({"learn"})],
        "augmentations": [
            StrOptions({"corruption", "masking"}),
            HasMethods(["fit", "sample_views"]),
            callable,
        ],
        "corruption_rate": [Interval(Real, 0, 1, closed="right")],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "output": [StrOptions({"representation", "projection", "middle"})],
    }

    def __init__(
        self,
        encoder: str | nn.Module | Callable[[], nn.Module] = "mlp",
        *,
        width: int = 128,
        depth: int = 1,
        projection_head: str | nn.Module = "mlp",
        projection_dim: int = 128,
        loss: str | Callable[[Tensor, Tensor], Tensor] = "nt_xent",
        temperature: float | str = 0.3,
        augmentations: Any = "masking",
        corruption_rate: float = 0.6,
        categorical_features: ArrayLike | str = "from_dtype",
        batch_size: int = 128,
        max_epochs: int = 200,
        optimizer: str = "adamw",
        learning_rate: float | str = "auto",
        weight_decay: float = 1e-4,
        warmup_epochs: float = 1,
        device: str = "auto",
        precision: str = "auto",
        output: str = "representation",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        random_state: RandomState = None,
        verbose: int | str = "auto",
    ):
        self.encoder = encoder
        self.width = width
        self.depth = depth
        self.projection_head = projection_head
        self.projection_dim = projection_dim
        self.loss = loss
        self.temperature = temperature
        self.augmentations = augmentations
        self.corruption_rate = corruption_rate
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_epochs = warmup_epochs
        self.device = device
        self.precision = precision
        self.output = output
        self.checkpoint_dir = checkpoint_dir
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike | DataFrame,
        y: Any = None,
        *,
        X_val: ArrayLike | DataFrame | None = None,
        y_val: VectorLike | None = None,
    ) -> Self:
        """Learn the encoding of the columns and train the network.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Training rows, at least two; see the notes of the class.
        y : None
            Ignored.
        X_val : array-like or data frame, default=None
            Labelled rows to monitor the training: after each epoch, "knn_accuracy" in `history_` is
            the leave-one-out accuracy of their 10 nearest neighbours by cosine similarity. The
            network is not trained on them.
        y_val : array-like of shape (n_val,), default=None
            Their labels.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has infinity, fewer than two rows or complex numbers, a parameter does not fit X,
            or the training diverges. An earlier fit stays usable.
        TypeError
            If X is sparse, or a column has dates, lists, or both numbers and text.
        """
        return self._train(X, y, anew=True, X_val=X_val, y_val=y_val)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike | DataFrame,
        y: Any = None,
        *,
        X_val: ArrayLike | DataFrame | None = None,
        y_val: VectorLike | None = None,
    ) -> Self:
        """Continue the training for `max_epochs` more epochs.

        Weights and optimiser keep their state, and the columns their encoding: categories that the
        first call did not see stay unknown. The learning rate follows a new schedule. Of the
        parameters that changed since the first call, only these have an effect: `max_epochs`,
        `warmup_epochs`, `batch_size`, `learning_rate`, `checkpoint_dir` and `verbose`.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Training rows, as in fit.
        y : None
            Ignored.
        X_val : array-like or data frame, default=None
            Labelled rows to monitor the training, as in fit.
        y_val : array-like of shape (n_val,), default=None
            Their labels.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._train(X, y, anew=not hasattr(self, "net_"), X_val=X_val, y_val=y_val)

    def transform(self, X: ArrayLike | DataFrame) -> FloatArray:
        """Compute the representations of rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows with the columns seen during fit.

        Returns
        -------
        h : ndarray of float32 of shape (n_samples, width)
            Representations, or the output that `output` names.
        """
        return self._embedded(X)

    def _read(self, X: Any, *, reset: bool, like: TableSource | None = None) -> TableSource:
        encoding = like.encoding if like is not None else None if reset else self._encoding
        columns = read_columns(
            self,
            X,
            reset=reset,
            min_samples=2,
            is_categorical=None if encoding is None else encoding.is_categorical,
            categorical_features=self.categorical_features,
        )
        encoding = fit_encoding(columns) if encoding is None else encoding
        return TableSource(encoding.encoded(columns), encoding)

    def _read_unchecked(self, X: Any) -> TableSource:
        encoding = self._encoding
        columns = read_columns(
            self, X, reset=False, min_samples=1, is_categorical=encoding.is_categorical
        )
        return TableSource(encoding.encoded(columns), encoding)

    def _parts(self, samples, parameters, *, download=True):
        return table_parts(samples, parameters)

    def _attributes_of(self, samples: TableSource) -> dict[str, Any]:
        return _attributes_of(samples.encoding)

    def _stored_attributes(self):
        return stored_table(self)

    def _restore(self, stored, attributes):
        for name, value in _attributes_of(restore_table(self, stored, attributes)).items():
            setattr(self, name, value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags


def _attributes_of(encoding: TableEncoding) -> dict[str, Any]:
    """Fitted attributes of an encoding."""
    center, scale = np.full((2, len(encoding.is_categorical)), np.nan)
    center[~encoding.is_categorical] = encoding.scaling.center
    scale[~encoding.is_categorical] = encoding.scaling.scale
    categories = iter(encoding.categories)
    return {
        "_encoding": encoding,
        "is_categorical_": encoding.is_categorical,
        "categories_": [next(categories) if each else None for each in encoding.is_categorical],
        "center_": center,
        "scale_": scale,
    }
