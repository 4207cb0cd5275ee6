"""How this project's own programs are started as processes."""

import os
import sys
from pathlib import Path
from typing import Final

SOURCE_ROOT: Final = Path(__file__).parents[2]


def program(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules.

    ``-P`` keeps the current folder out: it may hold somebody's own package called ``app``.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def program_environment() -> dict[str, str]:
    """Return this process's environment, in which our modules are found wherever they lie."""
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(SOURCE_ROOT), *([inherited] if inherited else [])])
    return {**os.environ, "PYTHONPATH": path}
