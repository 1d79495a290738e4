"""What a GPU does: its tests, speed of tables and images, accuracy, resume, pickling.

Needs PyTorch, timm, scikit-learn and skorch; nothing is installed or downloaded. The sections run
one after the other, each within its time; after each one the record is written anew, so that a
section that fails, or a command that is cut off, does not lose the others. A goal is judged only in
a full run on a GPU. `--quick --device cpu` runs the same code on small data.

On a GPU the name of the record is that of the card: results/gpu_nvidia_h200.json.
"""

from dataclasses import replace

import torch

from ..images._image_run import image_run
from ._cuda_tests import cuda_tests
from ._device_tables import tables_on_device
from ._fashion_accuracy import fashion_accuracy
from ._gpu_sections import Section, Setting, run_sections
from ._resumed_pickled import resume_and_pickle
from ._simclr_epoch import simclr_epoch

MODULE = "benchmarks.gpu"
# seconds of a section at most; together less than nine minutes
SECTIONS = (
    Section("tables on the device", tables_on_device, 60),
    Section("SimCLR epoch", simclr_epoch, 80),
    Section("resume and pickling", resume_and_pickle, 50),
    Section("Fashion-MNIST", fashion_accuracy, 220),
    Section("tests", cuda_tests, 100),
)
TOTAL_SECONDS = 530
# a quick run is not for its times, and may run on a busy machine
QUICK_FACTOR = 50


def main():
    """Run all sections; print their goals at the end."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    run = image_run(MODULE, __doc__.splitlines()[0], seeds=1, device=device)
    factor = QUICK_FACTOR if run.quick else 1
    sections = [replace(section, seconds=factor * section.seconds) for section in SECTIONS]
    setting = Setting(run.options.device, run.quick)
    run_sections(run, sections, setting, factor * TOTAL_SECONDS)


if __name__ == "__main__":
    main()
