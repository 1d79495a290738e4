"""Findings of the benchmarks of the theory, and their agreement with independent values."""

from .records import results


def findings(name):
    """Findings of one benchmark, as a list."""
    return "".join(
        f"- {statement}: {numbers}\n".replace("*", "\\*")
        for statement, numbers in results(f"theory.{name}")["findings"].items()
    )


def agreement(name):
    """Number of values that an independent run confirms."""
    found = results(f"theory.{name}")["agreement"]
    compared, disagreeing = (len(found[key]) for key in ("compared", "disagreeing"))
    return (
        "Within three standard errors of an independent measurement: "
        f"{compared - disagreeing} of {compared} values."
    )
