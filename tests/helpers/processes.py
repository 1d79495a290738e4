"""Programs in a new interpreter."""

import json
import os
import subprocess
import sys

__all__ = ["run_program", "without_packages"]


def run_program(program, *arguments, **environment):
    """Run a program in a new interpreter and return its output, read as JSON."""
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def without_packages(packages):
    """Return the beginning of a program in which packages cannot be imported."""
    return f"""
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(packages)}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, NotInstalled())
"""
