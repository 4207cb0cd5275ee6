"""Checksums of files."""

from pathlib import Path

import pytest

from core.system.checksums import file_sha256


def test_file_sha256_equals_a_published_value(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_file_sha256_raises_when_the_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        file_sha256(tmp_path / "nothing")
