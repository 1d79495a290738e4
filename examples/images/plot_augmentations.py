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
    "'simclr', the default: another crop, mirrored, slightly other colours, blurred": "simclr",
    "SimCLRAugmentation(1.0, grayscale=0.2): the paper's": SimCLRAugmentation(1.0, grayscale=0.2),
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
# - The default keeps most of the colour, which may tell your classes apart. If objects have any
#   colour, as on most photographs, take the paper's: the network learns to ignore it.
# - If left and right matter, as in letters and in anatomy, take ``"crop"``, which does not mirror.
# - If you cannot recognise an image in its views, the augmentation is too strong. Keep larger
#   crops: ``SimCLRAugmentation(crop_scale=(0.4, 1.0))``.
#
# An estimator draws its own views, fitted or not:
# ``AugmentationDisplay.from_estimator(SimCLREmbedder(), images)``.
