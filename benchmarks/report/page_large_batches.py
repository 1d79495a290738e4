"""Page: large batches of images, cut into chunks."""

from .._common.tables import restructured
from .drawing import panel
from .page import Page, Picture, Section
from .records import results

RECORD = "images.chunked_memory"


def page():
    """Verdict, picture and table of memory and time."""
    return Page(
        "large_batches",
        "Large batches in chunks",
        verdict(),
        (
            Picture(
                RECORD,
                "Memory of a training beyond that of the libraries: whole batches of 1024 need "
                "nearly four times that of batches of 256, batches of 1024 in chunks of 256 a "
                "fifth more, and batches of 4096 twice as much",
                draw,
            ),
        ),
        "``SimCLREmbedder``, colour images of 32 x 32 pixels, the narrow network, one thread. Peak "
        "memory of the whole process, and beyond that of a tiny training, which loads the "
        "libraries; the images are in memory too. Time of the processor, the shortest of several "
        "repetitions. :doc:`/guide/image_settings` says when to cut them.",
        (Section("Table", RECORD, folded={"Memory and time": restructured(*cost())}),),
    )


def row_of(batch, chunk):
    """Memory and time of one batch and chunk size."""
    rows = results(RECORD)["rows"]
    return next(row for row in rows if (row["batch"], row["chunk"]) == (batch, chunk))


def ratio(name, first, second):
    """One number of two rows, divided, in words."""
    return f"{row_of(*first)[name] / row_of(*second)[name]:.2f}"


def verdict():
    """Against smaller whole batches, and against whole batches of the same size."""
    large, small, cut, whole = (4096, 256), (256, 256), (1024, 256), (1024, 1024)
    return (
        f"Batches of 4096, 256 at a time, need {ratio('peak MB', large, small)} times the memory "
        f"of batches of 256. Beyond the libraries it is {ratio('above MB', large, small)} times. "
        f"An image takes {ratio('ms per image', large, small)} times as long. Batches of 1024 in "
        f"chunks take {ratio('ms per image', cut, whole)} times as long as whole ones, and need "
        f"{row_of(*cut)['above MB']:.0f} MB instead of {row_of(*whole)['above MB']:.0f} MB."
    )


def cost():
    """Peak memory, and time of the processor."""
    return ["batch", "chunk", "peak MB", "beyond the libraries, MB", "ms per image"], [
        [
            str(row["batch"]),
            str(row["chunk"]),
            f"{row['peak MB']:.0f}",
            f"{row['above MB']:.0f}",
            f"{row['ms per image']:.2f}",
        ]
        for row in results(RECORD)["rows"]
    ]


def draw():
    """One bar for each batch and chunk size."""
    rows = results(RECORD)["rows"][::-1]
    names = [
        f"{row['batch']}, " + ("whole" if row["batch"] == row["chunk"] else f"by {row['chunk']}")
        for row in rows
    ]
    figure, (axes,) = panel(2.4)
    axes.barh(names, [row["above MB"] for row in rows], color="#D55E00")
    axes.set(xlabel="memory beyond the libraries (MB)")
    return figure
