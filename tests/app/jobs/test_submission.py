from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from core.contracts.jobs import JobRecord, JobStatus
from core.errors import StoreUnavailable
from tests.app.service import Service, adaptation, problem


def test_equal_requests_at_once_under_one_key_make_one_job(service: Service) -> None:
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


def test_one_key_may_name_an_adaptation_and_a_base(service: Service) -> None:
    key = {"idempotency-key": "k"}
    base = {"source_language": "es", "examples": adaptation()["examples"]}

    assert service.http.post("/adapt", json=adaptation(), headers=key).status_code == 202
    assert service.http.post("/pretrain", json=base, headers=key).status_code == 202


def test_the_record_is_there_before_the_worker_can_ask_for_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[JobStatus]()
    real = service.queue.enqueue

    def enqueue(job_id: str, *, request_id: str | None = None) -> int:
        record = service.store.jobs.load(job_id)
        service.store.datasets.load(record.request.dataset_id)
        seen.append(record.status)
        return real(job_id, request_id=request_id)

    monkeypatch.setattr(service.queue, "enqueue", enqueue)
    service.adapt()

    assert seen == [JobStatus.QUEUED]


def test_a_record_that_cannot_be_written_queues_nothing(
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
def test_a_repeat_after_the_api_was_killed_is_accepted_as_one_job(
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


def test_ids_sort_by_time_and_are_never_given_twice(service: Service) -> None:
    ids = [service.adapt()["job_id"] for _ in range(20)]

    assert len(set(ids)) == 20
    assert [one.split("-")[:2] for one in ids] == sorted(one.split("-")[:2] for one in ids)
