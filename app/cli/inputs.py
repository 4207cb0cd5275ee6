"""What a command reads where a person may give a file or pipe something in."""

import sys
from pathlib import Path

from app.cli.exit_codes import UsageFault


def read_text(file: Path | None, *, remedy: str) -> str:
    """Return the text of a file or of stdin.

    Args:
        file: None for stdin.
        remedy: What to do, told to a person who gave neither.

    Raises:
        UsageFault: Neither was given, or it is not UTF-8.
    """
    if file is None and sys.stdin.isatty():
        raise UsageFault(remedy)
    data = sys.stdin.buffer.read() if file is None else file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageFault(f"{source_of(file)} is not UTF-8 (byte {error.start})") from error


def source_of(file: Path | None) -> str:
    """Name where a text comes from."""
    return str(file or "stdin")
