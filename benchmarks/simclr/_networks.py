"""Networks of the findings: one embedder, with a change or two, and its linear probe."""

from functools import partial

from sklearn_contrastive.augmentation import ColorJitter, Compose, RandomFlip, RandomResizedCrop
from sklearn_contrastive.deep._networks.narrow_resnet import narrow_resnet
from sklearn_contrastive.evaluation import linear_probe

from ..images._embedder import embedder

# one penalty for all, so that a probe takes a small part of a second
PENALTY = 0.1
CROP = RandomResizedCrop((0.2, 1.0))
OUTPUTS = {"h": "representation", "z": "projection"}


def jitter(strength):
    """Colour jitter of SimCLR; 1 is that of the paper for ImageNet."""
    return ColorJitter(*[0.8 * strength] * 3, 0.2 * strength)


def usual_views(strength=0.5):
    """Crop, flip and colour jitter."""
    return Compose([CROP, RandomFlip(), jitter(strength)])


def simclr(scale, device, seed, images, **changes):
    """SimCLREmbedder of a scale for these images; z has as many features as h, 64 or 512."""
    return embedder(device, seed, **settings(scale, images) | changes)


def settings(scale, images):
    """Parameters of the embedder that depend on the scale and the images."""
    encoder, width = "resnet18", 512
    if scale.widths is not None:
        n_channels = 1 if images.ndim == 3 else images.shape[-1]
        encoder = partial(narrow_resnet, n_channels, widths=scale.widths)
        width = scale.widths[-1]
    return {
        "encoder": encoder,
        "projection_dim": width,
        "batch_size": scale.batch_size,
        "max_epochs": scale.epochs,
        "augmentations": usual_views(),
        "verbose": 0,
    }


def probe(network, data, output="h"):
    """Accuracy of a linear probe on h or z, with the labels of all training images."""
    rows = [rows_of(network, images, output) for images in (data.train, data.test)]
    return linear_probe(rows[0], data.y_train, rows[1], data.y_test, C=PENALTY)


def rows_of(network, images, output="h"):
    """h or z of images."""
    return network.set_params(output=OUTPUTS[output]).transform(images)
