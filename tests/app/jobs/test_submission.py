from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from core.contracts.jobs import JobRecord, JobStatus
from core.errors import StoreUnavailable
from tests.app.service import Service, adaptation, problem


def test_submission_makes_one_job_of_concurrent_repeats(service: Service) -> None:
    def post(_: int) -> str:
        response = service.http.post("/adapt", json=adaptation(), headers={"idempotency-key": "k"})
        assert response.status_code == 202, response.text
        job_id: str = response.json()["job_id"]
        return job_id

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(post, range(8)))

    assert len(ids) == 1
    assert service.queue.waiting() == 1
    assert [record.job_id for record in service.store.jobs.list()] == list(ids)


def test_submission_scopes_keys_by_the_kind_of_job(service: Service) -> None:
    key = {"idempotency-key": "k"}
    base = {"source_language": "es", "examples": adaptation()["examples"]}

    assert service.http.post("/adapt", json=adaptation(), headers=key).status_code == 202
    assert service.http.post("/pretrain", json=base, headers=key).status_code == 202


def test_submission_writes_the_record_before_it_queues_the_job(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = list[JobStatus]()
    real = service.queue.enqueue

    def enqueue(job_id: str, *, request_id: str | None = None) -> int:
        record = service.store.jobs.load(job_id)
        service.store.datasets.load(record.request.dataset_id)
        statuses.append(record.status)
        return real(job_id, request_id=request_id)

    monkeypatch.setattr(service.queue, "enqueue", enqueue)
    service.adapt()

    assert statuses == [JobStatus.QUEUED]


def test_submission_queues_nothing_when_the_record_cannot_be_written(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(record: JobRecord) -> bool:
        raise StoreUnavailable("cannot write")

    with monkeypatch.context() as patch:
        patch.setattr(service.store.jobs, "create", create)
        key = {"idempotency-key": "k"}
        problem(service.http.post("/adapt", json=adaptation(), headers=key), 503)

    assert service.queue.waiting() == 0
    assert service.http.post("/adapt", json=adaptation(), headers=key).status_code == 202


@pytest.mark.parametrize("moment", ["create", "enqueue"])
def test_submission_accepts_a_repeat_after_the_process_was_killed(
    service: Service, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def die(*arguments: object, **options: object) -> None:
        raise RuntimeError("as good as killed: nothing is tidied up behind it")

    key = {"idempotency-key": "k"}
    with monkeypatch.context() as patch, suppress(RuntimeError):
        patch.setattr(service.store.jobs if moment == "create" else service.queue, moment, die)
        service.http.post("/adapt", json=adaptation(), headers=key)

    accepted = service.http.post("/adapt", json=adaptation(), headers=key)

    assert accepted.status_code == 202
    assert [record.job_id for record in service.store.jobs.list()] == [accepted.json()["job_id"]]
    # One whose record was written is not queued by the repeat but, like any that is lost, by a worker.
    assert service.queue.waiting() == (1 if moment == "create" else 0)


def test_job_ids_are_unique_and_sort_by_time(service: Service) -> None:
    ids = [service.adapt()["job_id"] for _ in range(20)]

    assert len(set(ids)) == 20
    assert [job_id.split("-")[:2] for job_id in ids] == sorted(job_id.split("-")[:2] for job_id in ids)
