"""Findings of the benchmarks of the theory, and their agreement with independent values."""

from .records import Section, results
from .sentences import labels_sentence

BENCHMARKS = ("recovery", "downstream_risk", "labels", "limits", "real_data")


def sections():
    """One section with the findings of all benchmarks of the theory."""
    body = (
        ":doc:`theory` explains the quantities. Tables and figures are in\n"
        "``benchmarks/theory/results``.\n\n" + findings() + labels_sentence() + "\n\n"
    )
    return [Section("Theory", "theory.recovery", body)]


def findings():
    """Findings of each benchmark, and the number of values that an independent run confirms."""
    text = ""
    for name in BENCHMARKS:
        found = results(f"theory.{name}")
        text += f"``python -m benchmarks.theory.{name}``:\n\n"
        for statement, numbers in found["findings"].items():
            text += f"- {statement}: {numbers}\n".replace("*", "\\*")
        if "agreement" in found:
            compared, disagreeing = (
                len(found["agreement"][key]) for key in ("compared", "disagreeing")
            )
            text += "- within three standard errors of an independent measurement: "
            text += f"{compared - disagreeing} of {compared} values\n"
        text += "\n"
    return text
