"""Losses and temperature: NT-Xent with and without norm, DCL, margin and logistic losses.

Fashion-MNIST in grey. The margin and the temperature of the losses with semi-hard negatives were
not tuned, nor those of NT-Xent without norm; the paper tuned them.
"""

from functools import partial

from ._finding import Finding, run_finding
from ._image_sets import GREY, image_set
from ._judge import Claim, better
from ._networks import probe, simclr
from ._pair_losses import logistic_loss, margin_loss, nt_xent_without_norm

TEMPERATURES = (0.05, 0.1, 0.5, 1.0)
LOSSES = {f"NT-Xent {t:g}": {"loss": "nt_xent", "temperature": t} for t in TEMPERATURES}
LOSSES |= {f"DCL {t:g}": {"loss": "decoupled", "temperature": t} for t in (0.1, 0.5)}
LOSSES |= {
    f"without norm {t:g}": {"loss": partial(nt_xent_without_norm, temperature=t)}
    for t in (1.0, 10.0)
}
LOSSES |= {
    "margin": {"loss": partial(margin_loss, margin=0.4)},
    "logistic": {"loss": partial(logistic_loss, temperature=0.2)},
}


def scored(scale, device, name, seed):
    """Linear probe after a training with one loss."""
    data = image_set(GREY, scale, seed)
    network = simclr(scale, device, seed, data.train, **LOSSES[name]).fit(data.train)
    return {name: probe(network, data)}


BEST = "NT-Xent 0.1"
FINDING = Finding(
    __spec__.name,
    __doc__.splitlines()[0],
    [(name,) for name in LOSSES],
    scored,
    (
        Claim(
            "NT-Xent is better than margin and logistic losses with semi-hard negatives",
            (better(BEST, "margin"), better(BEST, "logistic")),
            "63.9 against 57.5 and 57.9",
        ),
        Claim(
            "A temperature of 0.1 is better than 0.05, 0.5 and 1",
            tuple(better(BEST, f"NT-Xent {t:g}") for t in TEMPERATURES if t != 0.1),
            "64.4 against 59.7, 60.7 and 58.0",
        ),
        Claim(
            "NT-Xent is better with than without norm",
            (better(BEST, "without norm 1"), better(BEST, "without norm 10")),
            "64.4 against 57",
        ),
        Claim(
            "DCL is better than NT-Xent at a low temperature",
            (better("DCL 0.1", BEST),),
            "78.3 to 84.6 in batches of 32, ResNet-18 (Yeh et al. 2022)",
        ),
    ),
)

if __name__ == "__main__":
    run_finding(FINDING)
