"""Strength of the colour jitter, for contrastive and for supervised training.

The same network, views and optimiser, trained by NT-Xent without labels, or by cross-entropy with
them. Fashion-MNIST in random colours, where the colour says nothing about the class; generated
objects whose class is their hue; emoji of two vendors where ``EMOJI_DATA`` names their folder.
"""

from ._finding import Finding, run_finding
from ._image_sets import COLOUR, EMOJI, TINTED, has_emoji, image_set
from ._judge import Claim, better
from ._networks import probe, simclr, usual_views
from ._supervised import SupervisedNetwork

STRENGTHS = {"1/8": 0.125, "1/4": 0.25, "1/2": 0.5, "1": 1.0}
TITLES = {
    TINTED: "clothes in random colours",
    COLOUR: "images whose class is a colour",
    EMOJI: "emoji",
}
SETS = (TINTED, COLOUR, *((EMOJI,) if has_emoji() else ()))


def scored(scale, device, name, strength, seed):
    """Accuracy of the contrastive network, by a linear probe, and of the supervised one."""
    data = image_set(name, scale, seed)
    views = {"augmentations": usual_views(STRENGTHS[strength])}
    contrastive = simclr(scale, device, seed, data.train, **views).fit(data.train)
    parameters = contrastive.get_params(deep=False) | {
        "projection_head": "linear",
        "projection_dim": int(data.y_train.max()) + 1,
    }
    supervised = SupervisedNetwork(**parameters).fit(data.train, data.y_train)
    return {
        f"{name}, contrastive, {strength}": probe(contrastive, data),
        f"{name}, supervised, {strength}": supervised.accuracy(data.test, data.y_test),
    }


def claims_of(name):
    """Both claims together, then each, for one set."""
    stronger = better(f"{name}, contrastive, 1", f"{name}, contrastive, 1/8")
    weaker = better(f"{name}, supervised, 1/8", f"{name}, supervised, 1")
    helped, hurt = "59.6 at 1/8, 63.2 at 1", "77.0 at 1/8, 75.7 at 1"
    return (
        Claim(
            f"On {TITLES[name]} stronger colour helps contrastive and hurts supervised training",
            (stronger, weaker),
            f"contrastive {helped}; supervised {hurt}",
        ),
        Claim(f"On {TITLES[name]} stronger colour helps contrastive training", (stronger,), helped),
        Claim(f"On {TITLES[name]} stronger colour hurts supervised training", (weaker,), hurt),
    )


FINDING = Finding(
    __spec__.name,
    __doc__.splitlines()[0],
    [(name, strength) for name in SETS for strength in STRENGTHS],
    scored,
    tuple(claim for name in SETS for claim in claims_of(name)),
)

if __name__ == "__main__":
    run_finding(FINDING)
