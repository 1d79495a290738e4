"""
Does my training go well?
=========================

Is the network still improving, and has it collapsed?

Give some labelled images to ``fit`` as ``X_val`` and ``y_val``, and plot the training with
``TrainingDisplay``. The network is not trained on these images.
"""

# %%
# Each curve has its good direction beside it.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive.augmentation import RandomResizedCrop
from sklearn_contrastive.plotting import TrainingDisplay

X, y = load_digits(return_X_y=True)
X = X / 16
embedder = SimCLREmbedder(
    "resnet_narrow",
    augmentations=RandomResizedCrop((0.4, 1.0)),
    batch_size=128,
    max_epochs=8,
    random_state=0,
)
embedder.fit(X[:1000], X_val=X[1000:], y_val=y[1000:])
display = TrainingDisplay.from_estimator(embedder)
plt.show()

# %%
# How to read it:
#
# - **k-NN accuracy** is the only curve that tells which of two networks is better. If it still
#   rises at the end, train for more epochs.
# - **Loss**: it falls. Losses of different temperatures or batch sizes are not comparable.
# - **Alignment**: the views of one image come closer to each other.
# - **Uniformity**: images spread over the sphere. If it rises to 0, all images have the same
#   projection: the training collapsed, and a ``CollapseWarning`` says so.
# - **Learning rate**: it rises during ``warmup_epochs`` and then falls to 0. If you stop earlier,
#   the network has not settled: choose ``max_epochs`` instead.
