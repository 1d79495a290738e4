"""ContrastiveClassifier: an embedder, fine-tuned with few labels."""

import copy
import os
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral, Real
from typing import ClassVar, Self

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.utils.data import Dataset

from .._base import ContrastiveEstimator, fit_progress, fitted_state_kept_on_error
from .._sklearn_compat import Interval, StrOptions, fit_context, n_rows
from .._typing import ArrayLike, MatrixLike, RandomState
from .._warnings import warn
from ._autoencoder import AutoencoderEmbedder
from ._embedder.network_embedder import NetworkEmbedder, warn_of_unreadable
from ._embedder.report import reported_training
from ._fine_tuning.build import (
    ClassifierFit,
    classifier_trainer,
    epochs_of,
    facts_of_training,
    labelled_samples,
    self_training_epochs_of,
    student_trainer,
    taught_samples,
)
from ._fine_tuning.labels import Labels, read_labels
from ._fine_tuning.predictions import NetworkClassifierMixin
from ._fine_tuning.stored import restore_classifier, stored_classifier
from ._fine_tuning.teacher import probabilities_of_teacher
from ._saving import SavedFitMixin
from ._simclr import SimCLREmbedder
from ._supcon import SupConEmbedder
from ._tabular import TabularContrastiveEmbedder
from ._training.held_checkpoints import held_checkpoints
from ._training.processes import training_processes
from ._training.torch_state import default_torch_state

__all__ = ["ContrastiveClassifier"]

# that a file may hold
_EMBEDDERS = (
    SimCLREmbedder,
    SupConEmbedder,
    AutoencoderEmbedder,
    TabularContrastiveEmbedder,
)


class ContrastiveClassifier(SavedFitMixin, NetworkClassifierMixin, ContrastiveEstimator):
    """Classifier for few labels: an embedder, fine-tuned with the labelled samples.

    First the embedder is trained on all samples, without labels. Then its network is copied up to a
    hidden layer, and all its weights are trained further, with a linear map from this layer to the
    classes, by the cross-entropy of the labelled samples [1]_.

    Where some images have no label, self-training follows: the embedder is trained once more, on
    all images, with the class probabilities that a teacher gives them. The teacher is the mean of
    the fine-tuned network, logistic regression on the representations, and labels spread among
    neighbours [2]_.

    Parameters
    ----------
    embedder : NetworkEmbedder or FrozenEstimator, default=None
        The embedder, such as :class:`SimCLREmbedder`. A clone of it is trained on all samples of
        fit. ``FrozenEstimator(embedder)`` of scikit-learn around a fitted embedder keeps its fit: a
        copy of it is fine-tuned, so that one long training serves many classifiers and a search of
        their parameters. None: ``SimCLREmbedder()``.

    from_layer : {"middle", "representation"}, default="middle"
        Layer from which the classes are predicted: the first hidden layer of the projection head,
        or the representation h. "middle" is h where the head has no hidden layer.

    max_epochs : int or "auto", default="auto"
        Passes over the labelled samples. "auto" is 60; with few rows of features it is more, for
        at least 200 steps.

    batch_size : int, default=32
        Number of labelled samples in a step, at least 3.

    learning_rate : float or "auto", default="auto"
        Learning rate of AdamW in the first step; it falls to 0 as a cosine. "auto" is 0.0005 with
        100 labelled images or fewer, 0.001 with 400 labelled rows of features or fewer, and 0.002
        with 1600 or more samples, between them proportional to the square root of their number.

    weight_decay : float, default=1e-4
        Decay of the weights; biases and norms do not decay.

    augmentations : {"auto", "simclr", "crop", "crop_flip", "masking", "none"} or callable, \
            default="auto"
        The augmentation of both trainings. "auto" has the crops and flips of the augmentations of
        the embedder, without its changes of colour, and in the self-training all of them; rows of
        features stay as they are. The others are those of :class:`SimCLREmbedder`.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the loss. "balanced" weights are inversely proportional to the
        numbers of labelled samples.

    self_training_epochs : int or "auto", default="auto"
        Passes over all samples in the self-training, if some have no label. "auto" is 20 for
        images, and 0 for rows of features, which are not augmented. 0: the fine-tuned network is
        the classifier.

    checkpoint_dir : path-like, default=None
        A folder in which fit saves every epoch of both trainings, and of the training of the
        embedder unless that has a `checkpoint_dir` of its own. If the process ends during fit, the
        same call of fit resumes from the last saved epoch, with the same result, and then removes
        what it saved. A training with a larger `max_epochs` continues from where it was.

    random_state : int, RandomState instance or None, default=None
        Draws batches and views, and the training of an embedder whose own `random_state` is None.
        PyTorch's global random state does not change.

    verbose : "auto" or int, default="auto"
        As in :class:`SimCLREmbedder`, for the fine-tuning.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.

    embedder_ : NetworkEmbedder
        The embedder with the network of the classifier: its transform returns representations
        after the fine-tuning, or the self-training. Its `history_` is that of its own training.

    net_ : skorch.NeuralNet
        The trainer: `net_.module_` has `embedding`, the network of the embedder, and `linear`.

    history_ : list of dict
        One record per epoch of the fine-tuning, and then of the self-training: "epoch", "loss",
        "accuracy" of the views before their step, in the self-training for the most probable class
        by the teacher, "learning_rate" at its end, "seconds".

    n_iter_ : int
        Number of epochs of the fine-tuning and of the self-training.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    SimCLREmbedder : Its representations suit any other classifier of scikit-learn.
    sklearn_contrastive.SupervisedLinearContrastive : Few labels for tables, in closed form.

    Notes
    -----
    After a KeyboardInterrupt in either training the fitted state is that of the last finished
    epoch; fit warns and raises the interrupt again. With `checkpoint_dir` the same call of fit
    continues. An embedder that is trained on its own serves several classifiers, as
    ``FrozenEstimator(embedder)``.

    :meth:`save` writes the network after the fine-tuning, and the parameters of `embedder` without
    its fit. So the `embedder` of a loaded classifier is not fitted: fit trains it as before, but a
    ``FrozenEstimator`` must be given again to fit anew, with set_params or to :meth:`load`.
    Predictions, `embedder_` and ``clone`` need nothing.

    With about ten labels of a class and no unlabelled samples, a linear classifier on the
    representations of an embedder may be more accurate than its fine-tuned network. scikit-learn's
    ``VotingClassifier`` averages the probabilities of both (guide: fine-tune with few labels).

    The search for the neighbours takes time proportional to the square of the number of samples;
    of more than 50000, so many are drawn for it. Labels are spread by scikit-learn's
    ``LabelSpreading`` on a graph of the 10 nearest neighbours by cosine similarity.

    Probabilities are not calibrated. scikit-learn's
    ``CalibratedClassifierCV(FrozenEstimator(classifier))`` calibrates them with labels that were
    held out.

    References
    ----------
    .. [1] Chen, Kornblith, Swersky, Norouzi and Hinton (2020), "Big Self-Supervised Models are
       Strong Semi-Supervised Learners", NeurIPS, section 2. Its self-training has the fine-tuned
       network alone as the teacher.

    .. [2] Iscen, Tolias, Avrithis and Chum (2019), "Label Propagation for Deep Semi-supervised
       Learning", CVPR.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive.deep import ContrastiveClassifier, SimCLREmbedder
    >>> X, y = load_digits(return_X_y=True)
    >>> few = np.where(np.arange(len(y)) < 100, y, -1)  # -1: no label
    >>> embedder = SimCLREmbedder("resnet_narrow", max_epochs=1)
    >>> classifier = ContrastiveClassifier(embedder, max_epochs=10, random_state=0)
    >>> classifier.fit(X / 16, few).predict_proba(X[-2:] / 16).shape
    (2, 10)
    """

    _parameter_constraints: ClassVar[dict] = {
        "embedder": [NetworkEmbedder, FrozenEstimator, None],
        "from_layer": [StrOptions({"middle", "representation"})],
        "max_epochs": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 3, None, closed="left")],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "augmentations": [str, callable],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "self_training_epochs": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "checkpoint_dir": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "verbose": ["verbose", StrOptions({"auto"})],
    }

    _estimator_parameters = ("embedder",)

    def __init__(
        self,
        embedder: NetworkEmbedder | FrozenEstimator | None = None,
        *,
        from_layer: str = "middle",
        max_epochs: int | str = "auto",
        batch_size: int = 32,
        learning_rate: float | str = "auto",
        weight_decay: float = 1e-4,
        augmentations: str | Callable[..., Tensor] = "auto",
        class_weight: dict | str | None = None,
        self_training_epochs: int | str = "auto",
        checkpoint_dir: str | os.PathLike[str] | None = None,
        random_state: RandomState = None,
        verbose: int | str = "auto",
    ):
        self.embedder = embedder
        self.from_layer = from_layer
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.augmentations = augmentations
        self.class_weight = class_weight
        self.self_training_epochs = self_training_epochs
        self.checkpoint_dir = checkpoint_dir
        self.random_state = random_state
        self.verbose = verbose

    # an embedder is validated by its own fit
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: MatrixLike | Tensor | Dataset | Sequence, y: ArrayLike) -> Self:
        """Train the embedder on all samples, fine-tune it with the labelled ones, then self-train.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Training samples, labelled or not, as the embedder takes them. With a FrozenEstimator
            those without a label matter to the self-training only.

        y : array-like of shape (n_samples,)
            Class of each sample, integers or strings, and -1 for samples without a label. Among
            strings it is the integer -1 in an array of dtype object.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If y has another length than X, labels no sample or one class only, X is not what the
            embedder takes, or a training diverges. An earlier fit stays usable.
        TypeError
            If a FrozenEstimator holds something other than an embedder.
        NotFittedError
            If the embedder in a FrozenEstimator is not fitted.
        """
        labels = read_labels(y, n_rows(X), type(self).__name__)
        draws = check_random_state(self.random_state)
        seeds = [int(draws.randint(2**31 - 1)) for _ in range(3)]
        # they are removed, that of the embedder too, when the classifier is fitted
        with held_checkpoints(self.checkpoint_dir) as held:
            with (
                fitted_state_kept_on_error(self),
                fit_progress(self, X, y, n_steps=self._n_epochs(labels, n_rows(X))) as on_step,
                default_torch_state(),
            ):
                embedder = self._trained_embedder(X, y, seeds[0])
                with training_processes(embedder.device) as processes:
                    interruption = self._train(
                        embedder, X, labels, seeds[1:], processes, held, on_step
                    )
            if interruption is not None:
                warn(
                    f"The training was interrupted; the fitted state is that after "
                    f"{self.n_iter_} epochs."
                )
                raise interruption
        return self

    def _trained_embedder(self, X, y, seed):
        """A fitted embedder that nothing else uses."""
        given = self.embedder
        if isinstance(given, FrozenEstimator):
            if not isinstance(given.estimator, NetworkEmbedder):
                raise TypeError(
                    f"embedder is a FrozenEstimator of {type(given.estimator).__name__}; it must "
                    "hold an embedder that trains a network, such as SimCLREmbedder."
                )
            check_is_fitted(
                given.estimator,
                msg="The %(name)s in the FrozenEstimator is not fitted; that of a classifier which "
                "was loaded from a file never is. Give FrozenEstimator(embedder) of a fitted one.",
            )
            return copy.deepcopy(given.estimator)
        if given is not None and hasattr(given, "net_"):
            warn(
                f"embedder is a fitted {type(given).__name__}; fit trains a clone of it from the "
                "beginning. To keep its fit, give FrozenEstimator(embedder), from sklearn.frozen."
            )
        embedder = SimCLREmbedder(verbose=self.verbose) if given is None else clone(given)
        # without a seed the embedder draws its own: its checkpoint is then that of any training
        if embedder.random_state is None and self.random_state is not None:
            embedder.set_params(random_state=seed)
        return embedder.fit(X, y)

    def _train(self, embedder, X, labels, seeds, processes, held, on_step):
        """Fine-tune, then train with all samples; sets the fit, returns an interruption if any."""
        source = embedder._read(X, reset=False)
        warn_of_unreadable(source, len(source) + len(source.unreadable), "they are left out")
        labels = labels.without(list(source.unreadable))
        weights = self._class_weights(labels)
        seeds = processes.broadcast(seeds)
        run = partial(self._run, processes=processes, held=held, on_step=on_step)
        n_epochs = self_training_epochs_of(self.self_training_epochs, source)
        trains_itself = n_epochs > 0 and len(labels.rows) < len(source)
        start = copy.deepcopy(embedder) if trains_itself else None

        samples = labelled_samples(source, labels)
        parameters = self.get_params(deep=False)
        parameters["max_epochs"] = epochs_of(self.max_epochs, samples, self.batch_size)
        net = classifier_trainer(embedder, samples, weights, parameters, seeds[0], processes)
        fit, interruption = run(embedder, net, samples, seeds[0])
        if trains_itself and interruption is None:
            try:
                p = None
                if processes.is_first:
                    p = probabilities_of_teacher(start, net, source, labels, weights, seeds[1])
                samples = taught_samples(source, processes.broadcast(p))
                parameters["max_epochs"] = n_epochs
                net = student_trainer(start, samples, parameters, seeds[1], processes)
                fit, interruption = run(start, net, samples, seeds[1], fit.records)
            except KeyboardInterrupt as early:  # the fine-tuned network stays the fit
                interruption = early
        self._set_fit(fit, labels.classes)
        return interruption

    def _run(self, embedder, net, samples, seed, earlier=(), *, processes, held, on_step):
        """Run a training; returns the fit after its last epoch and an interruption, if any."""
        checkpoint = None
        if processes.is_first and held.folder is not None:
            # without a seed, trainings cannot be distinguished: the next one resumes this one
            known_seed = None if self.random_state is None else seed
            facts = (type(self).__name__, known_seed, *facts_of_training(embedder, net, samples))
            checkpoint = held.open(net.max_epochs, *facts)
        training = reported_training(self, net, samples, processes, on_step, checkpoint=checkpoint)
        interruption = training.run_until_interrupted()
        held.finish(checkpoint)
        net.module_.eval()  # here, because several threads may call predict
        records = [
            {**record, "epoch": len(earlier) + record["epoch"]} for record in training.records()
        ]
        return ClassifierFit(embedder, net, [*earlier, *records]), interruption

    def _set_fit(self, fit, classes):
        """Set the fitted attributes."""
        embedder = fit.embedder
        self.embedder_, self.net_, self.classes_ = embedder, fit.net, classes
        self.history_ = fit.records
        self.n_iter_ = len(self.history_)
        self.n_features_in_ = embedder.n_features_in_
        if hasattr(embedder, "feature_names_in_"):
            self.feature_names_in_ = embedder.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _n_epochs(self, labels, n_samples):
        """Number of epochs of both trainings; None where it depends on what the samples are."""
        trains_itself = len(labels.rows) < n_samples
        given = (self.max_epochs, self.self_training_epochs if trains_itself else 0)
        return None if "auto" in given else sum(given)

    def _class_weights(self, labels: Labels):
        """Weight of each class."""
        of_labelled = labels.classes[labels.codes]
        weights = compute_class_weight(self.class_weight, classes=labels.classes, y=of_labelled)
        if not (np.all(weights >= 0) and np.isfinite(weights).all() and weights.any()):
            raise ValueError(
                f"class_weight={self.class_weight!r} must have weights of at least 0, one of them "
                "above 0."
            )
        return weights.tolist()

    def _stored_attributes(self):
        return stored_classifier(self, _EMBEDDERS)

    def _restore(self, stored, attributes, **of_embedder):
        restore_classifier(self, stored, attributes, of_embedder, _EMBEDDERS)
