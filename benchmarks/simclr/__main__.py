"""All findings, one after the other."""

import sys

from . import augmentation_pairs, batch_epochs, colour_strength, heads, invariances, losses
from ._finding import run_finding

MODULES = (heads, augmentation_pairs, colour_strength, losses, batch_epochs, invariances)


def main():
    """Make every finding; each writes its record as soon as it is done."""
    if any(word.startswith("--o") for word in sys.argv[1:]):  # argparse takes abbreviations
        raise SystemExit("--output is the file of one finding: python -m benchmarks.simclr.heads")
    for module in MODULES:
        print(f"\n{module.FINDING.title}", flush=True)
        run_finding(module.FINDING)


if __name__ == "__main__":
    main()
