"""Tables of what the benchmarks of images found."""

import numpy as np

OURS = "SimCLREmbedder"


def accuracy(found):
    """Accuracy on Fashion-MNIST: mean and standard deviation over seeds, one line per method."""
    scores = found["results"]["scores"]
    keys = list(scores[OURS][0])
    names = {key: f"{key} labels" if key.isdigit() else key for key in keys}
    lines = [[name, *(_spread(entries, key) for key in keys)] for name, entries in scores.items()]
    return ["representation", *(names[key] for key in keys)], lines


def speed(found):
    """Ratios of times, ours over the other's."""
    columns = ["what", "encoder", "images", "batch", "over", "ratio", "target", "images per second"]
    lines = []
    for row in found["results"]["rows"]:
        lines.append(
            [
                row["what"],
                row["encoder"] or "none",
                row["images"],
                str(row["batch"]),
                row["over"],
                f"{row['ratio']:.2f}",
                f"{row['target']:.2f}",
                f"{row['images/s']:.0f}",
            ]
        )
    return columns, lines


def loss_memory(found):
    """Memory and time of NT-Xent, forward and backward."""
    lines = [
        [str(row["pairs"]), row["loss of"], f"{row['peak MB']:.0f}", f"{row['seconds']:.2f}"]
        for row in found["results"]
    ]
    return ["pairs", "similarities", "peak MB", "seconds"], lines


def settings(found, group):
    """One setting changed, all else as it is: probe and neighbours."""
    averages = found["results"]["groups"][group]
    lines = [
        [
            f"{name} (as it is)" if name == found["results"]["as_is"][group] else name,
            *(
                f"{average['mean'][key]:.3f}±{average['standard_error'][key]:.3f}"
                for key in ("probe", "kNN")
            ),
        ]
        for name, average in averages.items()
    ]
    return [group, "probe, 1000 labels", "kNN"], lines


def sentence(found):
    """What the accuracy comes to, in a line."""
    scores = found["results"]["scores"]
    sizes = [key for key in scores[OURS][0] if key.isdigit()]

    def means(name):
        return " / ".join(f"{np.mean([entry[key] for entry in scores[name]]):.3f}" for key in sizes)

    minutes = np.mean([entry["fit s"] for entry in scores[OURS]]) / 60
    return (
        f"Fashion-MNIST on a CPU, {minutes:.0f} minutes of training without labels: a linear probe "
        f"with {' / '.join(sizes)} labels was right in {means(OURS)} of the test images; on raw "
        f"pixels in {means('raw pixels')}, on PCA's 128 components in {means('PCA')}."
    )


def _spread(entries, key):
    values = [entry[key] for entry in entries]
    if key == "fit s":
        return f"{np.mean(values):.0f}"
    spread = f"±{np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"
