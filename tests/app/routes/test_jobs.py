import pytest

from core.contracts.jobs import JobRecord, JobStatus, Problem, Progress
from core.contracts.values import now
from tests.app.service import Service, adaptation, faults, problem


def end(service: Service, job_id: str, status: JobStatus) -> JobRecord:
    """Close a job as a worker would."""
    record = service.store.jobs.load(job_id)
    closed = record.model_copy(
        update={
            "status": status,
            "ended_at": now(),
            "error": Problem(title="It broke", detail="badly") if status is JobStatus.FAILED else None,
        }
    )
    service.store.jobs.save(closed)
    return closed


def start(service: Service, job_id: str) -> None:
    """Take a job from the queue as a worker would."""
    service.queue._queue.remove(job_id)
    record = service.store.jobs.load(job_id)
    service.store.jobs.save(record.model_copy(update={"status": JobStatus.RUNNING, "started_at": now()}))


class TestOne:
    def test_a_waiting_job_tells_its_place(self, service: Service) -> None:
        service.adapt()
        job_id = service.adapt()["job_id"]

        job = service.http.get(f"/jobs/{job_id}").json()

        assert job["status"] == "queued"
        assert job["queue_position"] == 2
        assert job["kind"] == "adapt"
        assert job["plan"]["method"] == "x-metra-ada"

    def test_a_running_job_tells_the_latest_progress(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        start(service, job_id)
        service.queue.report(job_id, Progress(percent=40, stage="meta-train", step=4, total_steps=10))

        job = service.http.get(f"/jobs/{job_id}").json()

        assert job["status"] == "running"
        assert job["queue_position"] is None
        assert job["progress"]["percent"] == 40
        assert job["progress"]["stage"] == "meta-train"

    def test_a_job_whose_worker_was_killed_waits_again(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        start(service, job_id)
        service.queue.enqueue(job_id, again=True)

        job = service.http.get(f"/jobs/{job_id}").json()

        assert (job["status"], job["queue_position"]) == ("queued", 1)

    def test_an_ended_job_tells_its_durable_end(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        service.queue.report(job_id, Progress(percent=40, stage="meta-train"))
        end(service, job_id, JobStatus.FAILED)

        job = service.http.get(f"/jobs/{job_id}").json()

        assert job["status"] == "failed"
        assert job["error"]["detail"] == "badly"
        assert job["progress"]["percent"] == 0

    def test_without_redis_the_record_answers(self, without_redis: Service) -> None:
        record = waiting_record(without_redis)

        job = without_redis.http.get(f"/jobs/{record.job_id}")

        assert job.status_code == 200
        assert job.json()["status"] == "queued"
        assert job.json()["queue_position"] is None

    def test_an_unknown_job_is_not_found(self, service: Service) -> None:
        problem(service.http.get("/jobs/nobody"), 404)


def waiting_record(service: Service) -> JobRecord:
    """Write the record of a job past the queue."""
    from app.jobs.builders import Adaptation
    from app.schemas.training import AdaptRequest

    job = Adaptation.checked(AdaptRequest.model_validate(adaptation()), service.store).job(service.store)
    record = JobRecord(
        job_id="waiting", kind=job.kind, task=job.task, language=job.language, request=job, created_at=now()
    )
    service.store.jobs.save(record)
    return record


class TestList:
    def test_the_newest_come_first_and_without_reports(self, service: Service) -> None:
        ids = [service.adapt()["job_id"] for _ in range(3)]

        listed = service.http.get("/jobs").json()

        assert [job["job_id"] for job in listed["jobs"]] == ids[::-1]
        assert {job["plan"] for job in listed["jobs"]} == {None}
        assert listed["next_cursor"] is None

    def test_pages_join_without_a_gap(self, service: Service) -> None:
        ids = [service.adapt()["job_id"] for _ in range(5)]

        seen, cursor, pages = list[str](), None, 0
        while pages == 0 or cursor:
            query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            told = service.http.get("/jobs", params=query).json()
            seen += [job["job_id"] for job in told["jobs"]]
            cursor, pages = told["next_cursor"], pages + 1

        assert seen == ids[::-1]
        assert pages == 3

    def test_filters_choose(self, service: Service) -> None:
        spanish = service.adapt()["job_id"]
        french = service.adapt(language="fr")["job_id"]
        end(service, spanish, JobStatus.SUCCEEDED)

        def chosen(**query: str) -> list[str]:
            return [job["job_id"] for job in service.http.get("/jobs", params=query).json()["jobs"]]

        assert chosen(language="fr") == [french]
        assert chosen(status="succeeded") == [spanish]
        assert chosen(task="mtod") == [french, spanish]
        assert chosen(status="succeeded", language="fr") == []

    def test_a_job_that_is_being_stopped_is_listed_as_such(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        start(service, job_id)
        service.http.post(f"/jobs/{job_id}/cancel")

        listed = service.http.get("/jobs", params={"status": "cancelling"}).json()["jobs"]

        assert [job["job_id"] for job in listed] == [job_id]
        assert service.http.get("/jobs", params={"status": "running"}).json()["jobs"] == []

    def test_a_cursor_that_is_no_job(self, service: Service) -> None:
        told = problem(service.http.get("/jobs", params={"cursor": "nobody"}), 422)

        assert "query/cursor" in faults(told)

    def test_without_redis_the_records_answer(self, without_redis: Service) -> None:
        waiting_record(without_redis)

        assert len(without_redis.http.get("/jobs").json()["jobs"]) == 1


class TestCancel:
    def test_a_waiting_job_ends_at_once(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]

        response = service.http.post(f"/jobs/{job_id}/cancel")

        assert response.status_code == 202
        assert response.json()["status"] == "cancelled"
        assert service.store.jobs.load(job_id).ended_at is not None
        assert service.queue.waiting() == 0

    def test_a_running_job_is_asked_to_stop(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        start(service, job_id)

        response = service.http.post(f"/jobs/{job_id}/cancel")

        assert response.status_code == 202
        assert response.json()["status"] == "cancelling"
        assert service.queue.is_cancelled(job_id)
        assert service.store.jobs.load(job_id).status is JobStatus.RUNNING

    @pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
    def test_a_job_that_has_ended_cannot_be_stopped(self, service: Service, status: JobStatus) -> None:
        job_id = service.adapt()["job_id"]
        end(service, job_id, status)

        told = problem(service.http.post(f"/jobs/{job_id}/cancel"), 409)

        assert status in told["detail"]

    def test_an_unknown_job_is_not_found(self, service: Service) -> None:
        problem(service.http.post("/jobs/nobody/cancel"), 404)

    def test_without_redis_nothing_can_be_stopped(self, without_redis: Service) -> None:
        waiting_record(without_redis)

        response = without_redis.http.post("/jobs/waiting/cancel")

        problem(response, 503)
        assert "retry-after" in response.headers
