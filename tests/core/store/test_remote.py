"""The store behind an fsspec URL."""

import os
from pathlib import Path
from typing import Any

import pytest
from fsspec.core import url_to_fs
from fsspec.implementations.memory import MemoryFileSystem

from core.errors import StoreFull, StoreUnavailable
from core.store.remote import RemoteBackend


@pytest.fixture
def backend(memory_url: str) -> RemoteBackend:
    return RemoteBackend(memory_url)


def fail_with(monkeypatch: pytest.MonkeyPatch, method: str, error: Exception) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(MemoryFileSystem, method, fail)


def test_a_file_comes_back_as_it_was_written(backend: RemoteBackend) -> None:
    backend.write("a/b", b"\0 any bytes \xff")
    assert backend.read("a/b") == b"\0 any bytes \xff"
    assert backend.files("") == ["a/b"]
    assert backend.folder("a") is None


def test_an_empty_file_comes_back_empty(backend: RemoteBackend) -> None:
    backend.write("a", b"")
    assert backend.read("a") == b""


def test_a_missing_file_is_none_and_removing_it_is_no_failure(backend: RemoteBackend) -> None:
    assert backend.read("a/b") is None
    backend.remove("a/b")


def test_a_folder_goes_with_everything_in_it_and_nothing_beside_it(backend: RemoteBackend) -> None:
    for key in ("a/b/c", "a/.hidden", "ab/c"):
        backend.write(key, b"1")
    backend.remove_all("a")
    backend.remove_all("a")
    assert backend.files("") == ["ab/c"]
    assert backend.read("a/.hidden") is None


def test_a_missing_folder_is_empty(backend: RemoteBackend) -> None:
    assert backend.files("jobs") == []
    assert backend.stamps("jobs", "job.json") == {}


def test_of_two_that_create_one_file_the_second_is_told(backend: RemoteBackend) -> None:
    assert backend.create("a", b"first")
    assert not backend.create("a", b"second")
    assert backend.read("a") == b"first"


def test_a_lost_race_that_is_told_as_another_error_is_still_a_lost_race(
    backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.write("a", b"first")
    fail_with(monkeypatch, "pipe_file", OSError(22, "At least one of the pre-conditions did not hold"))
    assert not backend.create("a", b"second")


def test_a_put_whose_answer_was_lost_is_found_to_have_worked(
    backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.write("a", b"mine")
    fail_with(monkeypatch, "pipe_file", TimeoutError())
    assert backend.create("a", b"mine")


def test_a_creation_that_fails_without_a_rival_is_a_failure(
    backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, "pipe_file", FileExistsError("a file where a folder should be"))
    with pytest.raises(StoreUnavailable):
        backend.create("a", b"mine")


def test_only_the_named_file_of_each_child_is_stamped(backend: RemoteBackend) -> None:
    for key in ("jobs/one/job.json", "jobs/one/state/job.json", "jobs/two/events.jsonl", "jobs/job.json"):
        backend.write(key, b"1")
    before = backend.stamps("jobs", "job.json")
    assert before.keys() == {"one"}
    backend.write("jobs/one/job.json", b"1")
    assert backend.stamps("jobs", "job.json") != before


def test_many_files_come_in_the_order_asked_for_and_a_missing_one_is_left_out(backend: RemoteBackend) -> None:
    for key in "abc":
        backend.write(key, key.encode())
    assert list(backend.read_many(["c", "gone", "a"]).items()) == [("c", b"c"), ("a", b"a")]
    assert backend.read_many([]) == {}


def test_appended_lines_follow_each_other_even_after_a_torn_one(backend: RemoteBackend) -> None:
    backend.append("log", b"one\n")
    backend.write("log", b"one\nhal")
    backend.append("log", b"two\n")
    assert backend.read("log") == b"one\nhal\ntwo\n"


def test_a_store_with_real_folders_gets_them_made(tmp_path: Path) -> None:
    backend = RemoteBackend(f"file://{tmp_path}")
    backend.write("a/b/c", b"1")
    (tmp_path / "source").write_bytes(b"2")
    backend.upload("d/e", tmp_path / "source")
    assert backend.create("f/g", b"3")
    assert backend.files("") == ["a/b/c", "d/e", "f/g", "source"]


def test_a_bucket_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        RemoteBackend(f"file://{tmp_path}/bucket").write("a", b"1")
    assert not (tmp_path / "bucket").exists()


@pytest.mark.parametrize("error", [PermissionError(13, "Access Denied"), ConnectionError("refused")])
def test_a_store_that_does_not_answer_is_unavailable(
    backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    for method in ("pipe_file", "cat_file", "find", "rm_file", "put_file", "get_file"):
        fail_with(monkeypatch, method, error)
    for use in (
        lambda: backend.write("a", b""),
        lambda: backend.read("a"),
        lambda: backend.create("a", b""),
        lambda: backend.append("a", b""),
        lambda: backend.files(""),
        lambda: backend.stamps("jobs", "job.json"),
        lambda: backend.remove("a"),
        lambda: backend.upload("a", Path("b")),
        lambda: backend.download("a", Path("b")),
    ):
        with pytest.raises(StoreUnavailable):
            use()


def test_a_store_without_space_is_full(backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, "pipe_file", OSError(28, "No space left on device"))
    with pytest.raises(StoreFull):
        backend.write("a", b"")


def test_an_error_of_the_client_library_is_a_failure_of_the_store(
    backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = type("NoCredentialsError", (Exception,), {"__module__": "botocore.exceptions"})
    fail_with(monkeypatch, "cat_file", error())
    with pytest.raises(StoreUnavailable, match="cannot read a: NoCredentialsError"):
        backend.read("a")


def test_a_job_in_a_forked_process_does_not_use_its_parents_connection(
    backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    real: Any = url_to_fs

    def connect(url: str, **options: Any) -> Any:
        opened.append(os.getpid())
        return real(url, **options)

    monkeypatch.setattr("core.store.remote.url_to_fs", connect)
    backend.read("a")
    backend.read("a")
    monkeypatch.setattr("os.getpid", lambda: -1)
    backend.read("a")
    assert len(opened) == 2
    assert opened[1] == -1
