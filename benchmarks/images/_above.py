"""Makes the modules of the folder above importable; threads stay as many as they are."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
