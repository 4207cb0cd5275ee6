"""Fixtures of the committed sample files."""

from pathlib import Path

import pytest

import samples

FOLDER = Path(samples.__file__).parent / "mtod"


@pytest.fixture(scope="session")
def committed() -> dict[str, str]:
    """Return the text of every committed file by file name."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(FOLDER.iterdir())}
