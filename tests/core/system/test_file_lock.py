"""Exclusive locks on files: exclusion, timeouts, release and inheritance."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.system.file_lock import FileLockTimeout, acquire_lock, file_lock

HOLD_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from core.system.file_lock import acquire_lock
acquire_lock(Path(sys.argv[1]), timeout_seconds=0)
print("locked", flush=True)
time.sleep(60)
"""


@pytest.fixture(params=["file", "folder"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return something to lock: a file that does not exist yet, or a folder."""
    return tmp_path / "lock" if request.param == "file" else tmp_path


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_file_lock_excludes_a_second_holder_and_names_the_file(path: Path) -> None:
    with (
        file_lock(path, timeout_seconds=0),
        pytest.raises(FileLockTimeout, match=f"{path} is locked by another process"),
    ):
        acquire_lock(path, timeout_seconds=0)


def test_file_lock_is_released_after_the_block(path: Path) -> None:
    for _ in range(2):
        with file_lock(path, timeout_seconds=0):
            pass


def test_file_lock_is_released_when_the_block_fails(path: Path) -> None:
    with pytest.raises(RuntimeError), file_lock(path, timeout_seconds=0):
        raise RuntimeError
    os.close(acquire_lock(path, timeout_seconds=0))


@pytest.mark.parametrize("timeout_seconds", [None, 30.0])
def test_acquire_lock_waits_for_the_holder(path: Path, timeout_seconds: float | None) -> None:
    holder = acquire_lock(path, timeout_seconds=0)
    releasing = threading.Timer(0.1, os.close, [holder])
    releasing.start()
    os.close(acquire_lock(path, timeout_seconds=timeout_seconds))
    releasing.join()


def test_acquire_lock_gives_up_after_the_timeout(path: Path) -> None:
    with file_lock(path, timeout_seconds=0):
        started_at = time.monotonic()
        with pytest.raises(FileLockTimeout):
            acquire_lock(path, timeout_seconds=0.1)
        assert time.monotonic() - started_at >= 0.1


def test_acquire_lock_gives_up_early_when_not_kept_waiting(path: Path) -> None:
    with file_lock(path, timeout_seconds=0), pytest.raises(FileLockTimeout):
        acquire_lock(path, timeout_seconds=600, keep_waiting=lambda: False)


def test_acquire_lock_closes_its_descriptor_when_it_gives_up(path: Path) -> None:
    with file_lock(path, timeout_seconds=0):
        before = open_descriptors()
        with pytest.raises(FileLockTimeout):
            acquire_lock(path, timeout_seconds=0)
        assert open_descriptors() == before


def test_acquire_lock_creates_the_file_with_the_given_mode(tmp_path: Path) -> None:
    with file_lock(tmp_path / "lock", timeout_seconds=0, mode=0o600):
        assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_acquire_lock_raises_when_the_file_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        acquire_lock(tmp_path / "missing" / "lock", timeout_seconds=0)


def test_lock_is_released_when_its_process_is_killed(path: Path) -> None:
    command = [sys.executable, "-c", HOLD_UNTIL_KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(FileLockTimeout):
            acquire_lock(path, timeout_seconds=0)
        holder.kill()
    os.close(acquire_lock(path, timeout_seconds=10))


def test_lock_is_held_by_a_process_that_inherits_the_descriptor(path: Path) -> None:
    holder = acquire_lock(path, timeout_seconds=0)
    with subprocess.Popen(["/bin/sleep", "60"], pass_fds=[holder]) as heir:
        os.close(holder)
        with pytest.raises(FileLockTimeout):
            acquire_lock(path, timeout_seconds=0)
        heir.kill()
    os.close(acquire_lock(path, timeout_seconds=0))
