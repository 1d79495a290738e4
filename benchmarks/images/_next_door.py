"""Makes the modules of the folder above importable, and keeps every process to one thread."""

import os
import sys
from pathlib import Path

from threadpoolctl import threadpool_limits

os.environ["OMP_NUM_THREADS"] = "1"  # for PyTorch, loaded later, and for processes started here
threadpool_limits(1)
sys.path.append(str(Path(__file__).parents[1]))
