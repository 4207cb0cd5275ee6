"""Storage behind an fsspec URL."""

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


def test_read_returns_the_written_bytes(backend: RemoteBackend) -> None:
    backend.write("a/b", b"\0 any bytes \xff")
    assert backend.read("a/b") == b"\0 any bytes \xff"
    assert backend.files("") == ["a/b"]
    assert backend.folder("a") is None


def test_read_returns_an_empty_file(backend: RemoteBackend) -> None:
    backend.write("a", b"")
    assert backend.read("a") == b""


def test_missing_file_is_none_and_remove_succeeds(backend: RemoteBackend) -> None:
    assert backend.read("a/b") is None
    backend.remove("a/b")


def test_remove_all_removes_only_the_folder(backend: RemoteBackend) -> None:
    for key in ("a/b/c", "a/.hidden", "ab/c"):
        backend.write(key, b"1")
    backend.remove_all("a")
    backend.remove_all("a")
    assert backend.files("") == ["ab/c"]
    assert backend.read("a/.hidden") is None


def test_missing_folder_is_empty(backend: RemoteBackend) -> None:
    assert backend.files("jobs") == []
    assert backend.stamps("jobs", "job.json") == {}


def test_create_returns_false_for_an_existing_object(backend: RemoteBackend) -> None:
    assert backend.create("a", b"first")
    assert not backend.create("a", b"second")
    assert backend.read("a") == b"first"


def test_create_returns_false_when_the_conflict_has_another_error(
    backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.write("a", b"first")
    fail_with(monkeypatch, "pipe_file", OSError(22, "At least one of the pre-conditions did not hold"))
    assert not backend.create("a", b"second")


def test_create_returns_true_when_the_response_was_lost(
    backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.write("a", b"mine")
    fail_with(monkeypatch, "pipe_file", TimeoutError())
    assert backend.create("a", b"mine")


def test_create_raises_when_no_object_exists_after_an_error(
    backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, "pipe_file", FileExistsError("a file where a folder should be"))
    with pytest.raises(StoreUnavailable):
        backend.create("a", b"mine")


def test_stamps_include_only_the_named_file(backend: RemoteBackend) -> None:
    for key in ("jobs/one/job.json", "jobs/one/state/job.json", "jobs/two/events.jsonl", "jobs/job.json"):
        backend.write(key, b"1")
    before = backend.stamps("jobs", "job.json")
    assert before.keys() == {"one"}
    backend.write("jobs/one/job.json", b"1")
    assert backend.stamps("jobs", "job.json") != before


def test_read_many_preserves_the_order_and_skips_missing_files(backend: RemoteBackend) -> None:
    for key in "abc":
        backend.write(key, key.encode())
    assert list(backend.read_many(["c", "gone", "a"]).items()) == [("c", b"c"), ("a", b"a")]
    assert backend.read_many([]) == {}


def test_append_starts_a_new_line_after_an_incomplete_one(backend: RemoteBackend) -> None:
    backend.append("log", b"one\n")
    backend.write("log", b"one\nhal")
    backend.append("log", b"two\n")
    assert backend.read("log") == b"one\nhal\ntwo\n"


def test_write_creates_missing_folders(tmp_path: Path) -> None:
    backend = RemoteBackend(f"file://{tmp_path}")
    backend.write("a/b/c", b"1")
    (tmp_path / "source").write_bytes(b"2")
    backend.upload("d/e", tmp_path / "source")
    assert backend.create("f/g", b"3")
    assert backend.files("") == ["a/b/c", "d/e", "f/g", "source"]


def test_write_does_not_create_a_missing_bucket(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        RemoteBackend(f"file://{tmp_path}/bucket").write("a", b"1")
    assert not (tmp_path / "bucket").exists()


@pytest.mark.parametrize("error", [PermissionError(13, "Access Denied"), ConnectionError("refused")])
def test_unresponsive_storage_raises_store_unavailable(
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


def test_full_storage_raises_store_full(backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, "pipe_file", OSError(28, "No space left on device"))
    with pytest.raises(StoreFull):
        backend.write("a", b"")


def test_client_library_errors_raise_store_unavailable(
    backend: RemoteBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = type("NoCredentialsError", (Exception,), {"__module__": "botocore.exceptions"})
    fail_with(monkeypatch, "cat_file", error())
    with pytest.raises(StoreUnavailable, match="cannot read a: NoCredentialsError"):
        backend.read("a")


def test_forked_process_opens_its_own_connection(
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
