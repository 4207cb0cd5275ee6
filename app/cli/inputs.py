"""Text from a file or from stdin."""

import sys
from pathlib import Path

from app.cli.exit_codes import UsageFault


def read_text(file: Path | None, *, remedy: str) -> str:
    """Return the text of a file, or of stdin.

    Args:
        file: The file; None for stdin.
        remedy: Message if there is no file and stdin is a terminal.

    Raises:
        UsageFault: There is no input, or it is not UTF-8.
    """
    if file is None and sys.stdin.isatty():
        raise UsageFault(remedy)
    data = sys.stdin.buffer.read() if file is None else file.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageFault(f"{source_name(file)} is not UTF-8 (byte {error.start})") from error


def source_name(file: Path | None) -> str:
    """Return the name of an input for messages."""
    return str(file or "stdin")
