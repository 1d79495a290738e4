"""What the benchmarks of images share beyond `_report`: the device, versions, where results go."""

import argparse
import re
import sys
from pathlib import Path

import _above  # noqa: F401
import torch
from _report import PACKAGES, parse_arguments, report

RESULTS = Path(__file__).parent / "results"
PACKAGES |= {name: name for name in ("torch", "torchvision", "timm", "skorch")}


def arguments_of(name, description, seeds=3, quick_seeds=1, **own):
    """Arguments of a benchmark: those of all, --device, and its own with their defaults.

    On a GPU the name of the card is part of the name of the record.
    """
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--device", default="cpu")
    for option, default in own.items():
        parser.add_argument(f"--{option}", default=default, type=type(default))
    options, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    extra = ", ".join(f"--{option}" for option in ("device", *own))
    arguments = parse_arguments(name, f"{description} Also: {extra}.", seeds, quick_seeds)
    vars(arguments).update(vars(options))
    if arguments.output.parent != RESULTS.parents[1] / "results":
        return arguments
    card = "" if card_of(options.device) is None else f"_{slug(card_of(options.device))}"
    arguments.output = RESULTS / f"{name}{card}.json"
    return arguments


def card_of(device):
    """Name of the GPU, None on a CPU."""
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else None


def slug(name):
    """A name as part of a file's."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def record(arguments, results, seconds):
    """Write the JSON of a run, with the card and PyTorch's threads."""
    machine = {"card": card_of(arguments.device), "torch_threads": torch.get_num_threads()}
    report(arguments, machine | results, seconds)
