"""SimCLREmbedder: representations of images by contrastive learning."""

import os
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, ClassVar, Self

from torch import Tensor, nn
from torch.utils.data import Dataset

from .._sklearn_compat import Interval, StrOptions, fit_context
from .._typing import ArrayLike, MatrixLike, RandomState, VectorLike
from ._embedder.build import simclr_parts
from ._embedder.image_embedder import ImageEmbedder
from ._embedder.losses import LOSSES

__all__ = ["SimCLREmbedder"]


class SimCLREmbedder(ImageEmbedder):
    """Representations of images, learned without labels by SimCLR.

    It trains an encoder f, a network, to recognise two random views of the same image, crops with
    changed colours, among all views of the batch [1]_. The loss compares projections z = g(f(x));
    :meth:`transform` returns the representations h = f(x), on which a linear classifier needs few
    labels.

    Parameters
    ----------
    encoder : str, nn.Module or callable, default="auto"
        The network f. "auto" is "resnet18" on a GPU or with `pretrained`, and "resnet_narrow" on a
        CPU, which trains it in a small part of the time; name one of them for the same network on
        every machine. "resnet_narrow" averages its 128 last maps over 4 x 4 parts of the image, or
        fewer where the maps are smaller, so that the 2048 features of h tell the parts apart.
        "mlp", two hidden layers of 128 units, is for rows of features. All other names are timm's,
        such as "resnet50" or "convnext_atto". Residual networks get a small stem for images under
        64 pixels. A module is copied, and training starts from its weights; a callable returns a
        module. The module maps images (n, c, h, w) to rows.

    pretrained : bool or path-like, default=False
        Whether the encoder starts from timm's pretrained weights, or the path of a file of weights
        of timm's network of this name, written by torch.save or safetensors.

    normalization : tuple of (mean, std), default=None
        Normalisation (x - mean) / std of images in [0, 1], each a number or one for each channel.
        None: that of timm for pretrained weights, otherwise the moments of the training images.
        Give it for weights that were trained with another one.

    image_shape : tuple of (h, w) or (h, w, c), default=None
        Shape of an image in two-dimensional X, and the size to which files are resized and cropped
        at the centre. None: files become 224 x 224 in colour, and each image of two-dimensional X
        is a grey square if its number of features is a square of at least 64, or a row of any real
        values if it has fewer than 64. (h, w): files become grey only if all are. Files of
        64 x 64 pixels train several times as fast as files of 224 x 224.

    projection_head : {"mlp", "mlp3", "linear", "none"} or nn.Module, default="mlp"
        The network g: one hidden layer, two, a linear map, or the identity. A hidden layer is as
        wide as h, but has at most 512 units, or four times `projection_dim`.

    projection_dim : int, default=128
        Number of features of the projections.

    loss : {"nt_xent", "decoupled", "sogclr", "spectral", "linear", "vicreg", "barlow_twins", \
            "sigreg"} or callable, default="nt_xent"
        The loss: :func:`nt_xent_loss`; for small batches :func:`decoupled_contrastive_loss` and
        :func:`sogclr_loss`, which keeps a number for each training image;
        :func:`spectral_contrastive_loss`, :func:`linear_contrastive_loss` of projections of unit
        length; without negatives :func:`vicreg_loss`, :func:`barlow_twins_loss` and
        :func:`sigreg_loss`; or a function of the projections of the two views, (n, projection_dim)
        each. Of a module a copy is used, and its parameters are trained.

    temperature : float or "learn", default=0.2
        Temperature of "nt_xent", "decoupled" and "sogclr". A low temperature gives more weight to
        the hardest negatives. "learn" trains that of the first two, from 0.5, and records it in
        `history_`.

    augmentations : {"simclr", "crop", "crop_flip", "masking", "none"} or callable, default="simclr"
        The augmentation that draws the views: a name, an object of
        :mod:`sklearn_contrastive.augmentation` such as ``SimCLRAugmentation(strength=0.5)``, or any
        callable from a batch (n, c, h, w) in [0, 1] to such a batch, such as a kornia module. It
        may draw from PyTorch's random state, which is seeded, but not from NumPy's, which is not.
        For rows of features "simclr" is random masking.

    batch_size : int, default=256
        Number of images in a step, at least 3, of all processes together. The other images of the
        batch are the negatives. If it is more than the number of images, a warning is given and one
        batch holds all images.

    chunk_size : int or None, default=None
        Number of images whose views are in memory at once, for batches that do not fit: the
        gradient is that of the whole batch, in up to four thirds of the time. None: the whole
        batch. It is at most `batch_size`. Batches are cut into chunks of nearly equal size, and
        every chunk goes through the network twice, with the same random numbers; the views of a
        batch are kept if they are at most 128 MB, and drawn again otherwise. BatchNorm normalises
        by the two views of a chunk, and its running statistics are those of one pass over the
        chunks; all else is as in a whole batch. :meth:`transform` takes so many images at once.

    max_epochs : int, default=100
        Passes over the images. On a CPU begin with 10 to see what a training gives.

    optimizer : {"muon", "adamw", "sgd", "lars"}, default="muon"
        Muon moves the filters of convolutions by momentum whose singular values are made
        equal [3]_, and all other weights as AdamW does: a network without convolutions is trained
        by AdamW. SGD has momentum 0.9; LARS is the optimiser of the paper, for large batches.

    learning_rate : float or {"auto", "linear", "sqrt"}, default="auto"
        Learning rate at the top of the schedule. "linear" grows with the batch size, "sqrt" with
        its square root; "auto" is "linear" for SGD, "sqrt" for the others. For a batch size of 256
        it is 0.002 for Muon and AdamW, 0.03 for SGD, and 1.2 (or 0.3 with "linear") for
        LARS; those of SGD and LARS are lower for a loss with larger gradients than NT-Xent.

    weight_decay : float, default=1e-4
        Decay of the weights; biases and norms do not decay. The paper has 1e-6 with LARS.

    warmup_epochs : float, default=1
        Epochs in which the learning rate rises, at most half of all epochs; then it falls to 0 as a
        cosine. A warm-up of a single step is left out. The paper has 10 of 100.

    device : str, default="auto"
        "auto" is a GPU if there is one; otherwise a PyTorch device string such as "cpu".

    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Precision of the network during training; "auto" is bfloat16 on GPUs that support it and
        float32 elsewhere. CPUs with matrix instructions for bfloat16 (AMX) are also faster with it;
        images of a few pixels, whose convolutions PyTorch computes wrongly there, are refused. The
        loss is always computed in float32.

    output : {"representation", "projection", "middle"}, default="representation"
        Output of transform: h, z, or the first hidden layer of g. It may be changed after fit.

    on_unreadable : {"raise", "skip"}, default="raise"
        What to do with files, or items of a Dataset, that cannot be read: one error for all, or a
        warning. "skip" leaves them out of the training and lists them in `unreadable_`;
        :meth:`transform` returns rows of NaN for them. It may be changed after fit.

    checkpoint_dir : path-like, default=None
        A folder in which fit saves every epoch, in a subfolder for each combination of parameters,
        data and versions. If the process ends during fit, the same call of fit resumes from the
        last saved epoch, with the same result, and then removes the subfolder. With a larger
        `max_epochs` it continues too, with a warning.

    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and views. PyTorch's global random state does not change.

    verbose : "auto" or int, default="auto"
        "auto" prints nothing, unless more than 30 seconds are left after the first three: then a
        line on stderr says how long the training takes and how to shorten it, and a progress bar
        follows, or in a log a line now and then. In a search there is one such line for all fits.
        It is silent where scikit-learn's ProgressBar is set. 0 prints nothing, 1 a line for each
        epoch.

    Attributes
    ----------
    encoder_ : nn.Module
        The trained f, from images (n, c, h, w) in [0, 1] to representations; its first part
        normalises them.

    net_ : skorch.NeuralNet
        The trainer: `net_.module_` has `encoder` and `head`.

    history_ : list of dict
        One record per epoch: "epoch", "loss", "learning_rate" (at its end), "seconds"; for the last
        batch, "alignment" and "uniformity" [2]_ and "contrastive_accuracy", the share of views to
        which their partner is the most similar view; "knn_accuracy" if `X_val` was given, and
        "temperature" if it is learned.

    image_shape_ : tuple of (h, w, c)
        Shape of an image.

    n_iter_ : int
        Number of epochs.

    unreadable_ : dict of int to str
        Path and reason of the training images that were skipped, by their positions in X.

    n_features_in_ : int
        Number of features seen during fit, h * w * c.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    sklearn_contrastive.LinearContrastive : Contrastive learning on tables, in closed form.
    sklearn_contrastive.evaluation.linear_probe : Evaluate the representations.

    Notes
    -----
    Images are uint8 from 0 to 255 or floats from 0 to 1, as (n, h, w), (n, h, w, c), (n, c, h, w)
    or two-dimensional with `image_shape`: NumPy arrays, memory maps, which are read in blocks,
    tensors, lists of images, a list, array or column of paths of files, or a Dataset of PyTorch
    whose items are images or tuples such as (image, label). Files are pictures, or arrays of one
    image each: .npy, or TIFF of more channels, which tifffile reads.

    On a CPU, with the same number of threads, the same `random_state` gives the same network bit by
    bit, also if the training was resumed from `checkpoint_dir`. After a KeyboardInterrupt the
    fitted state is that of the last finished epoch; fit warns and raises the interrupt again.

    In a script that torchrun or accelerate launch starts, all processes train together, as one
    process with the same `batch_size` does; every process must call fit with the same images and
    parameters. The guide has a page on several GPUs.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML.
    .. [2] Wang and Isola (2020), "Understanding Contrastive Representation Learning through
       Alignment and Uniformity on the Hypersphere", ICML.
    .. [3] Jordan, Jin, Boza, You, Cesista, Newhouse and Bernstein (2024), "Muon: An optimizer for
       hidden layers in neural networks", kellerjordan.github.io/posts/muon.

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
    ((1797, 512), dtype('float32'))
    >>> [sorted(record) for record in embedder.history_][0][:3]
    ['alignment', 'contrastive_accuracy', 'epoch']
    """

    _parameter_constraints: ClassVar[dict] = {
        **ImageEmbedder._parameter_constraints,
        "loss": [StrOptions({*LOSSES, "sogclr"}), callable],
        "temperature": [Interval(Real, 0, None, closed="neither"), StrOptions({"learn"})],
    }

    def __init__(
        self,
        encoder: str | nn.Module | Callable[[], nn.Module] = "auto",
        *,
        pretrained: bool | str | os.PathLike[str] = False,
        normalization: Sequence | None = None,
        image_shape: Sequence[int] | None = None,
        projection_head: str | nn.Module = "mlp",
        projection_dim: int = 128,
        loss: str | Callable[[Tensor, Tensor], Tensor] = "nt_xent",
        temperature: float | str = 0.2,
        augmentations: str | Callable[..., Tensor] = "simclr",
        batch_size: int = 256,
        chunk_size: int | None = None,
        max_epochs: int = 100,
        optimizer: str = "muon",
        learning_rate: float | str = "auto",
        weight_decay: float = 1e-4,
        warmup_epochs: float = 1,
        device: str = "auto",
        precision: str = "auto",
        output: str = "representation",
        on_unreadable: str = "raise",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        random_state: RandomState = None,
        verbose: int | str = "auto",
    ):
        self.encoder = encoder
        self.pretrained = pretrained
        self.normalization = normalization
        self.image_shape = image_shape
        self.projection_head = projection_head
        self.projection_dim = projection_dim
        self.loss = loss
        self.temperature = temperature
        self.augmentations = augmentations
        self.batch_size = batch_size
        self.chunk_size = chunk_size
        self.max_epochs = max_epochs
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_epochs = warmup_epochs
        self.device = device
        self.precision = precision
        self.output = output
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
        """Train the network on images.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Training images, at least two; see the notes of the class for their shapes and values.

        y : None
            Ignored.

        X_val : array-like, Tensor, list of paths, or Dataset, default=None
            Labelled images to monitor the training: after each epoch, "knn_accuracy" in `history_`
            is the leave-one-out accuracy of their 10 nearest neighbours by cosine similarity. The
            network is not trained on them.

        y_val : array-like of shape (n_images,), default=None
            Their labels.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X cannot be read as images, a parameter does not fit X, or the training diverges.
            An earlier fit stays usable.
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
        other images of the same shape, so that the averages of "sogclr" start anew. Of the
        parameters that changed since the first call, only these have an effect: `max_epochs`,
        `warmup_epochs`, `batch_size`, `chunk_size`, `learning_rate`, `checkpoint_dir` and
        `verbose`.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Training images, as in fit.

        y : None
            Ignored.

        X_val : array-like, Tensor, list of paths, or Dataset, default=None
            Labelled images to monitor the training, as in fit.

        y_val : array-like of shape (n_images,), default=None
            Their labels.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._train(X, y, anew=not hasattr(self, "net_"), X_val=X_val, y_val=y_val)

    def _parts(self, samples, parameters, *, download=True):
        return simclr_parts(samples, parameters, download=download)
