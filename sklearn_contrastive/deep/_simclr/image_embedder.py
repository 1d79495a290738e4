"""What embedders of images share: training that is not lost, and transform."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from ..._base import ContrastiveEstimator, fit_progress, fitted_state_kept_on_error
from ..._images._input import validated_images
from ..._typing import FloatArray, MatrixLike
from ...exceptions import CollapseWarning
from .._diagnostics import collapse_share
from .._training.checkpoint import locked_checkpoint
from .._training.fingerprint import fingerprint
from .._training.torch_state import usual_modes
from .._training.trainer import Trainer
from .build import nearest_neighbour_accuracy, set_course, simclr_trainer
from .run import Training, embed

__all__ = ["ImageEmbedder"]

# Of the squared length of representations: float32 leaves about 1e-7 where all are the same.
_COLLAPSED = 1e-5
# images that are looked at for it
_LOOKED_AT = 512
# what a training is, whoever watches it
_NOT_PART_OF_TRAINING = ("checkpoint_dir", "verbose", "output", "random_state")


class ImageEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ContrastiveEstimator):
    """Base of estimators that train a network on images and return what it makes of them."""

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
        self._check_output(self.net_.module_)
        with usual_modes():
            source = validated_images(self, X, self.image_shape_, reset=False, check_files=False)
            try:
                return embed(self.net_.module_, source, self.output, self.batch_size)
            except ValueError:
                source.check()  # names all files that cannot be read, not those of a batch
                raise

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
        with (
            fitted_state_kept_on_error(self),
            fit_progress(self, X, y, n_steps=self.max_epochs) as progress,
            usual_modes(),
        ):
            shape = self.image_shape if anew else self.image_shape_
            source = validated_images(self, X, shape, reset=anew, min_samples=2)
            images_val, labels_val = self._validation(*validation, source)
            if self.batch_size > len(source):
                warnings.warn(
                    f"batch_size={self.batch_size} is more than the {len(source)} images there "
                    "are; all of them make one batch.",
                    stacklevel=4,
                )
            net = self._new_net(source) if anew else self._net_to_go_on(source)
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
                interruption = training.run_until_interrupted()
                if checkpoint is not None and interruption is None:
                    checkpoint.remove()
            net.module_.eval()  # here already: transform may be called by several threads
            self.net_, self.history_ = net, training.records()
            self.n_iter_ = len(self.history_)
            c, h, w = source.shape
            self.image_shape_ = (h, w, c)
        if interruption is not None:
            warnings.warn(
                f"The training was interrupted; the fitted state is that after {self.n_iter_} "
                "epochs.",
                stacklevel=4,
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
        images = validated_images(self, X_val, (h, w, c), reset=False, min_samples=2)
        labels = np.asarray(y_val)
        if labels.shape != (len(images),):
            raise ValueError(
                f"X_val has {len(images)} images and y_val the shape {labels.shape}; there must be "
                "one label for each image."
            )
        check_classification_targets(labels)
        return images, labels

    def _new_net(self, source) -> Trainer:
        """An initialised trainer of these parameters for these images."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        return simclr_trainer(source, self.get_params(deep=False), seed).initialize()

    def _net_to_go_on(self, source) -> Trainer:
        """A copy of the fitted trainer, so that a failure leaves that as it is."""
        net = copy.deepcopy(self.net_)
        set_course(net, len(source), self.get_params(deep=False))
        return net

    def _checkpoint(self, net, source):
        """The checkpoint of this training as a context, of None without `checkpoint_dir`."""
        if self.checkpoint_dir is None:
            return nullcontext()
        parameters = {
            name: value
            for name, value in self.get_params(deep=False).items()
            if name not in _NOT_PART_OF_TRAINING
        }
        # without a seed there is no telling trainings apart: the next one goes on from this one
        seed = None if self.random_state is None else net.seed
        start = net.module_.state_dict() if net.history else None
        return locked_checkpoint(
            self.checkpoint_dir, fingerprint(parameters, seed, start, source.digest())
        )

    def _check_output(self, network):
        if self.output == "middle":
            network.width_of("middle")

    def _warn_of_collapse(self, source):
        """Look at representations that are all alike; nothing can be learned from those."""
        network = self.net_.module_
        with usual_modes():
            rows = embed(network, source, "representation", self.net_.batch_size, _LOOKED_AT)
            share = float(collapse_share(torch.from_numpy(rows)))
        if share < _COLLAPSED:
            warnings.warn(
                "The representations of all images are alike: the training collapsed. Lower the "
                "learning rate or raise the temperature, and see that the augmentations leave "
                "something of the images.",
                CollapseWarning,
                stacklevel=5,
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _line(record):
    """A record as a line of text."""
    numbers = (f"{key} {value:.4g}" for key, value in record.items() if key != "epoch")
    return f"epoch {record['epoch']}: " + ", ".join(numbers)
