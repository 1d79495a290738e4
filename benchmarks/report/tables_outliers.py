"""Tables of outlier_scores, of the OutlierWarning, and of a bad hour and two bad sensors."""

from .._common.tables import restructured
from .records import Section, results

RECORD, HOUR = "linear.outliers", "linear.bad_hour"
LEVELS = ("0.1", "0.05", "0.01", "0.001")
# distance in the record -> its name on the page
NAMES = {
    "score": "score_share",
    "orthogonal": "orthogonal_share",
    "both": "share",
    "Gaussian score": "chi-square of T²",
    "Gaussian orthogonal": "chi-square of Q",
}


def sections():
    """Sections about bad rows."""
    found = results(RECORD)
    false = found["false_alarms"]
    return [
        Section(
            "A bad hour and two bad sensors",
            HOUR,
            "Mean of the absolute correlation of the score of one component with the daily\n"
            "course, and R² of a regression of the course on the scores of one and of five\n"
            "components.\n\n" + restructured(*hour()),
        ),
        Section(
            "Outlier scores: calibration",
            RECORD,
            "Share of clean new rows whose share is below a level: mean, and the 90 % point over\n"
            "draws or tables. The last two lines of each setting are the limits of the Gaussian\n"
            "model without correction. Real tables: a model of one half, rows of the other.\n\n"
            + restructured(*calibration()),
        ),
        Section(
            "Outlier scores: the OutlierWarning after a fit",
            RECORD,
            f"Clean simulated samples: {false['alarms']} warnings in {false['fits']} fits. Real\n"
            "tables, the number of those with a warning, by its kind:\n\n"
            + restructured(*alarms())
            + "As shipped:\n\n"
            + "".join(f"- {name}: {text.partition(' Look')[0]}\n" for name, text in shipped())
            + "\n",
        ),
    ]


def hour():
    """Correlation with the true course."""
    one, five = (results(HOUR)[f"{k} components"] for k in (1, 5))
    return ["reducer", "correlation", "R², one", "R², five"], [
        [
            name,
            f"{values['correlation']:.2f}",
            f"{values['R2']:.2f}",
            f"{five[name]['R2']:.2f}",
        ]
        for name, values in one.items()
    ]


def calibration():
    """Share of clean rows below each level."""
    found = results(RECORD)
    return ["X", "share", *LEVELS], [
        [
            name,
            NAMES[distance],
            *(
                f"{mean:.3f} ({high:.3f})"
                for mean, high in zip(values["mean"], values["90 %"], strict=True)
            ),
        ]
        for name, of_name in (found["simulated"] | {"real tables": found["tables"]}).items()
        for distance, values in of_name.items()
    ]


def alarms():
    """Number of tables with a warning of each kind."""
    kinds = ["rows", "cells", "row noise", "any"]
    return ["tables", "number", *kinds], [
        [row["tables"], str(row["n"]), *(str(row[kind]) for kind in kinds)]
        for row in results(RECORD)["detected"]
    ]


def shipped():
    """Names of the tables that warn as shipped, and the text."""
    return results(RECORD)["shipped"].items()
