"""Records, events and outcomes of jobs."""

import math
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from core.contracts.jobs import JobEvent, JobRecord, JobStatus, Progress
from core.errors import CorruptArtifact, InvalidInput, NotFound, StoreUnavailable
from core.store import Store
from core.store.local import LocalBackend
from tests.core.store.builders import NOON, UNSAFE_NAMES, after_noon, job
from tests.worker.fakes import report


def event(percent: float) -> JobEvent:
    return JobEvent(event="progress", at=NOON, data={"percent": percent})


def names(records: list[JobRecord]) -> list[str]:
    return [record.job_id for record in records]


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that receives the key of each file that a local store reads."""
    keys: list[str] = []
    original = LocalBackend.read

    def counted(backend: LocalBackend, key: str) -> bytes | None:
        keys.append(key)
        return original(backend, key)

    monkeypatch.setattr(LocalBackend, "read", counted)
    return keys


def test_load_returns_the_latest_record(store: Store) -> None:
    store.jobs.save(job())
    store.jobs.save(job(status=JobStatus.RUNNING, attempts=1))
    assert store.jobs.load("job-1") == job(status=JobStatus.RUNNING, attempts=1)


def test_record_with_a_nan_loss_round_trips(store: Store) -> None:
    store.jobs.save(job(progress=Progress(metrics={"loss": math.nan, "rate": math.inf})))
    metrics = store.jobs.load("job-1").progress.metrics
    assert math.isnan(metrics["loss"])
    assert metrics["rate"] == math.inf
    assert names(store.jobs.list()) == ["job-1"]


def test_list_is_sorted_newest_first_then_by_name(store: Store) -> None:
    for name, minutes in (("b", 5), ("old", 1), ("a", 5), ("new", 9)):
        store.jobs.save(job(name, created_at=after_noon(minutes)))
    assert names(store.jobs.list()) == ["new", "a", "b", "old"]


def test_list_accepts_times_without_time_zone(store: Store) -> None:
    store.jobs.save(job("naive", created_at=after_noon(1).replace(tzinfo=None)))
    store.jobs.save(job("older"))
    assert names(store.jobs.list()) == ["naive", "older"]


def test_list_filters_by_header_and_limit(store: Store) -> None:
    for number in range(6):
        language = "th" if number % 2 else "es"
        store.jobs.save(job(f"job-{number}", language=language, created_at=after_noon(number)))
    page = store.jobs.list(where=lambda header: header.language == "th", limit=2)
    assert names(page) == ["job-5", "job-3"]
    assert store.jobs.list(limit=0) == []


def test_list_includes_changes_of_other_processes(store: Store) -> None:
    store.jobs.save(job())
    assert store.jobs.list() == [job()]
    for status in (JobStatus.RUNNING, JobStatus.FAILED, JobStatus.QUEUED):
        store.jobs.save(job(status=status))
        assert store.jobs.list() == [job(status=status)]


def test_list_reads_only_one_page_of_finished_jobs(
    local_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    for number in range(2_000):
        local_store.jobs.save(job(f"job-{number}", status=JobStatus.SUCCEEDED, created_at=after_noon(number)))
    local_store.jobs.list(limit=1)
    reads = count_reads(monkeypatch)
    assert len(local_store.jobs.list(limit=20)) == 20
    assert len(reads) == 20


def test_list_does_not_cache_running_jobs(local_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    local_store.jobs.save(job(status=JobStatus.RUNNING))
    monkeypatch.setattr(LocalBackend, "stamps", lambda self, folder, name: {"job-1": "the same"})
    local_store.jobs.list()
    local_store.jobs.save(job(status=JobStatus.FAILED))
    assert local_store.jobs.list(where=lambda header: header.status is JobStatus.FAILED) != []


def test_list_excludes_removed_jobs(local_store: Store, folder: Path) -> None:
    local_store.jobs.save(job(status=JobStatus.SUCCEEDED))
    local_store.jobs.list()
    (folder / "jobs" / "job-1" / "job.json").unlink()
    assert local_store.jobs.list() == []


@pytest.mark.parametrize("content", ["", "{", "null", '{"job_id": "broken"}', "\0\0\0"])
def test_list_skips_incomplete_records(
    local_store: Store, folder: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    local_store.jobs.save(job("whole"))
    (folder / "jobs" / "broken").mkdir()
    (folder / "jobs" / "broken" / "job.json").write_text(content)
    assert names(local_store.jobs.list()) == ["whole"]
    assert "jobs/broken/job.json" in caplog.text
    with pytest.raises(CorruptArtifact, match="record of job broken"):
        local_store.jobs.load("broken")


def test_list_fills_the_page_despite_an_invalid_report(local_store: Store, folder: Path) -> None:
    for number in range(4):
        local_store.jobs.save(job(f"job-{number}", created_at=after_noon(number)))
    path = folder / "jobs" / "job-2" / "job.json"
    path.write_text(path.read_text().replace('"report": null', '"report": {}'))
    assert names(local_store.jobs.list(limit=2)) == ["job-3", "job-1"]


def test_list_skips_unreadable_records(local_store: Store, folder: Path) -> None:
    local_store.jobs.save(job("whole"))
    (folder / "jobs" / "broken" / "job.json").mkdir(parents=True)
    assert names(local_store.jobs.list()) == ["whole"]
    with pytest.raises(StoreUnavailable):
        local_store.jobs.load("broken")


def test_record_of_another_job_is_reported_as_corrupt(local_store: Store, folder: Path) -> None:
    local_store.jobs.save(job("one"))
    (folder / "jobs" / "two").mkdir()
    (folder / "jobs" / "two" / "job.json").write_bytes((folder / "jobs" / "one" / "job.json").read_bytes())
    assert names(local_store.jobs.list()) == ["one"]
    with pytest.raises(CorruptArtifact, match="holds the record of one"):
        local_store.jobs.load("two")


def test_list_ignores_other_files(local_store: Store, folder: Path) -> None:
    local_store.jobs.save(job())
    (folder / "jobs" / "README.txt").write_text("a file among the folders")
    (folder / "jobs" / "empty").mkdir()
    (folder / "jobs" / "a name with spaces").mkdir()
    (folder / "jobs" / "a name with spaces" / "job.json").write_text("{}")
    (folder / "jobs" / "killed").mkdir()
    (folder / "jobs" / "killed" / ".job.json.0123.tmp").write_text("{")
    assert names(local_store.jobs.list()) == ["job-1"]


def test_list_skips_lost_objects(memory_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    memory_store.jobs.save(job("lost"))
    memory_store.jobs.save(job("whole"))
    original: Any = MemoryFileSystem.cat_file

    def lossy(files: MemoryFileSystem, path: str, start: int | None = None, end: int | None = None) -> bytes:
        if "lost" in path:
            raise FileNotFoundError(path)
        data: bytes = original(files, path, start, end)
        return data

    monkeypatch.setattr(MemoryFileSystem, "cat_file", lossy)
    assert names(memory_store.jobs.list()) == ["whole"]


def test_events_are_appended_in_order(store: Store) -> None:
    assert store.jobs.events("job-1") == []
    store.jobs.append_events("job-1", [event(1)])
    store.jobs.append_events("job-1", [])
    store.jobs.append_events("job-1", [event(2), event(3)])
    assert store.jobs.events("job-1") == [event(1), event(2), event(3)]


def test_events_alone_are_not_a_job(store: Store) -> None:
    store.jobs.append_events("job-1", [event(1)])
    assert store.jobs.list() == []
    with pytest.raises(NotFound):
        store.jobs.load("job-1")


def test_events_skip_an_incomplete_line(local_store: Store, folder: Path) -> None:
    local_store.jobs.append_events("job-1", [event(1)])
    path = folder / "jobs" / "job-1" / "events.jsonl"
    path.write_bytes(path.read_bytes() + b'{"event": "prog')
    assert local_store.jobs.events("job-1") == [event(1)]
    local_store.jobs.append_events("job-1", [event(2)])
    assert local_store.jobs.events("job-1") == [event(1), event(2)]


@pytest.mark.parametrize("name", [*UNSAFE_NAMES, "nobody"])
def test_unknown_job_is_not_found(store: Store, name: str) -> None:
    with pytest.raises(NotFound):
        store.jobs.load(name)


@pytest.mark.parametrize("name", UNSAFE_NAMES)
def test_jobs_refuse_unsafe_names(store: Store, folder: Path, name: str) -> None:
    with pytest.raises(NotFound):
        store.jobs.events(name)
    with pytest.raises(InvalidInput):
        store.jobs.append_events(name, [event(1)])
    with pytest.raises(InvalidInput):
        store.jobs.save(job().model_copy(update={"job_id": name}))
    assert not folder.exists()


def test_create_does_not_replace_a_record(store: Store) -> None:
    assert store.jobs.create(job())
    assert not store.jobs.create(job(language="th"))
    assert store.jobs.load("job-1") == job()


def test_save_outcome_preserves_the_first_outcome(store: Store) -> None:
    assert store.jobs.load_outcome("job-1") is None
    first = report()
    second = first.model_copy(update={"verdict": "of another attempt"})
    assert store.jobs.save_outcome("job-1", first) == first
    assert store.jobs.save_outcome("job-1", second) == first
    assert store.jobs.load_outcome("job-1") == first


def test_outcome_alone_is_not_a_job(store: Store) -> None:
    store.jobs.save_outcome("job-1", report())
    assert store.jobs.list() == []
