"""
Images with a hundred labels
============================

You have many images, and labels for a hundred of them. Does learning without labels help?

Train ``SimCLREmbedder`` on all images, then a linear classifier on the representations of the
labelled ones. Compare with raw pixels and with PCA: a network that does not beat them is not worth
its training.
"""

# %%
# The 1797 scanned digits of scikit-learn have 8 x 8 pixels. The embedder sees all of them and no
# label. Its views are crops of other brightness. They are not mirrored, because a mirrored digit is
# another sign.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive.augmentation import ColorJitter, Compose, RandomResizedCrop

X, y = load_digits(return_X_y=True)
X = X / 16
embedder = SimCLREmbedder(
    "resnet_narrow",
    augmentations=Compose([RandomResizedCrop((0.4, 1.0)), ColorJitter(0.4, 0.4, 0.4, 0.0)]),
    temperature=0.2,
    batch_size=128,
    max_epochs=8,
    random_state=0,
)
representations = {
    "SimCLREmbedder": embedder.fit_transform(X),
    "raw pixels": X,
    "PCA, 30 components": PCA(30).fit_transform(X),
}

# %%
# The labelled images are drawn five times; all others are test images. The classifier has the best
# of four penalties for each representation.
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score

from sklearn_contrastive.evaluation import LabelEfficiency
from sklearn_contrastive.plotting import LabelEfficiencyDisplay

n_labels = np.array([50, 100, 200, 500])


def accuracies(h, n):
    draws = StratifiedShuffleSplit(5, train_size=n, random_state=0)
    classifiers = [LogisticRegression(C=C, max_iter=2000) for C in (0.1, 1, 10, 100)]
    return max([cross_val_score(each, h, y, cv=draws) for each in classifiers], key=np.mean)


curves = {
    name: LabelEfficiency(n_labels, np.array([accuracies(h, n) for n in n_labels]))
    for name, h in representations.items()
}
display = LabelEfficiencyDisplay(curves).plot()
display.ax_.set_title("Scanned digits, 1797 images")
plt.show()

# %%
# With a hundred labels:
for name, curve in curves.items():
    gain = curve.mean[1] - curves["raw pixels"].mean[1]
    print(f"{name:<20}{curve.mean[1]:.3f}  ({gain:+.3f} against raw pixels)")

# %%
# The gain is largest with few labels. PCA without labels does not gain, because the directions of
# largest variance are not those that tell digits apart.
#
# If you compare representations by ``label_efficiency_curve``, remember that it standardises each
# component. Networks gain from that, and PCA loses with few labels. Here no method was scaled.
# :doc:`/measured/images` has longer trainings on 60,000 images.
