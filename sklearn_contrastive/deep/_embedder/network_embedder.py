"""Base of embedders: fit, resumed training, interruption, collapse, transform."""

import copy
import os
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from torch import nn

from ..._base import ContrastiveEstimator, fit_progress, fitted_state_kept_on_error
from ..._images.decoded_source import listed, refuse
from ..._sklearn_compat import Interval, StrOptions, validate_parameter_constraints
from ..._typing import FloatArray
from ..._warnings import warn
from ...evaluation._probes import leave_one_out_knn_accuracy
from ...exceptions import CollapseWarning, UnreadableImagesWarning
from .._diagnostics import collapse_share
from .._networks.pretrained_file import digest_of_file
from .._saving import SavedFitMixin
from .._training.batches import Samples
from .._training.held_checkpoints import held_checkpoints
from .._training.objectives import Objective
from .._training.optimizers import OPTIMIZERS
from .._training.processes import training_processes
from .._training.torch_state import default_torch_state
from .._training.trainer import Trainer
from .build import configure_schedule, embedder_trainer, start_averages
from .chunk_checks import check_chunk_size, check_repeatable
from .embed import embed
from .report import reported_training

__all__ = ["LARGEST_WIDTH", "NetworkEmbedder"]

# of a layer that a parameter sizes: the number of its weights must be one of 64 bits
LARGEST_WIDTH = 2**40

# share of the squared norm of representations: float32 leaves about 1e-7 if all are the same
_COLLAPSED = 1e-5
# number of samples that the check for collapse embeds
_N_COLLAPSE_SAMPLES = 512
# parameters that do not change a training; the seed is hashed instead of random_state
_NOT_PART_OF_TRAINING = (
    "checkpoint_dir",
    "verbose",
    "output",
    "on_unreadable",
    "random_state",
    "max_epochs",
)
# parameters that transform reads, where the estimator has them, so that they may change after fit
_READ_BY_TRANSFORM = ("output", "batch_size", "chunk_size", "on_unreadable")


class NetworkEmbedder(
    SavedFitMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, ContrastiveEstimator
):
    """Base of estimators that train a network on samples and return its outputs.

    A subclass says how samples are read (`_read`, and `_read_unchecked` for transform), what is
    trained (`_parts`) and which fitted attributes describe the samples (`_attributes_of`).
    """

    # how representations of a collapsed training are recognised, and what to do then
    _collapse_share = staticmethod(collapse_share)
    _advice_on_collapse = (
        "Lower the learning rate or raise the temperature, and check that the views still show "
        "the {noun}."
    )

    # of the training, for every embedder
    _parameter_constraints: ClassVar[dict] = {
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
        "checkpoint_dir": [str, os.PathLike, None],
        "random_state": ["random_state"],
        "verbose": ["verbose", StrOptions({"auto"})],
    }

    @abstractmethod
    def _read(self, X: Any, *, reset: bool, like: Samples | None = None) -> Samples:
        """Samples of X, at least two.

        With `reset`, in a first fit, ``n_features_in_`` is set; otherwise X is compared with it,
        and has the shape of the samples `like`, or that of the earlier fit.
        """

    def _add_targets(self, samples: Samples, y: Any, *, reset: bool) -> None:
        """Set the targets of training samples, where the training uses y; by default it does not.

        With `reset`, in a first fit, the fitted attributes of y are set.
        """

    @abstractmethod
    def _read_unchecked(self, X: Any) -> Samples:
        """Samples of X for transform; problems of single samples may appear when they are used."""

    @abstractmethod
    def _parts(
        self, samples: Any, parameters: Mapping[str, Any], *, download: bool = True
    ) -> tuple[Callable[[], nn.Module], Objective]:
        """Factory of the network and objective of its training.

        `samples` are those of the training, or what a file says about them. Without `download`
        pretrained weights are not downloaded, because others will be loaded.
        """

    @abstractmethod
    def _attributes_of(self, samples: Samples) -> dict[str, Any]:
        """Fitted attributes that describe the training samples."""

    @property
    def encoder_(self) -> nn.Module:
        """The trained encoder."""
        try:
            return self.net_.module_.encoder
        except AttributeError as error:
            raise AttributeError(f"This {type(self).__name__} has no encoder_ yet.") from error

    @property
    def _n_features_out(self):
        self._check_read_parameters()
        return self.net_.module_.width_of(getattr(self, "output", "representation"))

    @property
    def _n_at_once(self):
        """Number of samples that the network embeds at once outside training."""
        chunk_size = getattr(self, "chunk_size", None)
        return self.batch_size if chunk_size is None else chunk_size

    def _embedded(self, X: Any, network: nn.Module | None = None) -> FloatArray:
        """Outputs of the network for the samples of X; NaN for those that cannot be read.

        `network` replaces that of the embedder.
        """
        check_is_fitted(self)
        self._check_read_parameters()
        with default_torch_state():
            samples = self._read_unchecked(X)
            output = getattr(self, "output", "representation")
            try:
                network = self.net_.module_ if network is None else network
                rows = embed(network, samples, output, self._n_at_once)
            except ValueError:
                if not samples.skips:
                    samples.check()  # names all unreadable files, not only those of one batch
                raise
        if len(samples.unreadable) == len(samples):
            refuse(samples.unreadable, samples.plural)
        rows[list(samples.unreadable)] = np.nan
        warn_of_unreadable(samples, len(samples), "their rows are NaN")
        return rows

    def _train(self, X, y, *, anew, X_val=None, y_val=None):
        # fit_context skips this in a second partial_fit, when parameters may be other ones
        self._validate_params()
        check_chunk_size(getattr(self, "chunk_size", None), self.batch_size)
        with (
            training_processes(self.device) as processes,
            # the checkpoint is removed and unlocked at the very end, when the estimator is fitted
            held_checkpoints(self.checkpoint_dir) as held,
        ):
            with (
                fitted_state_kept_on_error(self),
                self._progress(X, y, processes) as on_step,
                default_torch_state(),
            ):
                samples = self._read(X, reset=anew)
                self._add_targets(samples, y, reset=anew)
                n_samples = len(samples) + len(samples.unreadable)
                warn_of_unreadable(samples, n_samples, "they are not trained on")
                evaluate = self._evaluation(X_val, y_val, samples)
                self._check_batch_size(samples)
                net = self._new_net(samples, processes) if anew else self._copied_net(samples)
                self._check_output(net.module_)
                check_repeatable(net, samples, processes.size)
                checkpoint = self._checkpoint(held, net, samples) if processes.is_first else None
                training = reported_training(
                    self, net, samples, processes, on_step, checkpoint=checkpoint, evaluate=evaluate
                )
                interruption = training.run_until_interrupted()
                self._set_fitted(net, training.records(), samples)
            if interruption is not None:
                warn(
                    f"The training was interrupted; the fitted state is that after {self.n_iter_} "
                    "epochs."
                )
                raise interruption
            self._warn_of_collapse(samples)
            held.finish(checkpoint)
        return self

    def _progress(self, X, y, processes):
        """Context of scikit-learn's callbacks, in the first process only."""
        if processes.is_first:
            return fit_progress(self, X, y, n_steps=self.max_epochs)
        return nullcontext(lambda name: None)

    def _set_fitted(self, net, records, samples):
        """Set the fitted attributes."""
        net.module_.eval()  # here, because several threads may call transform
        self.net_, self.history_, self.n_iter_ = net, records, len(records)
        for name, value in self._attributes_of(samples).items():
            setattr(self, name, value)

    def _check_batch_size(self, samples):
        if self.batch_size > len(samples):
            warn(
                f"batch_size={self.batch_size} is more than the {len(samples)} {samples.noun}; one "
                "batch holds all of them."
            )

    def _evaluation(self, X_val, y_val, like):
        """Function from a network to its accuracy on labelled samples; None without them."""
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError("Give X_val and y_val together, or neither.")
        samples = self._read(X_val, reset=False, like=like)
        labels = np.asarray(y_val)
        n_samples = len(samples) + len(samples.unreadable)
        if labels.shape != (n_samples,):
            raise ValueError(
                f"X_val has {n_samples} {samples.noun} and y_val the shape {labels.shape}; there "
                "must be one label for each."
            )
        warn_of_unreadable(samples, n_samples, "they are left out of X_val")
        labels = np.delete(labels, list(samples.unreadable))
        check_classification_targets(labels)

        def evaluate(network):
            rows = embed(network, samples, "representation", self._n_at_once)
            return leave_one_out_knn_accuracy(rows, labels)

        return evaluate

    def _new_net(self, samples, processes) -> Trainer:
        """An initialised trainer of these parameters for these samples."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        parameters = self.get_params(deep=False)
        network, objective = self._parts(samples, parameters)
        seed = processes.broadcast(seed)
        return embedder_trainer(network, objective, samples, parameters, seed, processes)

    def _copied_net(self, samples) -> Trainer:
        """A copy of the fitted trainer, so that an error does not change the fitted one."""
        net = copy.deepcopy(self.net_)
        configure_schedule(net, len(samples), self.get_params(deep=False))
        start_averages(net, len(samples))
        return net

    def _checkpoint(self, held, net, samples):
        """Checkpoint of this training; None without a folder."""
        if held.folder is None:
            return None  # to hash the samples takes time
        parameters = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in _NOT_PART_OF_TRAINING
        }
        parameters["encoder"] = net.module.encoder  # where it is "auto", the one that was chosen
        pretrained = parameters.get("pretrained")
        if isinstance(pretrained, str | os.PathLike):
            parameters["pretrained"] = digest_of_file(pretrained)
        # without a seed, trainings cannot be distinguished: the next one resumes this one
        seed = None if self.random_state is None else net.seed
        start = net.module_.state_dict() if net.history else None
        of_samples = [samples.digest()]
        if samples.targets is not None:
            of_samples.append(samples.targets)
        facts = (type(self).__name__, parameters, seed, start, *of_samples)
        return held.open(self.max_epochs, *facts)

    def _check_read_parameters(self):
        """Raise an error for invalid values of the parameters that may change after fit."""
        parameters = self.get_params(deep=False)
        names = [name for name in _READ_BY_TRANSFORM if name in parameters]
        validate_parameter_constraints(
            {name: self._parameter_constraints[name] for name in names},
            {name: parameters[name] for name in names},
            caller_name=type(self).__name__,
        )
        self._check_output(self.net_.module_)

    def _check_output(self, network):
        if getattr(self, "output", None) == "middle":
            network.width_of("middle")

    def _warn_of_collapse(self, samples):
        """Warn if all representations or all projections are the same."""
        with default_torch_state():
            rows = embed(
                self.net_.module_,
                samples,
                "representation",
                min(self._n_at_once, self.net_.batch_size),
                _N_COLLAPSE_SAMPLES,
            )
            share = float(self._collapse_share(torch.from_numpy(rows)))
            noun = samples.noun
            collapsed = f"representations of all {noun}" if share < _COLLAPSED else None
            # only objectives with views record it
            if collapsed is None and self.history_[-1].get("uniformity", -1) > -_COLLAPSED:
                collapsed = "projections of all views"
            if collapsed is None:
                return
            if _are_alike(samples, self._n_at_once):
                message = f"The training {noun} are all alike, so there is nothing to learn."
            else:
                message = (
                    f"The {collapsed} are the same: the training collapsed. "
                    f"{self._advice_on_collapse.format(noun=noun)}"
                )
        warn(message, CollapseWarning)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def warn_of_unreadable(samples, n_samples, consequence):
    """Warn if samples were skipped."""
    problems = samples.unreadable
    if problems:
        warn(
            f"{len(problems)} of the {n_samples} {samples.plural} cannot be read as images; "
            f"{consequence}:{listed(problems)}",
            UnreadableImagesWarning,
        )


def _are_alike(samples, batch_size):
    """Whether the samples that the check for collapse embeds are all the same."""
    first = next(samples.batches([torch.zeros(1, dtype=torch.int64)], "cpu"))
    n_samples = min(len(samples), _N_COLLAPSE_SAMPLES)
    indices = torch.arange(n_samples).split(min(int(batch_size), n_samples))
    batches = samples.batches(indices, "cpu")
    # NaN is a missing entry of a table
    return all(bool((batch.nan_to_num() == first.nan_to_num()).all()) for batch in batches)
