"""
Which temperature?
==================

How much should the most similar images count?

Search 0.1, 0.2 and 0.5. Use a few labelled images to choose, or a grid search.
"""

# %%
# The loss compares an image with all other images of its batch. The temperature says which of them
# count. The left picture has the weights of 255 other images in the gradient, if their cosine
# similarities are spread evenly from -0.5 to 0.9: a low temperature counts only the most similar
# images, a high one counts all alike.
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import softmax

similarity = np.linspace(-0.5, 0.9, 255)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for temperature, style in {0.05: "-", 0.2: "--", 0.5: "-.", 1: ":"}.items():
    weights = 100 * softmax(similarity / temperature)
    left.semilogy(similarity, weights, style, label=f"temperature {temperature}")
left.set(xlabel="cosine similarity to the image", ylabel="weight in the gradient (%)")
left.set(ylim=(1e-4, 100), title="Which other images count")
left.legend(frameon=False)

# %%
# The right picture has the accuracy that was measured on Fashion-MNIST: 10,000 images, two epochs,
# three seeds, error bars of one standard error. It is drawn from the record of
# ``python -m benchmarks.images.simclr_settings``, so run this example in a checkout.
record = Path("../../benchmarks/images/results/simclr_settings.json")
measured = json.loads(record.read_text())["results"]["groups"]["temperature"]
temperatures = sorted(measured, key=float)
for column, label, marker in [("probe", "linear probe, 1000 labels", "o"), ("kNN", "k-NN", "s")]:
    right.errorbar(
        np.array(temperatures, dtype=float),
        [measured[temperature]["mean"][column] for temperature in temperatures],
        [measured[temperature]["standard_error"][column] for temperature in temperatures],
        marker=marker,
        capsize=3,
        label=label,
    )
right.set_xscale("log")
right.set_xticks([float(temperature) for temperature in temperatures], temperatures)
right.minorticks_off()
right.set(xlabel="temperature", ylabel="accuracy on test images", title="Fashion-MNIST")
right.legend(frameon=False)
plt.show()

# %%
# What the best of these temperatures gains:
best = max(temperatures, key=lambda temperature: measured[temperature]["mean"]["probe"])
gain = measured[best]["mean"]["probe"] - measured["0.5"]["mean"]["probe"]
print(f"Best of these for the linear probe: {best}, {gain:.3f} above the default of 0.5")

# %%
# Near the best temperature the differences are small, and the best one depends on the data: the
# paper of SimCLR has 0.1 for ImageNet and 0.5 for CIFAR-10. Other settings matter more:
# :doc:`/guide/image_settings`.
