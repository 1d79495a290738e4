"""Page: fine-tuning with few labels."""

import numpy as np

from .._common.tables import restructured
from .drawing import dots, legend, panel
from .page import Page, Picture, Section
from .records import read, records_of, results

RECORD = "images.fine_tuning"
OURS, TUNED, FROM_H, BOTH, PROBE, TAUGHT_PROBE, SCRATCH, PIXELS = (
    "ContrastiveClassifier",
    "fine-tuned",
    "fine-tuned from h",
    "fine-tuned and frozen",
    "frozen probe",
    "frozen probe, self-training",
    "from scratch",
    "pixels",
)
STYLES = {
    OURS: ("#D55E00", "o"),
    TUNED: ("#E69F00", "^"),
    BOTH: ("#CC79A7", "D"),
    PROBE: ("#0072B2", "s"),
    TAUGHT_PROBE: ("#009E73", "P"),
    SCRATCH: ("#56B4E9", "v"),
    PIXELS: ("#000000", "x"),
}


def page():
    """Verdict, picture and tables; None without a record."""
    if RECORD not in records_of("images", "fine_tuning"):
        return None
    settings = read(RECORD)["settings"]
    return Page(
        "fine_tuning",
        "Fine-tuning with few labels",
        verdict(),
        (
            Picture(
                RECORD,
                "Accuracy with the labels of 1 % and 10 % of the training images of two sets: "
                "ContrastiveClassifier, its network before the self-training, a linear classifier "
                "on frozen representations, the same with self-training, the mean of probe and "
                "fine-tuned network, the network trained from scratch, and pixels",
                draw,
            ),
        ),
        f"SimCLREmbedder was trained on all training images without labels: {sizes()}, the narrow "
        f"network on a CPU, {settings['epochs']} epochs on Fashion-MNIST and twice as many on "
        "MNIST-5k. Then each method has the labels of 1 % or 10 % of these images, the same for "
        "all; ContrastiveClassifier has all images, -1 marks those without a label. Fine-tuned is "
        "the same without self-training. The frozen probe is logistic regression on centred rows "
        "of one length; with self-training it also has all images (SelfTrainingClassifier). "
        "Fine-tuned and frozen "
        "average their probabilities (VotingClassifier). From scratch the network has random "
        "weights, as many epochs, and the best of "
        f"{names_of_optimizers()} on the test images. "
        "Settings were chosen on other training images of Fashion-MNIST and on scikit-learn's "
        "digits.",
        (
            Section(
                "Accuracy",
                RECORD,
                "Means over the seeds; in brackets the mean difference from ContrastiveClassifier, "
                "with its standard deviation over the seeds, which draw network and labels.",
                {"Accuracy on the test images": restructured(*accuracy_table())},
            ),
            Section(
                "Calibration",
                RECORD,
                calibration_text(),
                {"Calibration error": restructured(*calibration_table())},
            ),
        ),
    )


def cells():
    """Name of each cell -> its draws."""
    return {
        f"{name}, {draws[0][share]['n_labels']} labels": [draw[share] for draw in draws]
        for name, draws in results(RECORD)["sets"].items()
        for share in draws[0]
    }


def names_of_optimizers():
    """Settings of the rival from scratch, in words."""
    names = {name for draws in cells().values() for draw in draws for name in draw["from scratch"]}
    return ", ".join(sorted(names)).replace("adamw", "AdamW").replace("muon", "Muon")


def accuracies(draws, method):
    """Accuracy of a method in each draw."""
    return np.array([draw["accuracy"][method] for draw in draws])


def gains(method, rival):
    """Mean differences of two methods in all cells, in words."""
    differences = (
        np.mean(accuracies(draws, method) - accuracies(draws, rival)) for draws in cells().values()
    )
    return ", ".join(f"{difference:+.3f}" for difference in differences)


def sizes():
    """Numbers of training images."""
    shares = {
        name: draws[0][max(draws[0], key=float)]["n_labels"] / float(max(draws[0], key=float))
        for name, draws in results(RECORD)["sets"].items()
    }
    return ", ".join(f"{number:.0f} of {name}" for name, number in shares.items())


def verdict():
    """The classifier against the frozen probe, the network from scratch and its own parts."""
    return (
        f"ContrastiveClassifier against the frozen probe: {gains(OURS, PROBE)}. The cells "
        f"are {'; '.join(cells())}. Against training from scratch {gains(OURS, SCRATCH)}, the "
        f"probe with self-training {gains(OURS, TAUGHT_PROBE)}."
    )


def accuracy_table():
    """Mean accuracy and paired difference by method and cell."""
    lines = []
    for method in [OURS, TUNED, FROM_H, BOTH, PROBE, TAUGHT_PROBE, SCRATCH, PIXELS]:
        line = [method]
        for draws in cells().values():
            if method not in draws[0]["accuracy"]:
                line.append("")
                continue
            values = accuracies(draws, method)
            differences = values - accuracies(draws, OURS)
            spread = f" ± {differences.std(ddof=1):.3f}" if len(draws) > 1 else ""
            paired = f" ({differences.mean():+.3f}{spread})"
            line.append(f"{values.mean():.3f}" + (paired if method != OURS else ""))
        lines.append(line)
    return ["method", *cells()], lines


def with_temperature():
    """Cells with enough labels to set a temperature by some of them."""
    return {name: draws for name, draws in cells().items() if "with temperature" in draws[0]}


def calibration_text():
    """Errors of the probabilities, with and without a temperature."""
    errors = [np.mean([draw["calibration error"] for draw in draws]) for draws in cells().values()]
    scaled = [
        np.mean([draw["with temperature"]["calibration error"] for draw in draws])
        for draws in with_temperature().values()
    ]
    return (
        f"The expected calibration error, in 15 bins of confidence, is {min(errors):.3f} to "
        f"{max(errors):.3f}. With a temperature from a fifth of the labels, by scikit-learn's "
        f"CalibratedClassifierCV, it is {min(scaled):.3f} to {max(scaled):.3f} where that fifth "
        "has two labels of each class; the classifier is then fitted without these images."
    )


def calibration_table():
    """Error and accuracy, without and with a temperature."""
    lines = []
    for name, draws in cells().items():
        numbers = [[draw["calibration error"] for draw in draws], accuracies(draws, OURS)]
        if name in with_temperature():
            scaled = [draw["with temperature"] for draw in draws]
            numbers += [[each[key] for each in scaled] for key in ("calibration error", "accuracy")]
        cells_of_line = [f"{np.mean(values):.3f}" for values in numbers]
        lines.append([name, *cells_of_line, *[""] * (4 - len(cells_of_line))])
    return ["cell", "error", "accuracy", "with temperature: error", "accuracy"], lines


def draw():
    """Accuracy of each method, a row for each cell."""
    figure, (axes,) = panel(3.8)
    series = {
        method: [float(accuracies(draws, method).mean()) for draws in cells().values()]
        for method in STYLES
    }
    dots(axes, list(cells()), series, styles=STYLES)
    axes.set_xlabel("accuracy on the test images")
    legend(figure, axes)
    return figure
