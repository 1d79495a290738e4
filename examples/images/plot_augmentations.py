"""
What augmentations do to my images
==================================

What does the network see, and what will it learn to ignore?

Look at the views before you train. What differs between the views of an image is what the
representations will ignore.
"""

# %%
# ``AugmentationDisplay`` draws images beside their views. Give it your own images, as an array or
# as paths of files, and an augmentation. The photographs here come with scikit-learn.
import matplotlib.pyplot as plt
from sklearn.datasets import load_sample_images

from sklearn_contrastive.augmentation import SimCLRAugmentation
from sklearn_contrastive.plotting import AugmentationDisplay

photographs = [image[::3, ::3] for image in load_sample_images().images]
augmentations = {
    "'simclr', the default: another crop, mirrored, other colours, blurred": "simclr",
    "SimCLRAugmentation(strength=0.25): weaker changes of the colours": SimCLRAugmentation(0.25),
    "'crop_flip': the colours stay": "crop_flip",
    "'masking': two halves of the image, in patches": "masking",
}
figure, axes = plt.subplots(4, 1, figsize=(8, 8.5), layout="constrained")
for ax, (title, augmentation) in zip(axes, augmentations.items(), strict=True):
    AugmentationDisplay.from_augmentation(augmentation, photographs, random_state=0, ax=ax)
    ax.set_title(title, loc="left", size="medium")
figure.suptitle("Two photographs, on the left, and their views")
plt.show()

# %%
# Choose by what your task needs:
#
# - If the colour tells your classes apart, take ``"crop_flip"``. With ``"simclr"`` the network
#   learns to ignore the colour.
# - If left and right matter, as in letters and in anatomy, take ``"crop"``, which does not mirror.
# - If you cannot recognise an image in its views, the augmentation is too strong. Keep larger
#   crops: ``SimCLRAugmentation(crop_scale=(0.4, 1.0))``.
#
# An estimator draws its own views, fitted or not:
# ``AugmentationDisplay.from_estimator(SimCLREmbedder(), images)``.
