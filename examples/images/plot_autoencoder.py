"""
Complete images by an autoencoder
=================================

How do I get images back from a code, and fill their hidden parts?

Train ``AutoencoderEmbedder`` with ``mask_rate``. ``reconstruct`` encodes and decodes images.
"""

# %%
# Two autoencoders of the digits of 8 x 8 pixels: a plain one, and one that saw a part of each image
# only.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sklearn_contrastive.deep import AutoencoderEmbedder

images = load_digits().images / 16
train, test = images[:1500], images[1500:]
settings = {"encoder": "resnet_narrow", "batch_size": 100, "max_epochs": 15, "random_state": 0}
plain = AutoencoderEmbedder(**settings).fit(train)
masked = AutoencoderEmbedder(mask_rate=0.3, patch_size=2, **settings).fit(train)

# %%
# Patches of new images, orange in the plot, are hidden. Hidden pixels are at the mean of all
# pixels, as in training.
rng = np.random.default_rng(0)
hidden = np.kron(rng.random((len(test), 4, 4)) < 0.3, np.ones((1, 2, 2))).astype(bool)
visible = np.where(hidden, train.mean(), test)
completed = {
    "plain": plain.reconstruct(visible).reshape(-1, 8, 8),
    "masked": masked.reconstruct(visible).reshape(-1, 8, 8),
}
figure, axes = plt.subplots(4, 10, figsize=(9, 4), layout="constrained")
rows = {"image": test, "hidden": np.where(hidden, np.nan, test), **completed}
for line, (name, pictures) in zip(axes, rows.items(), strict=True):
    for panel, picture in zip(line, pictures, strict=False):
        panel.imshow(picture, cmap="gray", vmin=0, vmax=1)
        panel.set(xticks=[], yticks=[], facecolor="tab:orange")
    line[0].set_ylabel(name)
plt.show()

# %%
# The error of the hidden pixels, in units of their variance: 1 is that of the mean image.
variance = ((test - train.mean(axis=0)) ** 2)[hidden].mean()
for name, pictures in completed.items():
    error = ((pictures - test) ** 2)[hidden].mean()
    print(f"{name}: {error / variance:.2f}")

# %%
# What to change:
#
# - ``n_components`` for a shorter code, of which less can be decoded;
# - ``mask_rate`` and ``patch_size`` for other holes;
# - ``transform`` for representations: compare them with those of ``SimCLREmbedder`` on your labels.
