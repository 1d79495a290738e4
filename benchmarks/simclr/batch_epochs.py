"""Batch size against epochs: larger batches, longer training, and both.

Fashion-MNIST in grey, AdamW with a learning rate that follows the square root of the batch size.
The paper has LARS and the linear rule, batches of 256 and 4096, and 100 and 800 epochs. At equal
epochs a larger batch makes fewer steps.
"""

from ._finding import Finding, run_finding
from ._image_sets import GREY, image_set
from ._judge import Claim, Contrast, better
from ._networks import probe, simclr

BATCHES = (32, 128, 512)
# of the epochs of the scale
SHORT, LONG = 0.5, 2.0
NAMES = {SHORT: "short", LONG: "long"}


def scored(scale, device, batch_size, length, seed):
    """Linear probe after a training with one batch size and length."""
    data = image_set(GREY, scale, seed)
    changes = {
        # at a small scale the largest batches have all images
        "batch_size": min(batch_size, scale.n_train),
        "max_epochs": max(1, round(length * scale.epochs)),
    }
    network = simclr(scale, device, seed, data.train, **changes).fit(data.train)
    return {name_of(batch_size, length): probe(network, data)}


def name_of(batch_size, length):
    """Name of a score."""
    return f"{batch_size}, {NAMES[length]}"


SMALLEST, LARGEST = (
    {length: name_of(size, length) for length in NAMES} for size in (BATCHES[0], BATCHES[-1])
)
FINDING = Finding(
    __spec__.name,
    __doc__.splitlines()[0],
    [(size, length) for size in BATCHES for length in NAMES],
    scored,
    (
        Claim(
            "In a short training a larger batch is better",
            (better(LARGEST[SHORT], SMALLEST[SHORT]),),
            "57.5 at 256, 64.6 at 4096, after 100 epochs",
        ),
        Claim(
            "In a long training the advantage of a larger batch is smaller",
            (
                Contrast(
                    (LARGEST[SHORT], SMALLEST[LONG]),
                    (SMALLEST[SHORT], LARGEST[LONG]),
                ),
            ),
            "7.1 points after 100 epochs, 2.3 after 800",
        ),
        Claim(
            "A longer training is better, with small and with large batches",
            (better(SMALLEST[LONG], SMALLEST[SHORT]), better(LARGEST[LONG], LARGEST[SHORT])),
            "57.5 to 66.6 at 256, 64.6 to 68.9 at 4096",
        ),
    ),
)

if __name__ == "__main__":
    run_finding(FINDING)
