"""Atomic replacement of files: visibility, crash safety, permissions and durability."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.system.atomic_files import atomic_file, write_atomically

KILLED_BEFORE_RENAME = """
import os, signal, sys
from pathlib import Path
from core.system.atomic_files import atomic_file
with atomic_file(Path(sys.argv[1]), durable=True) as temporary:
    temporary.write_text("new")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a file that exists."""
    path = tmp_path / "rows.txt"
    path.write_text("old", encoding="utf-8")
    return path


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files and folders that are flushed, in their order."""
    names: list[str] = []

    def record(descriptor: int) -> None:
        names.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(os, "fsync", record)
    return names


def test_atomic_file_replaces_the_file_when_the_block_ends(path: Path) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert list(path.parent.iterdir()) == [path]


def test_atomic_file_keeps_the_old_file_when_the_block_fails(path: Path) -> None:
    with pytest.raises(RuntimeError, match="disk"), atomic_file(path) as temporary:
        temporary.write_text("ne", encoding="utf-8")
        raise RuntimeError("disk")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(path.parent.iterdir()) == [path]


def test_atomic_file_keeps_the_old_file_when_the_writer_is_killed(path: Path) -> None:
    command = [sys.executable, "-c", KILLED_BEFORE_RENAME, str(path)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert path.read_text(encoding="utf-8") == "old"
    assert all(file.name.startswith(".") for file in path.parent.iterdir() if file != path)


def test_atomic_file_keeps_the_old_file_when_the_flush_fails(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, b"new", durable=True)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(path.parent.iterdir()) == [path]


def test_atomic_file_yields_a_hidden_name_with_the_same_extension(path: Path) -> None:
    with atomic_file(path) as temporary:
        assert temporary.name.startswith(".")
        assert temporary.suffix == path.suffix
        assert temporary.parent == path.parent


def test_write_atomically_creates_a_file_with_the_default_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_atomically(tmp_path / "file", b"data")
    assert (tmp_path / "file").read_bytes() == b"data"
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_atomic_file_has_the_given_mode_from_the_start(path: Path, mode: int) -> None:
    with atomic_file(path, mode=mode) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == mode
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_write_atomically_flushes_the_content_and_then_the_folder_when_durable(
    path: Path, synced: list[str]
) -> None:
    write_atomically(path, b"new", durable=True)
    content, folder = synced
    assert Path(content).parent == path.parent
    assert Path(content).name.startswith(".")
    assert Path(folder) == path.parent


def test_write_atomically_flushes_nothing_when_not_durable(path: Path, synced: list[str]) -> None:
    write_atomically(path, b"new")
    assert synced == []


def test_write_atomically_refuses_an_existing_file_without_overwrite(path: Path) -> None:
    with pytest.raises(FileExistsError):
        write_atomically(path, b"new", overwrite=False)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(path.parent.iterdir()) == [path]


def test_write_atomically_creates_a_missing_file_without_overwrite(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"data", overwrite=False)
    assert (tmp_path / "file").read_bytes() == b"data"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
