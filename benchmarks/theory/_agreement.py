"""Comparison of the results with an independent measurement."""

import numpy as np

from ._reference import WHY_UNSTABLE

ALLOWED = 3
# draws of the reference, whose spread replaces ours where we have few draws
REFERENCE_DRAWS, FEW_DRAWS = 10, 5


def compared(run, table, cells, reference):
    """One record per cell and method that both measurements have.

    Parameters
    ----------
    run : Run
        Whose draws are averaged.
    table : str
        Name of the table.
    cells : dict of str to dict
        Cell -> result of `averaged`.
    reference : dict of str to dict of str to Value
        Cell -> method -> value.

    Returns
    -------
    records : list of dict
        `deviation` is the difference in combined standard errors. The reference's includes half a
        unit of its last digit; where it is not on record, it is taken to be as large as ours. Of
        few draws ours is no smaller than the reference's at as many.
    """
    records = []
    for cell, average in cells.items():
        for method, value in reference.get(cell, {}).items():
            few = len(run.seeds) < FEW_DRAWS
            if method not in average["mean"] or (few and value.standard_error is None):
                continue
            mean, ours = average["mean"][method], average["standard_error"][method]
            theirs = ours if value.standard_error is None else value.standard_error
            error = ours
            if few:
                error = max(ours, theirs * np.sqrt(REFERENCE_DRAWS / len(run.seeds)))
            combined = np.hypot(error, theirs + value.digit / 2)
            records.append(
                {
                    "table": table,
                    "cell": cell,
                    "method": method,
                    "measured": mean,
                    "standard_error": ours,
                    "reference": value.mean,
                    "reference_standard_error": value.standard_error,
                    "deviation": float((mean - value.mean) / combined),
                }
            )
    return records


def add_agreement(run, records):
    """Add the count of a run's agreements, table by table, and every disagreement."""
    disagreeing = [record for record in records if abs(record["deviation"]) > ALLOWED]
    run.results["agreement"] = {"compared": records, "disagreeing": disagreeing}
    rows = [
        {
            "table": table,
            "values": sum(record["table"] == table for record in records),
            "agree": sum(
                record["table"] == table and abs(record["deviation"]) <= ALLOWED
                for record in records
            ),
            "root mean square deviation": _root_mean_square(
                [record["deviation"] for record in records if record["table"] == table]
            ),
        }
        for table in dict.fromkeys(record["table"] for record in records)
    ]
    run.add_table(
        "Agreement with an independent measurement, within three combined standard errors",
        rows,
        "If both measure the same, about one value in a hundred is further away by chance, since "
        "the standard errors are estimates from ten draws, and the root mean square deviation, in "
        "combined standard errors, is about 1.",
    )
    if disagreeing:
        run.add_table(
            "Values that do not agree",
            [
                {
                    "table": record["table"],
                    "cell": record["cell"],
                    "method": record["method"],
                    "measured": _with_error(record["measured"], record["standard_error"]),
                    "reference": _with_error(
                        record["reference"], record["reference_standard_error"]
                    ),
                    "deviation": f"{record['deviation']:+.1f}",
                    "why": WHY_UNSTABLE.get(record["method"], "not explained"),
                }
                for record in disagreeing
            ],
        )


def _with_error(mean, error):
    return f"{mean:.4f}" + ("" if error is None else f"±{error:.4f}")


def _root_mean_square(values):
    return float(np.sqrt(np.mean(np.square(values))))
