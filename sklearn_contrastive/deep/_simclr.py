"""SimCLREmbedder: representations of images that were learned without labels."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from .._base import ContrastiveEstimator, fit_progress, fitted_state_kept_on_error
from .._images._input import validated_images
from .._images._source import image_source
from .._sklearn_compat import Interval, StrOptions, fit_context
from .._typing import FloatArray, MatrixLike, RandomState, VectorLike
from ..exceptions import CollapseWarning
from ._checkpoint import fingerprint, locked_checkpoint
from ._diagnostics import collapse_share
from ._net import Trainer
from ._optimizers import OPTIMIZERS
from ._simclr_losses import LOSSES
from ._simclr_trainer import nearest_neighbour_accuracy, schedule_of, simclr_trainer
from ._simclr_training import Training, embed

__all__ = ["SimCLREmbedder"]

# Of the squared length of representations: float32 leaves about 1e-7 where all are the same.
_COLLAPSED = 1e-5
# images that are looked at for it
_LOOKED_AT = 512
# what a training is, whoever watches it
_NOT_PART_OF_TRAINING = ("checkpoint_dir", "verbose", "output")


class SimCLREmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ContrastiveEstimator):
    """Representations of images, learned without labels by SimCLR.

    An encoder f, a network, is trained so that two random views of an image, crops in other
    colours, are recognised as the same image among all others of the batch [1]_. The comparison is
    made between projections z = g(f(x)); what :meth:`transform` returns are the representations
    h = f(x), on which a linear classifier needs few labels.

    Parameters
    ----------
    encoder : str, nn.Module or callable, default="resnet18"
        The network f. "resnet_narrow" is made for a CPU; any other name is one of timm, such as
        "resnet50" or "convnext_atto". Residual networks get a small stem for images under 64
        pixels. A module is copied, and its weights are where training starts; a callable makes a
        module. It maps images (n, c, h, w) to rows.

    pretrained : bool, default=False
        Whether the encoder starts from the weights that timm has for its name.

    image_shape : tuple of (h, w) or (h, w, c), default=None
        Shape of an image in two-dimensional X, and the size that files are resized and cropped to
        (None: 224 x 224, in colour). Without it, a square number of at least 64 features is a grey
        square, and fewer than 64 features are a row of any real values.

    projection_head : {"mlp", "mlp3", "linear", "none"} or nn.Module, default="mlp"
        The network g: one or two hidden layers, none, or nothing at all.

    projection_dim : int, default=128
        Number of features of the projections.

    loss : {"nt_xent", "decoupled", "spectral", "linear"} or callable, default="nt_xent"
        What is minimised: :func:`nt_xent_loss`, :func:`decoupled_contrastive_loss` (for small
        batches), :func:`spectral_contrastive_loss`, :func:`linear_contrastive_loss` of projections
        of unit length, or a function of the projections of the two views, (n, projection_dim) each.

    temperature : float, default=0.5
        Of "nt_xent" and "decoupled". Low temperatures look at the hardest negatives.

    augmentations : {"simclr", "crop", "crop_flip", "masking", "none"} or callable, default="simclr"
        What makes the views: a name, an object of :mod:`sklearn_contrastive.augmentation` such as
        ``SimCLRAugmentation(strength=0.5)``, or any callable from a batch (n, c, h, w) in [0, 1] to
        such a batch, kornia's modules among them. For rows of features "simclr" is random masking.

    batch_size : int, default=256
        Number of images in a step, at least 3. The others of the batch are the negatives. More than
        there are images is cut to them, with a warning.

    max_epochs : int, default=100
        Passes over the images.

    optimizer : {"adamw", "sgd", "lars"}, default="adamw"
        SGD has momentum 0.9; LARS is the paper's, for large batches.

    learning_rate : float or {"auto", "linear", "sqrt"}, default="auto"
        At the top of the schedule. "linear" and "sqrt" grow with the batch size and its square
        root; "auto" is "sqrt" for AdamW and LARS, "linear" for SGD. For a batch of 256 it is 0.002
        of AdamW, 0.03 of SGD, and 1.2 (or 0.3 with "linear") of LARS.

    weight_decay : float, default=1e-4
        Of the weights; biases and norms are not decayed. The paper has 1e-6 with LARS.

    warmup_epochs : float, default=1
        Epochs in which the learning rate rises, at most half of them; then it falls to 0 as a
        cosine does. The paper has 10 of 100.

    device : str, default="auto"
        "auto" is a GPU if there is one; or a name in the words of PyTorch, such as "cpu".

    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What the network computes in while it is trained; "auto" is bfloat16 on GPUs that have it
        and float32 elsewhere. Newer CPUs are faster in bfloat16, too. The loss is always computed
        in float32.

    output : {"representation", "projection", "middle"}, default="representation"
        What transform returns: h, z, or the first hidden layer of g. It may be changed after fit.

    checkpoint_dir : path-like, default=None
        A folder. Every epoch is kept in it, in a folder of its own for each combination of
        parameters, data and versions; a fit that was cut off goes on from there when it is called
        again, to the same end, and then removes it.

    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and views. PyTorch's own random state is left as it is.

    verbose : int, default=0
        1 prints a line for each epoch.

    Attributes
    ----------
    encoder_ : nn.Module
        The trained f, from images (n, c, h, w) in [0, 1] to representations; its first part
        normalises them.

    net_ : skorch.NeuralNet
        What was trained: `net_.module_` has `encoder` and `head`.

    history_ : list of dict
        One record per epoch: "epoch", "loss", "learning_rate" (at its end), "seconds"; of the last
        batch, "alignment" and "uniformity" [2]_ and "contrastive_accuracy", the share of views
        whose partner is the most similar of all others; "knn_accuracy" if `X_val` was given.

    image_shape_ : tuple of (h, w, c)
        Shape of an image.

    n_iter_ : int
        Number of epochs.

    n_features_in_ : int
        Number of features seen during fit, h * w * c.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    sklearn_contrastive.LinearContrastive : For tables, in closed form.
    sklearn_contrastive.evaluation.linear_probe : What the representations are worth.

    Notes
    -----
    Images are uint8 from 0 to 255 or floats from 0 to 1, as (n, h, w), (n, h, w, c), (n, c, h, w)
    or two-dimensional with `image_shape`: NumPy arrays, memory maps, which are read in blocks,
    tensors, or a list or array of paths of files. Channels are normalised by the mean and standard
    deviation of the training images.

    On a CPU, with the same number of threads, the same `random_state` gives the same network bit by
    bit, also after an interruption and `checkpoint_dir`. An interruption by the keyboard leaves the
    last epoch that ended as the fitted state, warns, and goes on up.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML.
    .. [2] Wang and Isola (2020), "Understanding Contrastive Representation Learning through
       Alignment and Uniformity on the Hypersphere", ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_contrastive import SimCLREmbedder
    >>> X, y = load_digits(return_X_y=True)
    >>> embedder = SimCLREmbedder("resnet_narrow", max_epochs=2, random_state=0)
    >>> h = embedder.fit_transform(X / 16)  # without labels
    >>> h.shape, h.dtype
    ((1797, 128), dtype('float32'))
    >>> [sorted(record) for record in embedder.history_][0][:3]
    ['alignment', 'contrastive_accuracy', 'epoch']
    """

    _parameter_constraints: ClassVar[dict] = {
        "encoder": [str, callable],
        "pretrained": ["boolean"],
        "image_shape": ["array-like", None],
        "projection_head": [StrOptions({"mlp", "mlp3", "linear", "none"}), callable],
        "projection_dim": [Interval(Integral, 1, None, closed="left")],
        "loss": [StrOptions(set(LOSSES)), callable],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "augmentations": [str, callable],
        "batch_size": [Interval(Integral, 3, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "learning_rate": [
            StrOptions({"auto", "linear", "sqrt"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "warmup_epochs": [Interval(Real, 0, None, closed="left")],
        "device": [str],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "output": [StrOptions({"representation", "projection", "middle"})],
        "checkpoint_dir": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        encoder: str | nn.Module | Callable[[], nn.Module] = "resnet18",
        *,
        pretrained: bool = False,
        image_shape: Sequence[int] | None = None,
        projection_head: str | nn.Module = "mlp",
        projection_dim: int = 128,
        loss: str | Callable[[Tensor, Tensor], Tensor] = "nt_xent",
        temperature: float = 0.5,
        augmentations: str | Callable[..., Tensor] = "simclr",
        batch_size: int = 256,
        max_epochs: int = 100,
        optimizer: str = "adamw",
        learning_rate: float | str = "auto",
        weight_decay: float = 1e-4,
        warmup_epochs: float = 1,
        device: str = "auto",
        precision: str = "auto",
        output: str = "representation",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ):
        self.encoder = encoder
        self.pretrained = pretrained
        self.image_shape = image_shape
        self.projection_head = projection_head
        self.projection_dim = projection_dim
        self.loss = loss
        self.temperature = temperature
        self.augmentations = augmentations
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
        X: MatrixLike | Tensor | Sequence[os.PathLike[str]],
        y: Any = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: VectorLike | None = None,
    ) -> Self:
        """Train the network on images.

        Parameters
        ----------
        X : array-like, Tensor, or list of paths
            Training images, at least two; see the notes of the class for their shapes and values.

        y : None
            Ignored.

        X_val : array-like, Tensor, or list of paths, default=None
            Labelled images to watch the training with: after each epoch, "knn_accuracy" in
            `history_` is the share of them whose label the nearest others among them, by cosine
            similarity, predict. They are not trained on.

        y_val : array-like of shape (n_images,), default=None
            Their labels.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X cannot be read as images, a parameter does not fit it, or the training diverges.
            An earlier fit stays usable.
        ImportError
            If a package is missing that a parameter asks for.
        """
        return self._train(X, y, anew=True, validation=(X_val, y_val))

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: MatrixLike | Tensor | Sequence[os.PathLike[str]],
        y: Any = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: VectorLike | None = None,
    ) -> Self:
        """Train for `max_epochs` more.

        Weights and optimiser go on from where they are; the learning rate rises and falls once
        more, in a schedule of its own. Other images of the same shape may be given. Parameters that
        were changed since the first call have no effect, but `max_epochs`, `warmup_epochs`,
        `checkpoint_dir` and `verbose`.

        Parameters
        ----------
        X : array-like, Tensor, or list of paths
            Training images, as in fit.

        y : None
            Ignored.

        X_val : array-like, Tensor, or list of paths, default=None
            Labelled images to watch the training with, as in fit.

        y_val : array-like of shape (n_images,), default=None
            Their labels.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._train(X, y, anew=not hasattr(self, "net_"), validation=(X_val, y_val))

    def transform(self, X: MatrixLike | Tensor | Sequence[os.PathLike[str]]) -> FloatArray:
        """Compute the representations of images.

        Parameters
        ----------
        X : array-like, Tensor, or list of paths
            Images of the shape seen during fit.

        Returns
        -------
        h : ndarray of float32 of shape (n_images, width)
            Representations, or what `output` names.
        """
        check_is_fitted(self)
        source = validated_images(self, X, self.image_shape_, reset=False)
        self._check_output(self.net_.module_)
        return embed(self.net_.module_, source, self.output, self.batch_size)

    @property
    def encoder_(self) -> nn.Module:
        """The trained encoder."""
        try:
            return self.net_.module_.encoder
        except AttributeError as error:
            raise AttributeError(f"This {type(self).__name__} has no encoder_ yet.") from error

    @property
    def _n_features_out(self):
        return self.net_.module_.width_of(self.output)

    def _train(self, X, y, *, anew, validation):
        interruption = None
        with (
            fitted_state_kept_on_error(self),
            fit_progress(self, X, y, n_steps=self.max_epochs) as progress,
        ):
            shape = self.image_shape if anew else self.image_shape_
            source = validated_images(self, X, shape, reset=anew, min_samples=2)
            images_val, labels_val = self._validation(*validation, source)
            net = self._new_net(source) if anew else self._net_to_go_on(len(source))
            self._check_output(net.module_)

            def on_record(record):
                progress.step("epoch")
                if self.verbose:
                    print(_line(record), flush=True)

            def evaluate(network):
                rows = embed(network, images_val, "representation", self.batch_size)
                return nearest_neighbour_accuracy(rows, labels_val)

            with self._checkpoint(net, source) as checkpoint:
                training = Training(
                    net,
                    source,
                    checkpoint=checkpoint,
                    evaluate=evaluate if images_val is not None else None,
                    on_record=on_record,
                )
                try:
                    training.run()
                    if checkpoint is not None:
                        checkpoint.remove()
                except KeyboardInterrupt as error:
                    if not training.back_to_last_epoch():
                        raise
                    interruption = error
            self.net_, self.history_ = net, training.records()
            self.n_iter_ = len(self.history_)
            c, h, w = source.shape
            self.image_shape_ = (h, w, c)
        if interruption is not None:
            warnings.warn(
                f"The training was interrupted; the fitted state is that after {self.n_iter_} "
                "epochs.",
                stacklevel=3,
            )
            raise interruption
        self._warn_of_collapse(source)
        return self

    def _validation(self, X_val, y_val, source):
        """Labelled images of the shape of the training images, and their labels; or Nones."""
        if X_val is None and y_val is None:
            return None, None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val are given together or not at all.")
        c, h, w = source.shape
        images = image_source(X_val, (h, w, c), estimator_name=type(self).__name__)
        images.check()
        labels = np.asarray(y_val)
        if labels.shape != (len(images),) or len(images) < 2:
            raise ValueError(
                f"X_val has {len(images)} images and y_val the shape {labels.shape}; there must be "
                "one label for each image, and at least two."
            )
        return images, labels

    def _new_net(self, source) -> Trainer:
        """An initialised trainer of these parameters for these images."""
        if self.batch_size > len(source):
            warnings.warn(
                f"batch_size={self.batch_size} is more than the {len(source)} images there are; "
                "all of them make one batch.",
                stacklevel=4,
            )
        parameters = self.get_params(deep=False)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        return simclr_trainer(source, parameters, seed).initialize()

    def _net_to_go_on(self, n_images) -> Trainer:
        """A copy of the fitted trainer, so that a failure leaves that as it is."""
        net = copy.deepcopy(self.net_)
        net.max_epochs = self.max_epochs
        net.schedule = schedule_of(self.warmup_epochs, self.max_epochs)
        return net

    def _checkpoint(self, net, source):
        """The checkpoint of this training as a context, of None without `checkpoint_dir`."""
        if self.checkpoint_dir is None:
            return nullcontext()
        parameters = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in (*_NOT_PART_OF_TRAINING, "random_state")
        }
        # without a seed there is no telling trainings apart: the next one goes on from this one
        seed = None if self.random_state is None else net.seed
        start = net.training_state()["module"] if net.history else None
        return locked_checkpoint(
            self.checkpoint_dir, fingerprint(parameters, seed, start, source.digest())
        )

    def _check_output(self, network):
        if self.output == "middle":
            network.width_of("middle")

    def _warn_of_collapse(self, source):
        """Look at representations that are all alike; nothing can be learned from those."""
        numbers = torch.arange(min(len(source), _LOOKED_AT))
        network = self.net_.module_
        device = next(network.parameters()).device
        images = next(source.batches([numbers], device))
        with torch.inference_mode():
            share = float(collapse_share(network.eval().encoder(images)))
        if share < _COLLAPSED:
            warnings.warn(
                "The representations of all images are alike: the training collapsed. Lower the "
                "learning rate or raise the temperature, and see that the augmentations leave "
                "something of the images.",
                CollapseWarning,
                stacklevel=4,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _line(record):
    """A record as a line of text."""
    numbers = (f"{key} {value:.4g}" for key, value in record.items() if key != "epoch")
    return f"epoch {record['epoch']}: " + ", ".join(numbers)
