"""Locations of a store, its check and its errors."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from core.contracts.values import MTOD
from core.errors import InvalidInput, StoreFull, StoreUnavailable
from core.store import Store
from tests.core.store.builders import NOON, examples, job


def fail_to_sync(code: int) -> Callable[[int], NoReturn]:
    """Return a stand-in for `os.fsync` that fails with an error number, as a disk without space does."""

    def fsync(descriptor: int) -> NoReturn:
        raise OSError(code, "as a disk would say it")

    return fsync


def test_check_passes_and_leaves_no_files(local_store: Store, folder: Path) -> None:
    local_store.check()
    assert list(folder.iterdir()) == []


def test_check_passes_for_an_object_store(memory_store: Store) -> None:
    memory_store.check()


def test_store_creates_no_folder_before_the_first_write(local_store: Store, folder: Path) -> None:
    assert not folder.exists()
    assert local_store.jobs.list() == []
    assert not folder.exists()


def test_file_url_selects_local_storage(folder: Path) -> None:
    Store(f"file://{folder}").jobs.save(job())
    assert (folder / "jobs" / "job-1" / "job.json").is_file()


def test_relative_folder_is_resolved_at_construction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("here")
    monkeypatch.chdir("/")
    store.jobs.save(job())
    assert (tmp_path / "here" / "jobs" / "job-1" / "job.json").is_file()


def test_store_refuses_an_empty_url() -> None:
    with pytest.raises(InvalidInput, match="expected a folder"):
        Store("  ")


def test_check_reports_an_unknown_protocol() -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot open the nosuch store.*nosuch"):
        Store("nosuch://bucket").check()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_raises_store_full_and_leaves_no_partial_file(
    local_store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    local_store.jobs.save(job())
    monkeypatch.setattr("os.fsync", fail_to_sync(code))
    with pytest.raises(StoreFull, match="no space left"):
        local_store.check()
    with pytest.raises(StoreFull, match=r"cannot write jobs/job-1/job\.json"):
        local_store.jobs.save(job(attempts=2))
    with pytest.raises(StoreFull):
        local_store.datasets.put(examples(), task=MTOD, language="es")
    with pytest.raises(StoreFull):
        local_store.deployments.deploy(MTOD, "es", "es-1", reason="better")
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["job.json"]
    assert local_store.jobs.load("job-1").attempts == 0


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EIO])
def test_read_only_disk_raises_store_unavailable(
    local_store: Store, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr("os.fsync", fail_to_sync(code))
    with pytest.raises(StoreUnavailable, match="as a disk would say it"):
        local_store.check()
    with pytest.raises(StoreUnavailable):
        local_store.jobs.save(job())


@pytest.mark.parametrize("below", ["", "/store"])
def test_file_in_place_of_the_folder_raises_store_unavailable(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Store(f"{tmp_path}/file{below}")
    for use in (
        store.check,
        lambda: store.jobs.save(job()),
        store.jobs.list,
        lambda: store.jobs.load("job-1"),
    ):
        with pytest.raises(StoreUnavailable):
            use()


def test_storage_error_message_excludes_the_location(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable) as excinfo:
        Store(f"{tmp_path}/file").jobs.list()
    assert str(tmp_path) not in str(excinfo.value)


def test_check_fails_when_the_content_differs(local_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.local.LocalBackend.read", lambda self, key: b"")
    with pytest.raises(StoreUnavailable, match="does not give back"):
        local_store.check()


def test_other_exceptions_are_not_translated(local_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class TimedOutError(Exception):
        """An error such as a job queue raises at any point of the code."""

    def interrupted(descriptor: int) -> None:
        raise TimedOutError

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(TimedOutError):
        local_store.jobs.save(job(created_at=NOON))
