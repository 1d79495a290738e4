"""AutoencoderEmbedder: representations by reconstruction, whole or masked."""

import os
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

from torch import Tensor, nn
from torch.utils.data import Dataset

from .._images.containers import unpacked
from .._images.layout import image_size
from .._sklearn_compat import Interval, StrOptions, fit_context
from .._typing import ArrayLike, MatrixLike, RandomState, VectorLike
from ._diagnostics import variance_share
from ._embedder.image_embedder import ImageEmbedder
from ._embedder.network_embedder import LARGEST_WIDTH
from ._reconstruction.build import autoencoder_parts
from ._reconstruction.decode import DecoderMixin

__all__ = ["AutoencoderEmbedder"]

# what contrastive learning has and an autoencoder has not
_OF_VIEWS = ("projection_head", "projection_dim", "augmentations", "chunk_size", "output")


class AutoencoderEmbedder(DecoderMixin, ImageEmbedder):
    """Representations of images or rows, learned without labels by reconstruction.

    An encoder f maps a sample to a code h = f(x), and a decoder maps the code back to the sample;
    both are trained to make the squared error small. With `mask_rate` the encoder sees a part of
    each sample and the decoder predicts the whole: the masked autoencoder [1]_. It is the
    generative method for comparison with contrastive learning, with the same encoders and the same
    training as :class:`SimCLREmbedder`, and the way back from codes to samples.

    Parameters
    ----------
    encoder : str, nn.Module or callable, default="auto"
        The network f, as in :class:`SimCLREmbedder` for images: "auto", "resnet_narrow", a name of
        timm, a module, which is copied, or a callable that returns one. For rows "auto" is "mlp",
        two hidden layers of 128 units; a module maps (n, n_features) to rows.

    pretrained : bool or path-like, default=False
        Whether the encoder starts from timm's pretrained weights, or the path of a file of weights
        of timm's network of this name.

    normalization : tuple of (mean, std), default=None
        Normalisation (x - mean) / std before the encoder, each a number or one for each channel, or
        feature. None: that of timm for pretrained weights, otherwise the moments of the training
        samples.

    image_shape : tuple of (h, w) or (h, w, c), default=None
        Shape of an image in two-dimensional X, and the size to which files are resized and cropped.
        None: two-dimensional X is a table of numbers, each row a sample, and files become 224 x 224
        in colour.

    n_components : int, default=None
        Number of features of the code: a linear layer follows the encoder. None: the width of the
        encoder; for rows with "mlp" half of the number of features, rounded up, at most 128.

    decoder : {"auto", "linear"}, nn.Module or callable, default="auto"
        "auto" is a convolutional network for images, which doubles the size in each stage, and a
        network of one hidden layer for rows. "linear" is a linear map. A module, which is copied,
        or a callable that returns one, maps codes (n, width) to standardised samples,
        (n, c, h, w) or (n, n_features).

    mask_rate : float, default=0.0
        Probability, at least 0 and below 1, that a patch of an image, or a feature of a row, is
        hidden from the encoder in training: it sees the mean of the channel there. The loss is
        that of all values, hidden and visible. :meth:`transform` hides nothing.

    patch_size : int, default=4
        Side of the square patches of pixels that `mask_rate` hides. Not used for rows.

    batch_size : int, default=256
        Number of samples in a step, at least 3, of all processes together. If it is more than the
        number of samples, a warning is given and one batch holds all of them.

    max_epochs : int, default=100
        Passes over the samples. On a CPU begin with 10 to see what a training gives.

    optimizer : {"muon", "adamw", "sgd", "lars"}, default="muon"
        As in :class:`SimCLREmbedder`: Muon moves the filters of convolutions, and all other weights
        as AdamW does, so that a network without convolutions is trained by AdamW.

    learning_rate : float or {"auto", "linear", "sqrt"}, default="auto"
        Learning rate at the top of the schedule. "linear" grows with the batch size, "sqrt" with
        its square root; "auto" is "linear" for SGD, "sqrt" for the others. For a batch size of 256
        it is 0.002 for Muon and AdamW, 0.03 for SGD, and 1.2 (or 0.3 with "linear") for
        LARS.

    weight_decay : float, default=1e-4
        Decay of the weights; biases and norms do not decay.

    warmup_epochs : float, default=1
        Epochs in which the learning rate rises, at most half of all epochs; then it falls to 0 as a
        cosine.

    device : str, default="auto"
        "auto" is a GPU if there is one; otherwise a PyTorch device string such as "cpu".

    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the network during training; "auto" is bfloat16 on GPUs that support it and
        float32 elsewhere. The loss is always computed in float32.

    on_unreadable : {"raise", "skip"}, default="raise"
        What to do with files, or items of a Dataset, that cannot be read, as in
        :class:`SimCLREmbedder`.

    checkpoint_dir : path-like, default=None
        A folder in which fit saves every epoch. The same call of fit resumes from the last saved
        epoch, with the same result, and then removes what it saved.

    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and masks. PyTorch's global random state does not change.

    verbose : "auto" or int, default="auto"
        "auto" reports long trainings only, 0 prints nothing, 1 a line for each epoch.

    Attributes
    ----------
    encoder_ : nn.Module
        The trained f, from images (n, c, h, w) in [0, 1], or rows (n, n_features), to codes; its
        first part normalises them.

    decoder_ : nn.Module
        The trained decoder, from codes to images or rows; its last part is the units of X.

    net_ : skorch.NeuralNet
        The trainer: `net_.module_` has `encoder` and `decoder`.

    history_ : list of dict
        One record per epoch: "epoch", "loss", "learning_rate" (at its end), "seconds", and
        "knn_accuracy" if `X_val` was given. The loss is the mean squared error in units of the
        variance of each channel, or feature: 1 is the error of the mean.

    image_shape_ : tuple of (h, w, c)
        Shape of an image; (1, 1, n_features) for rows.

    n_iter_ : int
        Number of epochs.

    unreadable_ : dict of int to str
        Path and reason of the training images that were skipped, by their positions in X.

    n_features_in_ : int
        Number of features seen during fit, h * w * c for images.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    SimCLREmbedder : Contrastive learning with the same encoders.
    sklearn_contrastive.generative.LinearAutoencoder : The linear one, in closed form.

    Notes
    -----
    Images are read as by :class:`SimCLREmbedder`, from arrays, tensors, lists, files or a Dataset;
    only two-dimensional X without `image_shape` differs. Rows are real numbers, and each feature is
    standardised by its training values. They are read as float32: subtract the mean of features,
    such as times, that vary by less than a millionth of it. Where a code is as wide as a row,
    nothing has to be learned: give fewer `n_components`, or a `mask_rate`.

    Training, resumption, interruption and several processes are those of
    :class:`SimCLREmbedder`. With a linear encoder and decoder the codes of rows span PCA's subspace
    [2]_.

    References
    ----------
    .. [1] He, Chen, Xie, Li, Dollar and Girshick (2022), "Masked Autoencoders Are Scalable Vision
       Learners", CVPR.
    .. [2] Baldi and Hornik (1989), "Neural Networks and Principal Component Analysis: Learning from
       Examples Without Local Minima", Neural Networks 2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive.deep import AutoencoderEmbedder
    >>> images = load_digits().images / 16
    >>> embedder = AutoencoderEmbedder("resnet_narrow", max_epochs=2, random_state=0)
    >>> h = embedder.fit_transform(images)
    >>> h.shape, embedder.inverse_transform(h).shape
    ((1797, 512), (1797, 64))
    >>> embedder.history_[-1]["loss"] < 1  # better than the mean
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: allowed
            for name, allowed in ImageEmbedder._parameter_constraints.items()
            if name not in _OF_VIEWS
        },
        "n_components": [Interval(Integral, 1, LARGEST_WIDTH, closed="both"), None],
        "decoder": [StrOptions({"auto", "linear"}), callable],
        "mask_rate": [Interval(Real, 0, 1, closed="left")],
        "patch_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        encoder: str | nn.Module | Callable[[], nn.Module] = "auto",
        *,
        pretrained: bool | str | os.PathLike[str] = False,
        normalization: Sequence | None = None,
        image_shape: Sequence[int] | None = None,
        n_components: int | None = None,
        decoder: str | nn.Module | Callable[[], nn.Module] = "auto",
        mask_rate: float = 0.0,
        patch_size: int = 4,
        batch_size: int = 256,
        max_epochs: int = 100,
        optimizer: str = "muon",
        learning_rate: float | str = "auto",
        weight_decay: float = 1e-4,
        warmup_epochs: float = 1,
        device: str = "auto",
        precision: str = "auto",
        on_unreadable: str = "raise",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        random_state: RandomState = None,
        verbose: int | str = "auto",
    ):
        self.encoder = encoder
        self.pretrained = pretrained
        self.normalization = normalization
        self.image_shape = image_shape
        self.n_components = n_components
        self.decoder = decoder
        self.mask_rate = mask_rate
        self.patch_size = patch_size
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_epochs = warmup_epochs
        self.device = device
        self.precision = precision
        self.on_unreadable = on_unreadable
        self.checkpoint_dir = checkpoint_dir
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: MatrixLike | Tensor | Dataset | Sequence[os.PathLike[str]],
        y: Any = None,
        *,
        X_val: ArrayLike | Dataset | None = None,
        y_val: VectorLike | None = None,
    ) -> Self:
        """Train encoder and decoder.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Training samples, at least two: images, or a table of numbers.

        y : None
            Ignored.

        X_val : array-like, Tensor, list of paths, or Dataset, default=None
            Labelled samples to monitor the training: after each epoch, "knn_accuracy" in `history_`
            is the leave-one-out accuracy of their 10 nearest neighbours by cosine similarity. The
            network is not trained on them.

        y_val : array-like of shape (n_samples,), default=None
            Their labels.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X cannot be read, a parameter does not fit X, or the training diverges. An earlier
            fit stays usable.
        ImportError
            If a parameter needs a package that is not installed.
        """
        return self._train(X, y, anew=True, X_val=X_val, y_val=y_val)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: MatrixLike | Tensor | Dataset | Sequence[os.PathLike[str]],
        y: Any = None,
        *,
        X_val: ArrayLike | Dataset | None = None,
        y_val: VectorLike | None = None,
    ) -> Self:
        """Continue the training for `max_epochs` more epochs.

        Weights and optimiser keep their state; the learning rate follows a new schedule. X may hold
        other samples of the same shape, which are standardised as the first ones. Of the parameters
        that changed since the first call, only these have an effect: `max_epochs`,
        `warmup_epochs`, `batch_size`, `learning_rate`, `checkpoint_dir` and `verbose`.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Training samples, as in fit.

        y : None
            Ignored.

        X_val : array-like, Tensor, list of paths, or Dataset, default=None
            Labelled samples to monitor the training, as in fit.

        y_val : array-like of shape (n_samples,), default=None
            Their labels.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._train(X, y, anew=not hasattr(self, "net_"), X_val=X_val, y_val=y_val)

    def _parts(self, samples, parameters, *, download=True):
        return autoencoder_parts(samples, parameters, download=download)

    def _shape_for(self, X):
        """Shape of the samples; a row is an image of one pixel, and its features the channels."""
        shape = self.image_shape
        if shape is not None:
            c, h, w = image_size(shape)
            return (1, 1, w * c) if h == 1 else shape
        axes = getattr(unpacked(X), "shape", ())
        return (1, 1, int(axes[1])) if len(axes) == 2 else None

    _collapse_share = staticmethod(variance_share)
    _advice_on_collapse = "Lower the learning rate, or give another decoder or encoder."
