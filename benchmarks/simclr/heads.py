"""Projection head none, linear or with a hidden layer; representation h against projection z.

Fashion-MNIST in grey. z has as many features as h, so that a difference between them is not one of
their numbers.
"""

from ._finding import MANY_SEEDS, Finding, run_finding
from ._image_sets import GREY, image_set
from ._judge import Claim, better
from ._networks import probe, simclr

HEADS = ("none", "linear", "mlp")


def scored(scale, device, head, seed):
    """Linear probe on h and on z, of one head."""
    data = image_set(GREY, scale, seed)
    network = simclr(scale, device, seed, data.train, projection_head=head).fit(data.train)
    outputs = ("h",) if head == "none" else ("h", "z")
    return {f"{head}, {output}": probe(network, data, output) for output in outputs}


FINDING = Finding(
    __spec__.name,
    __doc__.splitlines()[0],
    [(head,) for head in HEADS],
    scored,
    (
        Claim(
            "A hidden layer is better than a linear head, and that is better than none",
            (better("mlp, h", "linear, h"), better("linear, h", "none, h")),
            "3 points, and more than 10 points from none to a hidden layer",
        ),
        Claim(
            "A hidden layer is better than none",
            (better("mlp, h", "none, h"),),
            "more than 10 points",
        ),
        Claim(
            "A hidden layer is better than a linear head",
            (better("mlp, h", "linear, h"),),
            "3 points",
        ),
        Claim(
            "h is better than z",
            (better("mlp, h", "mlp, z"),),
            "more than 10 points",
        ),
    ),
    MANY_SEEDS,
)

if __name__ == "__main__":
    run_finding(FINDING)
