"""Where a store may be, and how it proves that it works."""

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import pytest

from core.errors import InvalidInput, StoreFull, StoreUnavailable
from core.store import Store
from tests.core.store.builders import MTOD, NOON, examples, job


def fail_to_write(code: int) -> object:
    """Return a stand-in for the function that writes: half of it is written, then the disk says no."""

    def write(file: BinaryIO, chunks: Iterable[bytes]) -> None:
        file.write(b"half of")
        raise OSError(code, "as a disk would say it")

    return write


def test_a_store_that_works_passes_its_check_and_keeps_nothing_of_it(
    local_store: Store, folder: Path
) -> None:
    local_store.check()
    assert list(folder.iterdir()) == []


def test_an_object_store_passes_its_check(memory_store: Store) -> None:
    memory_store.check()


def test_naming_a_store_makes_nothing(local_store: Store, folder: Path) -> None:
    assert not folder.exists()
    assert local_store.jobs.list() == []
    assert not folder.exists()


def test_a_file_url_is_a_folder(folder: Path) -> None:
    Store(f"file://{folder}").jobs.save(job())
    assert (folder / "jobs" / "job-1" / "job.json").is_file()


def test_a_relative_folder_stays_where_it_was_when_the_process_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("here")
    monkeypatch.chdir("/")
    store.jobs.save(job())
    assert (tmp_path / "here" / "jobs" / "job-1" / "job.json").is_file()


def test_a_store_without_a_place_is_refused() -> None:
    with pytest.raises(InvalidInput, match="expected a folder"):
        Store("  ")


def test_an_unknown_kind_of_url_is_told_at_the_check() -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot open the nosuch store.*nosuch"):
        Store("nosuch://bucket").check()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_space_is_full_and_nothing_half_written_is_left(
    local_store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    local_store.jobs.save(job())
    monkeypatch.setattr("core.store.local.write_durably", fail_to_write(code))
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
def test_a_store_that_cannot_be_written_is_unavailable(
    local_store: Store, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr("core.store.local.write_durably", fail_to_write(code))
    with pytest.raises(StoreUnavailable, match="as a disk would say it"):
        local_store.check()
    with pytest.raises(StoreUnavailable):
        local_store.jobs.save(job())


@pytest.mark.parametrize("below", ["", "/store"])
def test_a_file_where_the_folder_should_be_is_unavailable(tmp_path: Path, below: str) -> None:
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


def test_a_failure_does_not_tell_where_the_store_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable) as told:
        Store(f"{tmp_path}/file").jobs.list()
    assert str(tmp_path) not in str(told.value)


def test_a_store_that_forgets_what_was_written_does_not_pass(
    local_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.local.LocalBackend.read", lambda self, key: b"")
    with pytest.raises(StoreUnavailable, match="does not give back"):
        local_store.check()


def test_what_interrupts_the_store_is_not_taken_for_its_failure(
    local_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TimedOutError(Exception):
        """As a job queue raises it, in the middle of anything."""

    def interrupted(file: BinaryIO, chunks: Iterable[bytes]) -> None:
        raise TimedOutError

    monkeypatch.setattr("core.store.local.write_durably", interrupted)
    with pytest.raises(TimedOutError):
        local_store.jobs.save(job(created_at=NOON))
