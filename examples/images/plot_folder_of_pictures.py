"""
Similar and odd pictures in a folder
====================================

Which pictures of my folder are similar, and which do not belong there?

Train ``SimCLREmbedder`` on the files, without labels. Similar pictures have similar
representations. A picture with no similar one is odd.
"""

# %%
# The folder here holds a thousand scanned digits of scikit-learn, each at another place of its
# picture, as in photographs that are not centred, and six shapes that do not belong there. For your
# own pictures, begin with the line that lists the files.
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits

rng = np.random.default_rng(0)
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
digits, classes = load_digits(return_X_y=True)
for number, digit in enumerate(digits[:1000]):
    picture = Image.new("L", (12, 12))
    place = tuple(int(p) for p in rng.integers(0, 5, 2))
    picture.paste(Image.fromarray((digit.reshape(8, 8) * 255 / 16).astype(np.uint8)), place)
    picture.save(folder / f"digit_{number:04}.png")


def shape(draw, kind):
    if kind == 0:
        draw.ellipse((2, 2, 29, 29), outline=255, width=7)
    elif kind == 1:
        draw.rectangle((2, 2, 29, 29), fill=255)
    elif kind == 2:
        draw.line((2, 2, 29, 29), fill=255, width=6)
        draw.line((2, 29, 29, 2), fill=255, width=6)
    elif kind == 3:
        draw.polygon((2, 29, 29, 29, 15, 2), fill=255)
    else:
        for start in range(2, 30, 9):
            line = (2, start, 29, start) if kind == 4 else (start, 2, start, 29)
            draw.line(line, fill=255, width=4)


for kind in range(6):
    picture = Image.new("L", (48, 48))
    shape(ImageDraw.Draw(picture), kind)
    picture.resize((12, 12), Image.Resampling.BOX).save(folder / f"odd_{kind}.png")

# %%
# Read the files and train. Crops of other brightness are the views: place, size and brightness do
# not matter here.
from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive.augmentation import ColorJitter, Compose, RandomResizedCrop

files = sorted(folder.glob("*.png"))
embedder = SimCLREmbedder(
    "resnet_narrow",
    image_shape=(12, 12),
    augmentations=Compose([RandomResizedCrop((0.4, 1.0)), ColorJitter(0.4, 0.4, 0.4, 0.0)]),
    temperature=0.1,
    batch_size=64,
    max_epochs=12,
    random_state=0,
)
h = embedder.fit_transform(files)

# %%
# The most similar pictures of five of them, with the cosine similarity of the representations:
from sklearn_contrastive.plotting import NeighboursDisplay

display = NeighboursDisplay.from_estimator(embedder, files, [0, 1, 2, 3, 4])

# %%
# How often do the six most similar pictures show the same digit? Raw pixels look for strokes at the
# same place.
from sklearn.decomposition import PCA

from sklearn_contrastive.evaluation import outlier_distances, similar_images

pixels = np.stack([np.asarray(Image.open(file)).ravel() / 255 for file in files])
representations = {
    "SimCLREmbedder": h,
    "raw pixels": pixels,
    "PCA, 30 components": PCA(30).fit_transform(pixels),
}
unlike = {}
for name, rows in representations.items():
    nearest = similar_images(rows[:1000], n_neighbors=6).indices
    share = np.mean(classes[nearest] == classes[:1000, None])
    print(f"{name:<20}{share:.2f} of the similar pictures show the same digit")
    # how odd a picture is: 1 - the mean similarity to the five most similar ones
    unlike[name] = outlier_distances(rows, n_neighbors=5)

# %%
# The odd pictures are those with the least similar neighbours. Here are the eight oddest for each
# representation, the oddest first:
import matplotlib.pyplot as plt

figure, axes = plt.subplots(3, 8, figsize=(8, 3.8), layout="constrained")
for row, (name, distance) in zip(axes, unlike.items(), strict=True):
    for ax, number in zip(row, np.argsort(-distance)[:8], strict=True):
        ax.imshow(pixels[number].reshape(12, 12), cmap="gray")
        ax.set(xticks=[], yticks=[])
    row[0].set_title(name, loc="left", size="medium")
plt.show()

# %%
# How many of the six shapes are among the ten oddest pictures?
for name, distance in unlike.items():
    found = sum(files[number].name.startswith("odd") for number in np.argsort(-distance)[:10])
    print(f"{name:<20}{found} of 6")

# %%
# A short training on a thousand pictures is enough to ignore the place of a digit in part. More
# pictures and more epochs help. If your pictures are photographs of usual things, take a pretrained
# network: ``SimCLREmbedder("resnet50", pretrained=True)``.
