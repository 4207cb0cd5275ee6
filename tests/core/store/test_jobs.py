"""The records of jobs: durable, and one broken record hides no other."""

import math
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from core.contracts.jobs import JobEvent, JobRecord, JobStatus, Progress
from core.errors import CorruptArtifact, InvalidInput, NotFound, StoreUnavailable
from core.store import Store
from core.store.local import LocalBackend
from tests.core.store.builders import NOON, TRICKS, after_noon, job
from tests.worker.fakes import report


def event(percent: float) -> JobEvent:
    return JobEvent(event="progress", at=NOON, data={"percent": percent})


def names(records: list[JobRecord]) -> list[str]:
    return [record.job_id for record in records]


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which every file that the store in a folder reads is added."""
    keys: list[str] = []
    read = LocalBackend.read

    def counted(backend: LocalBackend, key: str) -> bytes | None:
        keys.append(key)
        return read(backend, key)

    monkeypatch.setattr(LocalBackend, "read", counted)
    return keys


def test_a_record_comes_back_as_it_was_saved_last(store: Store) -> None:
    store.jobs.save(job())
    store.jobs.save(job(status=JobStatus.RUNNING, attempts=1))
    assert store.jobs.load("job-1") == job(status=JobStatus.RUNNING, attempts=1)


def test_a_loss_that_is_no_number_does_not_spoil_the_record(store: Store) -> None:
    store.jobs.save(job(progress=Progress(metrics={"loss": math.nan, "rate": math.inf})))
    metrics = store.jobs.load("job-1").progress.metrics
    assert math.isnan(metrics["loss"])
    assert metrics["rate"] == math.inf
    assert names(store.jobs.list()) == ["job-1"]


def test_jobs_are_listed_newest_first_and_by_name_within_a_moment(store: Store) -> None:
    for name, minutes in (("b", 5), ("old", 1), ("a", 5), ("new", 9)):
        store.jobs.save(job(name, created_at=after_noon(minutes)))
    assert names(store.jobs.list()) == ["new", "a", "b", "old"]


def test_a_time_without_a_zone_is_listed_among_the_others(store: Store) -> None:
    store.jobs.save(job("naive", created_at=after_noon(1).replace(tzinfo=None)))
    store.jobs.save(job("older"))
    assert names(store.jobs.list()) == ["naive", "older"]


def test_a_page_is_chosen_by_header_and_limit(store: Store) -> None:
    for number in range(6):
        language = "th" if number % 2 else "es"
        store.jobs.save(job(f"job-{number}", language=language, created_at=after_noon(number)))
    page = store.jobs.list(where=lambda header: header.language == "th", limit=2)
    assert names(page) == ["job-5", "job-3"]
    assert store.jobs.list(limit=0) == []


def test_a_change_made_by_another_process_is_listed(store: Store) -> None:
    store.jobs.save(job())
    assert store.jobs.list() == [job()]
    for status in (JobStatus.RUNNING, JobStatus.FAILED, JobStatus.QUEUED):
        store.jobs.save(job(status=status))
        assert store.jobs.list() == [job(status=status)]


def test_of_thousands_of_finished_jobs_only_a_page_is_read_again(
    local_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    for number in range(2_000):
        local_store.jobs.save(job(f"job-{number}", status=JobStatus.SUCCEEDED, created_at=after_noon(number)))
    local_store.jobs.list(limit=1)
    reads = count_reads(monkeypatch)
    assert len(local_store.jobs.list(limit=20)) == 20
    assert len(reads) == 20


def test_a_job_that_still_changes_is_always_read_again(
    local_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_store.jobs.save(job(status=JobStatus.RUNNING))
    monkeypatch.setattr(LocalBackend, "stamps", lambda self, folder, name: {"job-1": "the same"})
    local_store.jobs.list()
    local_store.jobs.save(job(status=JobStatus.FAILED))
    assert local_store.jobs.list(where=lambda header: header.status is JobStatus.FAILED) != []


def test_a_job_that_somebody_removed_is_no_longer_listed(local_store: Store, folder: Path) -> None:
    local_store.jobs.save(job(status=JobStatus.SUCCEEDED))
    local_store.jobs.list()
    (folder / "jobs" / "job-1" / "job.json").unlink()
    assert local_store.jobs.list() == []


@pytest.mark.parametrize("content", ["", "{", "null", '{"job_id": "broken"}', "\0\0\0"])
def test_a_half_written_record_hides_no_other(
    local_store: Store, folder: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    local_store.jobs.save(job("whole"))
    (folder / "jobs" / "broken").mkdir()
    (folder / "jobs" / "broken" / "job.json").write_text(content)
    assert names(local_store.jobs.list()) == ["whole"]
    assert "jobs/broken/job.json" in caplog.text
    with pytest.raises(CorruptArtifact, match="record of job broken"):
        local_store.jobs.load("broken")


def test_a_record_whose_report_alone_is_broken_does_not_shorten_a_page(
    local_store: Store, folder: Path
) -> None:
    for number in range(4):
        local_store.jobs.save(job(f"job-{number}", created_at=after_noon(number)))
    path = folder / "jobs" / "job-2" / "job.json"
    path.write_text(path.read_text().replace('"report": null', '"report": {}'))
    assert names(local_store.jobs.list(limit=2)) == ["job-3", "job-1"]


def test_a_record_that_the_disk_does_not_give_hides_no_other(local_store: Store, folder: Path) -> None:
    local_store.jobs.save(job("whole"))
    (folder / "jobs" / "broken" / "job.json").mkdir(parents=True)
    assert names(local_store.jobs.list()) == ["whole"]
    with pytest.raises(StoreUnavailable):
        local_store.jobs.load("broken")


def test_a_record_in_the_folder_of_another_job_is_not_that_job(local_store: Store, folder: Path) -> None:
    local_store.jobs.save(job("one"))
    (folder / "jobs" / "two").mkdir()
    (folder / "jobs" / "two" / "job.json").write_bytes((folder / "jobs" / "one" / "job.json").read_bytes())
    assert names(local_store.jobs.list()) == ["one"]
    with pytest.raises(CorruptArtifact, match="holds the record of one"):
        local_store.jobs.load("two")


def test_what_is_no_job_is_not_listed(local_store: Store, folder: Path) -> None:
    local_store.jobs.save(job())
    (folder / "jobs" / "README.txt").write_text("a file among the folders")
    (folder / "jobs" / "empty").mkdir()
    (folder / "jobs" / "a name with spaces").mkdir()
    (folder / "jobs" / "a name with spaces" / "job.json").write_text("{}")
    (folder / "jobs" / "killed").mkdir()
    (folder / "jobs" / "killed" / ".job.json.0123.tmp").write_text("{")
    assert names(local_store.jobs.list()) == ["job-1"]


def test_one_lost_object_hides_no_other(memory_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    memory_store.jobs.save(job("lost"))
    memory_store.jobs.save(job("whole"))
    read: Any = MemoryFileSystem.cat_file

    def lossy(files: MemoryFileSystem, path: str, start: int | None = None, end: int | None = None) -> bytes:
        if "lost" in path:
            raise FileNotFoundError(path)
        data: bytes = read(files, path, start, end)
        return data

    monkeypatch.setattr(MemoryFileSystem, "cat_file", lossy)
    assert names(memory_store.jobs.list()) == ["whole"]


def test_the_history_of_a_job_grows_in_order(store: Store) -> None:
    assert store.jobs.events("job-1") == []
    store.jobs.append_events("job-1", [event(1)])
    store.jobs.append_events("job-1", [])
    store.jobs.append_events("job-1", [event(2), event(3)])
    assert store.jobs.events("job-1") == [event(1), event(2), event(3)]


def test_a_history_makes_no_job(store: Store) -> None:
    store.jobs.append_events("job-1", [event(1)])
    assert store.jobs.list() == []
    with pytest.raises(NotFound):
        store.jobs.load("job-1")


def test_an_event_torn_by_a_killed_writer_costs_only_itself(local_store: Store, folder: Path) -> None:
    local_store.jobs.append_events("job-1", [event(1)])
    path = folder / "jobs" / "job-1" / "events.jsonl"
    path.write_bytes(path.read_bytes() + b'{"event": "prog')
    assert local_store.jobs.events("job-1") == [event(1)]
    local_store.jobs.append_events("job-1", [event(2)])
    assert local_store.jobs.events("job-1") == [event(1), event(2)]


@pytest.mark.parametrize("name", [*TRICKS, "nobody"])
def test_a_name_that_no_job_has_is_not_found(store: Store, name: str) -> None:
    with pytest.raises(NotFound):
        store.jobs.load(name)


@pytest.mark.parametrize("name", TRICKS)
def test_a_name_that_hides_a_path_is_neither_read_nor_written(store: Store, folder: Path, name: str) -> None:
    with pytest.raises(NotFound):
        store.jobs.events(name)
    with pytest.raises(InvalidInput):
        store.jobs.append_events(name, [event(1)])
    with pytest.raises(InvalidInput):
        store.jobs.save(job().model_copy(update={"job_id": name}))
    assert not folder.exists()


def test_a_record_is_created_once(store: Store) -> None:
    assert store.jobs.create(job())
    assert not store.jobs.create(job(language="th"))
    assert store.jobs.load("job-1") == job()


def test_what_a_job_came_to_is_written_once_for_all_attempts(store: Store) -> None:
    assert store.jobs.load_outcome("job-1") is None
    first = report()
    second = first.model_copy(update={"verdict": "of another attempt"})
    assert store.jobs.save_outcome("job-1", first) == first
    assert store.jobs.save_outcome("job-1", second) == first
    assert store.jobs.load_outcome("job-1") == first


def test_an_outcome_without_a_record_is_no_job(store: Store) -> None:
    store.jobs.save_outcome("job-1", report())
    assert store.jobs.list() == []
