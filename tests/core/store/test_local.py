"""Atomicity and crash safety of local storage."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from core.store.local import LocalBackend

WRITE_REPEATEDLY = """
import sys
from pathlib import Path
from core.store.local import LocalBackend
backend = LocalBackend(Path(sys.argv[1]))
print("writing", flush=True)
while True:
    for letter in (b"a", b"b"):
        backend.write("jobs/one/job.json", letter * 3_000_000)
"""


@pytest.fixture
def backend(folder: Path) -> LocalBackend:
    return LocalBackend(folder)


def leave_temporary(folder: Path, key: str) -> None:
    """Create a temporary file, as a killed writer leaves it."""
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f".{path.name}.0123.tmp").write_bytes(b"half of")


def test_read_returns_the_written_bytes(backend: LocalBackend) -> None:
    backend.write("a/b", b"\0 any bytes \xff")
    assert backend.read("a/b") == b"\0 any bytes \xff"


def test_remove_all_removes_only_the_folder(backend: LocalBackend, folder: Path) -> None:
    for key in ("a/b/c", "a/.hidden", "ab/c"):
        backend.write(key, b"1")
    backend.remove_all("a")
    backend.remove_all("a")
    assert [path.name for path in folder.iterdir()] == ["ab"]


def test_missing_file_is_none_and_remove_succeeds(backend: LocalBackend) -> None:
    assert backend.read("a/b") is None
    backend.remove("a/b")


def test_concurrent_reader_sees_only_complete_files(backend: LocalBackend) -> None:
    whole = {letter * 200_000 for letter in (b"a", b"b")}
    backend.write("file", min(whole))
    seen = set()

    def read() -> None:
        for _ in range(200):
            seen.add(backend.read("file"))

    reader = threading.Thread(target=read)
    reader.start()
    while reader.is_alive():
        for data in whole:
            backend.write("file", data)
    reader.join()
    assert seen <= whole


def test_killed_writer_leaves_a_complete_file(backend: LocalBackend, folder: Path) -> None:
    for wait in (0.02, 0.05, 0.11):
        command = [sys.executable, "-c", WRITE_REPEATEDLY, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            while backend.read("jobs/one/job.json") is None:
                time.sleep(0.005)
            time.sleep(wait)
            os.kill(writer.pid, signal.SIGKILL)
        data = backend.read("jobs/one/job.json")
        assert data in {b"a" * 3_000_000, b"b" * 3_000_000}
        assert backend.files("jobs") == ["one/job.json"]


def test_temporary_files_are_not_listed(backend: LocalBackend, folder: Path) -> None:
    leave_temporary(folder, "jobs/one/job.json")
    assert backend.files("jobs") == []
    assert backend.stamps("jobs", "job.json") == {}
    backend.write("jobs/one/job.json", b"whole")
    assert backend.files("jobs") == ["one/job.json"]


def test_create_returns_false_for_an_existing_file(backend: LocalBackend) -> None:
    assert backend.create("a/b", b"first")
    assert not backend.create("a/b", b"second")
    assert backend.read("a/b") == b"first"
    assert backend.files("") == ["a/b"]


def test_written_file_has_default_permissions(backend: LocalBackend, folder: Path) -> None:
    plain = folder.parent / "plain"
    backend.write("a", b"")
    plain.write_bytes(b"")
    assert (folder / "a").stat().st_mode == plain.stat().st_mode


def test_append_adds_lines_in_order(backend: LocalBackend) -> None:
    backend.append("log", b"one\n")
    backend.append("log", b"two\nthree\n")
    assert backend.read("log") == b"one\ntwo\nthree\n"


def test_append_starts_a_new_line_after_an_incomplete_one(backend: LocalBackend, folder: Path) -> None:
    backend.write("log", b"one\nhal")
    backend.append("log", b"two\n")
    assert backend.read("log") == b"one\nhal\ntwo\n"


def test_stamp_changes_with_the_file(backend: LocalBackend) -> None:
    backend.write("jobs/one/job.json", b"1")
    before = backend.stamps("jobs", "job.json")
    backend.write("jobs/one/job.json", b"22")
    assert before.keys() == {"one"}
    assert backend.stamps("jobs", "job.json") != before


def test_read_many_skips_unreadable_files(backend: LocalBackend, folder: Path) -> None:
    backend.write("good", b"1")
    (folder / "bad").mkdir()
    assert backend.read_many(["bad", "gone", "good"]) == {"good": b"1"}
    with pytest.raises(StoreUnavailable):
        backend.read("bad")


def test_upload_and_download_preserve_the_content(backend: LocalBackend, tmp_path: Path) -> None:
    data = os.urandom(3_000_001)
    (tmp_path / "source").write_bytes(data)
    backend.upload("big/file", tmp_path / "source")
    backend.download("big/file", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == data
