"""
Fine-tuning with few labels
===========================

A few images have labels: fit a classifier to frozen representations, or train the network further?

``SimCLREmbedder`` is trained on all images without labels, once. Then a linear classifier is fitted
to its representations of the labelled images, and ``ContrastiveClassifier`` fine-tunes the network
with the same labels. With the unlabelled images it then trains itself.
"""

# %%
# The 1797 scanned digits of scikit-learn. Digits are not mirrored, because a mirrored digit is
# another sign: the views are crops of other brightness. They are shuffled, because the digits of a
# writer stand together.
import numpy as np
from sklearn.datasets import load_digits
from sklearn.utils import shuffle

from sklearn_contrastive.augmentation import ColorJitter, Compose, RandomResizedCrop
from sklearn_contrastive.deep import SimCLREmbedder

X, y = shuffle(*load_digits(return_X_y=True), random_state=0)
X = X / 16
embedder = SimCLREmbedder(
    "resnet_narrow",
    augmentations=Compose([RandomResizedCrop((0.4, 1.0)), ColorJitter(0.4, 0.4, 0.4, 0.0)]),
    batch_size=128,
    max_epochs=5,
    random_state=0,
).fit(X)

# %%
# ``FrozenEstimator`` keeps the fit of the embedder. A copy of its network is trained further, with
# the crops of the embedder, but without its changes of brightness. "From scratch" the same network
# begins with random weights: an embedder with a learning rate of almost 0 has them.
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from sklearn_contrastive.deep import ContrastiveClassifier
from sklearn_contrastive.evaluation import linear_probe

random = clone(embedder).set_params(learning_rate=1e-12, max_epochs=1).fit(X)
classifier = ContrastiveClassifier(FrozenEstimator(embedder), max_epochs=20, random_state=0)
from_scratch = clone(classifier).set_params(embedder=FrozenEstimator(random))

# %%
# The first 1000 images may be labelled; the others are test images. -1 marks images without a
# label: with them the classifier trains itself after the fine-tuning. Without them there is the
# fine-tuning alone. The frozen probe is a standardised logistic regression, its penalty chosen by
# cross-validation.
h = embedder.transform(X)
numbers = [80, 160, 320]
accuracies = {"self-trained": [], "fine-tuned": [], "frozen probe": [], "from scratch": []}
for n in numbers:
    some = np.where(np.arange(1000) < n, y[:1000], -1)
    self_trained = clone(classifier).fit(X[:1000], some)
    accuracies["self-trained"].append(self_trained.score(X[1000:], y[1000:]))
    for name, method in (("fine-tuned", classifier), ("from scratch", from_scratch)):
        accuracies[name].append(method.fit(X[:n], y[:n]).score(X[1000:], y[1000:]))
    accuracies["frozen probe"].append(linear_probe(h[:n], y[:n], h[1000:], y[1000:], C="auto"))
for name, scores in accuracies.items():
    print(f"{name:<14}", *(f"{n} labels: {s:.3f}  " for n, s in zip(numbers, scores, strict=True)))

# %%
# The more labels there are, the less the training without them adds:
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, scores in accuracies.items():
    ax.plot(numbers, scores, marker="o", label=name)
ax.set(xscale="log", xlabel="number of labels", ylabel="accuracy on the test images")
ax.set_xticks(numbers, numbers)
ax.minorticks_off()
ax.legend()
plt.show()

# %%
# The given network is unchanged; that of the classifier has other representations:
after = self_trained.embedder_.transform(X[:1])
print(f"changed by {np.linalg.norm(after - embedder.transform(X[:1])):.1f}")
