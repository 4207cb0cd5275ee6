"""Commands and environments that start modules of this project as processes."""

import os
import sys
from pathlib import Path
from typing import Final

SOURCE_ROOT: Final = Path(__file__).parents[2]


def program(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this project.

    ``-P`` keeps the working directory off the import path: it may contain another package called ``app``.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def program_environment() -> dict[str, str]:
    """Return this process's environment with the source root on ``PYTHONPATH``."""
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(SOURCE_ROOT), *([inherited] if inherited else [])])
    return {**os.environ, "PYTHONPATH": path}
