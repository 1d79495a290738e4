"""SupConEmbedder: representations of images by supervised contrastive learning."""

import os
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, ClassVar, Literal, Self

from torch import Tensor, nn
from torch.utils.data import Dataset

from .._sklearn_compat import Interval, StrOptions, fit_context
from .._typing import ArrayLike, MatrixLike, RandomState, VectorLike
from ._embedder.image_embedder import ImageEmbedder
from ._embedder.stored import restore_network, stored_network
from ._embedder.supcon import supcon_parts
from ._embedder.targets import (
    KnownTargets,
    read_training_targets,
    restore_targets,
    stored_targets,
    warn_of_few_labels,
)

__all__ = ["SupConEmbedder"]


class SupConEmbedder(ImageEmbedder):
    """Representations of images, learned from labels by supervised contrastive learning (SupCon).

    It trains an encoder f, a network, as :class:`SimCLREmbedder` does, but the positives of a view
    are the views of all images of its class [1]_, see :func:`supervised_contrastive_loss`. Images
    without a label take part: their only positive is their other view. So one training uses few
    labels and many images; without any label it is SimCLR. Numbers in place of labels attract
    images by how close they are [2]_. :meth:`transform` returns the representations h = f(x); the
    classifier on them is any of scikit-learn's, such as LogisticRegression.

    Parameters
    ----------
    encoder : str, nn.Module or callable, default="auto"
        The network f. "auto" is "resnet18" on a GPU or with `pretrained`, and "resnet_narrow" on a
        CPU, which trains it in a small part of the time; name one of them for the same network on
        every machine. All other names are timm's, such as "resnet50" or "convnext_atto". Residual
        networks get a small stem for images under 64 pixels. A module is copied, and training
        starts from its weights; a callable returns a module. The module maps images (n, c, h, w)
        to rows.

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

    temperature : float or "learn", default=0.1
        Temperature of the loss. A low temperature gives more weight to the hardest negatives.
        "learn" trains it, from 0.1, and records it in `history_`.

    class_balanced : bool, default=False
        Whether the classes are equally frequent in every batch: for data in which some are rare, or
        in which few images have a label. Images without a label have their share of the places of
        each batch, but at most half. The other places go to the classes in turn, one each,
        or two if there are fewer than two for every class. A class fills its places with its images
        in random order, and begins anew when all were used: images of rare classes are repeated,
        and some of frequent classes, and of those without a label, are left out of an epoch.

    target_type : {"auto", "classes", "continuous"}, default="auto"
        What y holds: class labels, or numbers. With "auto", several columns of numbers are
        "continuous", and so is a column of floats. A column of floats that may be labels, because
        its values repeat or are whole, is refused with the request to say which is meant.
        Integers, strings, and two whole numbers such as 0.0 and 1.0, are "classes".

    unlabelled : label or None, default="auto"
        The value in y that marks an image without a label; ``numpy.nan`` is allowed. Unknown
        numbers are NaN always. "auto" is the number -1, also among strings; y with exactly the
        values -1 and 1 is refused as ambiguous. With None every value is a label.

    bandwidth : float, default=0.25
        Of numbers in y: the difference at which the weight of a positive falls to exp(-1/2), in
        standard deviations. Class labels do not use it.

    augmentations : {"simclr", "crop", "crop_flip", "masking", "none"} or callable, default="simclr"
        The augmentation that draws the views: a name, an object of
        :mod:`sklearn_contrastive.augmentation` such as ``SimCLRAugmentation(strength=0.5)``, or any
        callable from a batch (n, c, h, w) in [0, 1] to such a batch, such as a kornia module. It
        may draw from PyTorch's random state, which is seeded, but not from NumPy's, which is not.
        For rows of features "simclr" is random masking.

    batch_size : int, default=256
        Number of images in a step, at least 3, of all processes together. If it is more than the
        number of images, a warning is given and one batch holds all images.

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
        by AdamW. SGD has momentum 0.9; LARS is for large batches.

    learning_rate : float or {"auto", "linear", "sqrt"}, default="auto"
        Learning rate at the top of the schedule. "linear" grows with the batch size, "sqrt" with
        its square root; "auto" is "linear" for SGD, "sqrt" for the others. For a batch size of 256
        it is 0.002 for Muon and AdamW, 0.03 for SGD, and 1.2 (or 0.3 with "linear") for
        LARS.

    weight_decay : float, default=1e-4
        Decay of the weights; biases and norms do not decay.

    warmup_epochs : float, default=1
        Epochs in which the learning rate rises, at most half of all epochs; then it falls to 0 as a
        cosine. A warm-up of a single step is left out.

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
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted, if y names classes; those of all calls of :meth:`partial_fit`.

    target_mean_, target_scale_ : ndarray of shape (n_targets,)
        Mean and standard deviation of the numbers in y, if it holds numbers; those of the first
        call of :meth:`partial_fit`.

    encoder_ : nn.Module
        The trained f, from images (n, c, h, w) in [0, 1] to representations; its first part
        normalises them.

    net_ : skorch.NeuralNet
        The trainer: `net_.module_` has `encoder` and `head`.

    history_ : list of dict
        One record per epoch, as that of :class:`SimCLREmbedder`. "contrastive_accuracy" falls as
        the images of a class come together.

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
    SimCLREmbedder : The same without labels.
    supervised_contrastive_loss : The loss.

    Notes
    -----
    The images, resumed trainings, processes and repeatability are as in the notes of
    :class:`SimCLREmbedder`. The labels of images that ``on_unreadable="skip"`` leaves out are left
    out with them. Labels in the items of a Dataset are not read: give them as y.

    The network has seen the labels of its training images, so that their representations are
    better separated than those of new images: evaluate on images that were not trained on.

    References
    ----------
    .. [1] Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu and Krishnan (2020),
       "Supervised Contrastive Learning", NeurIPS, arXiv:2004.11362.
    .. [2] Dufumier et al. (2021), "Contrastive Learning with Continuous Proxy Meta-Data for 3D MRI
       Classification", MICCAI, arXiv:2106.08808.
    .. [3] Jordan, Jin, Boza, You, Cesista, Newhouse and Bernstein (2024), "Muon: An optimizer for
       hidden layers in neural networks", kellerjordan.github.io/posts/muon.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn_contrastive.deep import SupConEmbedder
    >>> X, y = load_digits(return_X_y=True)
    >>> X = X / 16
    >>> embedder = SupConEmbedder("resnet_narrow", batch_size=64, max_epochs=2, random_state=0)
    >>> h = embedder.fit(X[:500], y[:500]).transform(X)
    >>> h.shape, embedder.classes_.tolist()
    ((1797, 512), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    >>> KNeighborsClassifier().fit(h[:500], y[:500]).score(h[500:], y[500:]) > 0.8
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **ImageEmbedder._parameter_constraints,
        "temperature": [Interval(Real, 0, None, closed="neither"), StrOptions({"learn"})],
        "class_balanced": ["boolean"],
        "target_type": [StrOptions({"auto", "classes", "continuous"})],
        "unlabelled": "no_validation",
        "bandwidth": [Interval(Real, 0, None, closed="neither")],
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
        temperature: float | str = 0.1,
        class_balanced: bool = False,
        target_type: Literal["auto", "classes", "continuous"] = "auto",
        unlabelled: Any = "auto",
        bandwidth: float = 0.25,
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
        self.temperature = temperature
        self.class_balanced = class_balanced
        self.target_type = target_type
        self.unlabelled = unlabelled
        self.bandwidth = bandwidth
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
        y: ArrayLike | Tensor,
        *,
        X_val: ArrayLike | Dataset | None = None,
        y_val: VectorLike | None = None,
    ) -> Self:
        """Train the network on images and their labels.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Training images, at least two; see the notes of :class:`SimCLREmbedder`.

        y : array-like of shape (n_images,) or (n_images, n_targets)
            Class labels, numbers or strings; -1, or the value of `unlabelled`, for no label. Or
            numbers, NaN where one is unknown.

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
            If X cannot be read as images, y has another length or type, no label, one class
            without any unlabelled image, or infinite numbers, a parameter does not fit X, or the
            training diverges. An earlier fit stays usable.
        ImportError
            If a parameter needs a package that is not installed.
        """
        return self._train(X, y, anew=True, X_val=X_val, y_val=y_val)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: MatrixLike | Tensor | Dataset | Sequence[os.PathLike[str]],
        y: ArrayLike | Tensor,
        *,
        X_val: ArrayLike | Dataset | None = None,
        y_val: VectorLike | None = None,
    ) -> Self:
        """Continue the training for `max_epochs` more epochs.

        Weights and optimiser keep their state; the learning rate follows a new schedule. X may hold
        other images of the same shape, and y other classes, or no label at all. Numbers are
        standardised as in the first call. Of the parameters that changed since the first call, only
        these have an effect: `max_epochs`, `warmup_epochs`, `batch_size`, `chunk_size`,
        `learning_rate`, `checkpoint_dir` and `verbose`.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Training images, as in fit.

        y : array-like of shape (n_images,) or (n_images, n_targets)
            Their labels or numbers, of the same kind as in the first call.

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

    def _add_targets(self, samples, y, *, reset):
        if y is None:
            raise ValueError(
                "SupConEmbedder requires y to be passed, but the target y is None. Give labels, -1 "
                "for images without one; without any label use SimCLREmbedder."
            )
        samples.targets, known = read_training_targets(
            y,
            len(samples) + len(samples.unreadable),
            list(samples.unreadable),
            self.get_params(deep=False),
            None if reset else KnownTargets.of(self),
        )
        known.set_on(self)
        if known.classes is not None and not self.class_balanced:
            warn_of_few_labels(samples.targets, self.batch_size)

    def _parts(self, samples, parameters, *, download=True):
        return supcon_parts(samples, parameters, download=download)

    def _stored_attributes(self):
        attributes, arrays = stored_network(self)
        return attributes | stored_targets(self), arrays

    def _restore(self, stored, attributes):
        restore_network(self, stored, attributes)
        restore_targets(self, stored, attributes)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
