"""Atomic visibility and crash safety of the store in a folder."""

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

WRITE_FOR_EVER = """
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
    """Leave what a killed writer leaves."""
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f".{path.name}.0123.tmp").write_bytes(b"half of")


def test_a_file_comes_back_as_it_was_written(backend: LocalBackend) -> None:
    backend.write("a/b", b"\0 any bytes \xff")
    assert backend.read("a/b") == b"\0 any bytes \xff"


def test_a_folder_goes_with_everything_in_it_and_nothing_beside_it(
    backend: LocalBackend, folder: Path
) -> None:
    for key in ("a/b/c", "a/.hidden", "ab/c"):
        backend.write(key, b"1")
    backend.remove_all("a")
    backend.remove_all("a")
    assert [path.name for path in folder.iterdir()] == ["ab"]


def test_a_missing_file_is_none_and_removing_it_is_no_failure(backend: LocalBackend) -> None:
    assert backend.read("a/b") is None
    backend.remove("a/b")


def test_a_reader_never_sees_half_a_file(backend: LocalBackend) -> None:
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


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(backend: LocalBackend, folder: Path) -> None:
    for wait in (0.02, 0.05, 0.11):
        command = [sys.executable, "-c", WRITE_FOR_EVER, str(folder)]
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


def test_what_a_killed_writer_left_is_never_listed(backend: LocalBackend, folder: Path) -> None:
    leave_temporary(folder, "jobs/one/job.json")
    assert backend.files("jobs") == []
    assert backend.stamps("jobs", "job.json") == {}
    backend.write("jobs/one/job.json", b"whole")
    assert backend.files("jobs") == ["one/job.json"]


def test_of_two_that_create_one_file_the_second_is_told(backend: LocalBackend) -> None:
    assert backend.create("a/b", b"first")
    assert not backend.create("a/b", b"second")
    assert backend.read("a/b") == b"first"
    assert backend.files("") == ["a/b"]


def test_others_of_the_same_machine_can_read_what_is_written(backend: LocalBackend, folder: Path) -> None:
    plain = folder.parent / "plain"
    backend.write("a", b"")
    plain.write_bytes(b"")
    assert (folder / "a").stat().st_mode == plain.stat().st_mode


def test_appended_lines_follow_each_other(backend: LocalBackend) -> None:
    backend.append("log", b"one\n")
    backend.append("log", b"two\nthree\n")
    assert backend.read("log") == b"one\ntwo\nthree\n"


def test_a_line_torn_by_a_killed_writer_does_not_swallow_the_next(
    backend: LocalBackend, folder: Path
) -> None:
    backend.write("log", b"one\nhal")
    backend.append("log", b"two\n")
    assert backend.read("log") == b"one\nhal\ntwo\n"


def test_a_stamp_changes_with_its_file(backend: LocalBackend) -> None:
    backend.write("jobs/one/job.json", b"1")
    before = backend.stamps("jobs", "job.json")
    backend.write("jobs/one/job.json", b"22")
    assert before.keys() == {"one"}
    assert backend.stamps("jobs", "job.json") != before


def test_one_unreadable_file_is_left_out_of_many(backend: LocalBackend, folder: Path) -> None:
    backend.write("good", b"1")
    (folder / "bad").mkdir()
    assert backend.read_many(["bad", "gone", "good"]) == {"good": b"1"}
    with pytest.raises(StoreUnavailable):
        backend.read("bad")


def test_files_go_up_and_down_whole(backend: LocalBackend, tmp_path: Path) -> None:
    data = os.urandom(3_000_001)
    (tmp_path / "source").write_bytes(data)
    backend.upload("big/file", tmp_path / "source")
    backend.download("big/file", tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == data
