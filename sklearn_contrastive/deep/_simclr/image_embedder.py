"""Base of image embedders: fit, resumed training, interruption, collapse, transform."""

import copy
import os
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..._base import ContrastiveEstimator, fit_progress, fitted_state_kept_on_error
from ..._images.decoded_source import listed, refuse
from ..._images.validation import validated_images
from ..._sklearn_compat import validate_parameter_constraints
from ..._typing import FloatArray, MatrixLike
from ..._warnings import warn
from ...evaluation._probes import leave_one_out_knn_accuracy
from ...exceptions import CollapseWarning, UnreadableImagesWarning
from .._diagnostics import collapse_share
from .._networks.pretrained_file import digest_of_file
from .._saving import SavedFitMixin
from .._training.checkpoint import locked_checkpoint
from .._training.fingerprint import UnseenValueError, fingerprint
from .._training.processes import training_processes
from .._training.torch_state import default_torch_state
from .._training.trainer import Trainer
from .build import configure_schedule, simclr_trainer, start_averages
from .chunk_checks import check_chunk_size, check_repeatable
from .embed import embed
from .report import epoch_printer, progress_of
from .run import Training
from .stored import restore_network, stored_network

__all__ = ["ImageEmbedder"]

# share of the squared norm of representations: float32 leaves about 1e-7 if all are the same
_COLLAPSED = 1e-5
# number of images that the check for collapse embeds
_N_COLLAPSE_IMAGES = 512
# parameters that do not change a training; the seed is hashed instead of random_state
_NOT_PART_OF_TRAINING = (
    "checkpoint_dir",
    "verbose",
    "output",
    "on_unreadable",
    "random_state",
    "max_epochs",
)
# parameters that transform reads, so that they may change after fit
_READ_BY_TRANSFORM = ("output", "batch_size", "chunk_size", "on_unreadable")


class ImageEmbedder(
    SavedFitMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, ContrastiveEstimator
):
    """Base of estimators that train a network on images and return its outputs."""

    def transform(
        self, X: MatrixLike | Tensor | Dataset | Sequence[os.PathLike[str]]
    ) -> FloatArray:
        """Compute the representations of images.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Images of the shape seen during fit.

        Returns
        -------
        h : ndarray of float32 of shape (n_images, width)
            Representations, or the output that `output` names. With ``on_unreadable="skip"`` the
            rows of images that cannot be read are NaN, and a warning names them.
        """
        check_is_fitted(self)
        self._check_read_parameters()
        with default_torch_state():
            source = validated_images(
                self,
                X,
                self.image_shape_,
                reset=False,
                check_files=False,
                on_unreadable=self.on_unreadable,
            )
            try:
                rows = embed(self.net_.module_, source, self.output, self._n_at_once)
            except ValueError:
                if self.on_unreadable == "raise":
                    source.check()  # names all unreadable files, not only those of one batch
                raise
        if len(source.unreadable) == len(source):
            refuse(source.unreadable, source.plural)
        rows[list(source.unreadable)] = np.nan
        _warn_of_unreadable(source, len(source), "their rows are NaN")
        return rows

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
        return self.net_.module_.width_of(self.output)

    @property
    def _n_at_once(self):
        """Number of images that the network embeds at once outside training."""
        return self.batch_size if self.chunk_size is None else self.chunk_size

    def _stored_attributes(self):
        return stored_network(self)

    def _restore(self, stored, attributes):
        restore_network(self, stored, attributes)

    def _train(self, X, y, *, anew, X_val, y_val):
        # the checkpoint is removed and unlocked at the very end, when the estimator is fitted
        with ExitStack() as stack:
            check_chunk_size(self.chunk_size, self.batch_size)
            processes = stack.enter_context(training_processes(self.device))
            with (
                fitted_state_kept_on_error(self),
                self._progress(X, y, processes) as on_step,
                default_torch_state(),
            ):
                shape = self.image_shape if anew else self.image_shape_
                source = validated_images(
                    self,
                    X,
                    shape,
                    reset=anew,
                    min_samples=2,
                    on_unreadable=self.on_unreadable,
                )
                n_images = len(source) + len(source.unreadable)
                _warn_of_unreadable(source, n_images, "they are not trained on")
                evaluate = self._evaluation(X_val, y_val, source)
                self._check_batch_size(source)
                net = self._new_net(source, processes) if anew else self._copied_net(source)
                self._check_output(net.module_)
                check_repeatable(net, source, processes.size)
                checkpoint = None
                if processes.is_first:
                    checkpoint = stack.enter_context(self._checkpoint(net, source))

                print_epoch = epoch_printer(self.verbose if processes.is_first else 0)

                def on_record(record):
                    on_step("epoch")
                    print_epoch(record)

                training = Training(
                    net,
                    source,
                    processes=processes,
                    checkpoint=checkpoint,
                    evaluate=evaluate,
                    on_record=on_record,
                    progress=progress_of(self, net, source) if processes.is_first else None,
                )
                interruption = training.run_until_interrupted()
                self._set_fitted(net, training.records(), source)
            if interruption is not None:
                warn(
                    f"The training was interrupted; the fitted state is that after {self.n_iter_} "
                    "epochs."
                )
                raise interruption
            self._warn_of_collapse(source)
            if checkpoint is not None:
                checkpoint.remove()
        return self

    def _progress(self, X, y, processes):
        """Context of scikit-learn's callbacks, in the first process only."""
        if processes.is_first:
            return fit_progress(self, X, y, n_steps=self.max_epochs)
        return nullcontext(lambda name: None)

    def _set_fitted(self, net, records, source):
        """Set the fitted attributes."""
        net.module_.eval()  # here, because several threads may call transform
        c, h, w = source.shape
        self.net_, self.history_, self.image_shape_ = net, records, (h, w, c)
        self.n_iter_ = len(records)
        self.unreadable_ = source.unreadable

    def _check_batch_size(self, source):
        if self.batch_size > len(source):
            warn(
                f"batch_size={self.batch_size} is more than the {len(source)} images; one batch "
                "holds all of them."
            )

    def _evaluation(self, X_val, y_val, source):
        """Function from a network to its accuracy on labelled images; None without them."""
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError("Give X_val and y_val together, or neither.")
        c, h, w = source.shape
        images = validated_images(
            self,
            X_val,
            (h, w, c),
            reset=False,
            min_samples=2,
            on_unreadable=self.on_unreadable,
        )
        labels = np.asarray(y_val)
        n_images = len(images) + len(images.unreadable)
        if labels.shape != (n_images,):
            raise ValueError(
                f"X_val has {n_images} images and y_val the shape {labels.shape}; there must be "
                "one label for each image."
            )
        _warn_of_unreadable(images, n_images, "they are left out of X_val")
        labels = np.delete(labels, list(images.unreadable))
        check_classification_targets(labels)

        def evaluate(network):
            rows = embed(network, images, "representation", self._n_at_once)
            return leave_one_out_knn_accuracy(rows, labels)

        return evaluate

    def _new_net(self, source, processes) -> Trainer:
        """An initialised trainer of these parameters for these images."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        seed = processes.broadcast(seed)
        return simclr_trainer(source, self.get_params(deep=False), seed, processes)

    def _copied_net(self, source) -> Trainer:
        """A copy of the fitted trainer, so that an error does not change the fitted one."""
        net = copy.deepcopy(self.net_)
        configure_schedule(net, len(source), self.get_params(deep=False))
        start_averages(net, len(source))
        return net

    def _checkpoint(self, net, source):
        """Context of the checkpoint of this training; of None without `checkpoint_dir`."""
        if self.checkpoint_dir is None:
            return nullcontext()
        parameters = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in _NOT_PART_OF_TRAINING
        }
        parameters["encoder"] = net.module.encoder  # where it is "auto", the one that was chosen
        if isinstance(self.pretrained, str | os.PathLike):
            parameters["pretrained"] = digest_of_file(self.pretrained)
        # without a seed, trainings cannot be distinguished: the next one resumes this one
        seed = None if self.random_state is None else net.seed
        start = net.module_.state_dict() if net.history else None
        try:
            name = fingerprint(parameters, seed, start, source.digest())
        except UnseenValueError as error:
            warn(
                f"A checkpoint cannot be recognised, because it cannot depend on {error}. This "
                "training is neither saved in checkpoint_dir nor resumed from it. Pass such "
                "values as attributes of an object or as default arguments of the function."
            )
            return nullcontext()
        return locked_checkpoint(self.checkpoint_dir, name, self.max_epochs)

    def _check_read_parameters(self):
        """Raise an error for invalid values of the parameters that may change after fit."""
        parameters = self.get_params(deep=False)
        validate_parameter_constraints(
            {name: self._parameter_constraints[name] for name in _READ_BY_TRANSFORM},
            {name: parameters[name] for name in _READ_BY_TRANSFORM},
            caller_name=type(self).__name__,
        )
        self._check_output(self.net_.module_)

    def _check_output(self, network):
        if self.output == "middle":
            network.width_of("middle")

    def _warn_of_collapse(self, source):
        """Warn if all representations or all projections are the same."""
        with default_torch_state():
            rows = embed(
                self.net_.module_,
                source,
                "representation",
                min(self._n_at_once, self.net_.batch_size),
                _N_COLLAPSE_IMAGES,
            )
            share = float(collapse_share(torch.from_numpy(rows)))
            collapsed = "representations of all images" if share < _COLLAPSED else None
            if collapsed is None and self.history_[-1]["uniformity"] > -_COLLAPSED:
                collapsed = "projections of all views"
            if collapsed is None:
                return
            if _are_alike(source, self._n_at_once):
                message = "The training images are all alike, so there is nothing to learn."
            else:
                message = (
                    f"The {collapsed} are the same: the training collapsed. Lower the learning "
                    "rate or raise the temperature, and check that the views still show the images."
                )
        warn(message, CollapseWarning)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _warn_of_unreadable(source, n_images, consequence):
    """Warn if images were skipped."""
    problems = source.unreadable
    if problems:
        warn(
            f"{len(problems)} of the {n_images} {source.plural} cannot be read as images; "
            f"{consequence}:{listed(problems)}",
            UnreadableImagesWarning,
        )


def _are_alike(source, batch_size):
    """Whether the images that the check for collapse embeds are all the same."""
    first = next(source.batches([torch.zeros(1, dtype=torch.int64)], "cpu"))
    indices = torch.arange(min(len(source), _N_COLLAPSE_IMAGES)).split(int(batch_size))
    return all(bool((batch == first).all()) for batch in source.batches(indices, "cpu"))
