import pytest

from core.contracts.jobs import JobRecord, JobStatus, Problem, Progress
from core.contracts.values import now
from tests.app.service import Service, adaptation, faults, problem


def end(service: Service, job_id: str, status: JobStatus) -> JobRecord:
    """Close a job as a worker does."""
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
    """Take a job from the queue as a worker does."""
    service.queue._queue.remove(job_id)
    record = service.store.jobs.load(job_id)
    service.store.jobs.save(record.model_copy(update={"status": JobStatus.RUNNING, "started_at": now()}))


class TestOne:
    def test_view_of_a_waiting_job_has_its_position(self, service: Service) -> None:
        service.adapt()
        job_id = service.adapt()["job_id"]

        job = service.http.get(f"/jobs/{job_id}").json()

        assert job["status"] == "queued"
        assert job["queue_position"] == 2
        assert job["kind"] == "adapt"
        assert job["plan"]["method"] == "x-metra-ada"

    def test_view_of_a_running_job_has_the_latest_progress(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        start(service, job_id)
        service.queue.report(job_id, Progress(percent=40, stage="meta-train", step=4, total_steps=10))

        job = service.http.get(f"/jobs/{job_id}").json()

        assert job["status"] == "running"
        assert job["queue_position"] is None
        assert job["progress"]["percent"] == 40
        assert job["progress"]["stage"] == "meta-train"

    def test_view_of_a_job_whose_worker_was_killed_is_queued(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        start(service, job_id)
        service.queue.enqueue(job_id, requeue=True)

        job = service.http.get(f"/jobs/{job_id}").json()

        assert (job["status"], job["queue_position"]) == ("queued", 1)

    def test_view_of_an_ended_job_has_its_final_record(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        service.queue.report(job_id, Progress(percent=40, stage="meta-train"))
        end(service, job_id, JobStatus.FAILED)

        job = service.http.get(f"/jobs/{job_id}").json()

        assert job["status"] == "failed"
        assert job["error"]["detail"] == "badly"
        assert job["progress"]["percent"] == 0

    def test_view_has_the_record_without_redis(self, without_redis: Service) -> None:
        record = waiting_record(without_redis)

        job = without_redis.http.get(f"/jobs/{record.job_id}")

        assert job.status_code == 200
        assert job.json()["status"] == "queued"
        assert job.json()["queue_position"] is None

    def test_unknown_job_is_not_found(self, service: Service) -> None:
        problem(service.http.get("/jobs/nobody"), 404)


def waiting_record(service: Service) -> JobRecord:
    """Store the record of a job that is not queued."""
    from app.jobs.builders import Adaptation
    from app.schemas.task_requests import adapt_requests

    job = Adaptation.checked(adapt_requests()["mtod"].model_validate(adaptation()), service.store).job(
        service.store
    )
    record = JobRecord(
        job_id="waiting", kind=job.kind, task=job.task, language=job.language, request=job, created_at=now()
    )
    service.store.jobs.save(record)
    return record


class TestList:
    def test_list_has_the_newest_first_without_reports(self, service: Service) -> None:
        ids = [service.adapt()["job_id"] for _ in range(3)]

        listed = service.http.get("/jobs").json()

        assert [job["job_id"] for job in listed["jobs"]] == ids[::-1]
        assert {job["plan"] for job in listed["jobs"]} == {None}
        assert listed["next_cursor"] is None

    def test_list_pages_are_contiguous(self, service: Service) -> None:
        ids = [service.adapt()["job_id"] for _ in range(5)]

        job_ids, cursor, pages = list[str](), None, 0
        while pages == 0 or cursor:
            query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
            response = service.http.get("/jobs", params=query).json()
            job_ids += [job["job_id"] for job in response["jobs"]]
            cursor, pages = response["next_cursor"], pages + 1

        assert job_ids == ids[::-1]
        assert pages == 3

    def test_list_filters_jobs(self, service: Service) -> None:
        spanish = service.adapt()["job_id"]
        french = service.adapt(language="fr")["job_id"]
        end(service, spanish, JobStatus.SUCCEEDED)

        def chosen(**query: str) -> list[str]:
            return [job["job_id"] for job in service.http.get("/jobs", params=query).json()["jobs"]]

        assert chosen(language="fr") == [french]
        assert chosen(status="succeeded") == [spanish]
        assert chosen(task="mtod") == [french, spanish]
        assert chosen(status="succeeded", language="fr") == []

    def test_list_has_the_cancelling_status(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        start(service, job_id)
        service.http.post(f"/jobs/{job_id}/cancel")

        listed = service.http.get("/jobs", params={"status": "cancelling"}).json()["jobs"]

        assert [job["job_id"] for job in listed] == [job_id]
        assert service.http.get("/jobs", params={"status": "running"}).json()["jobs"] == []

    def test_list_refuses_an_unknown_cursor(self, service: Service) -> None:
        refusal = problem(service.http.get("/jobs", params={"cursor": "nobody"}), 422)

        assert "query/cursor" in faults(refusal)

    def test_list_has_the_records_without_redis(self, without_redis: Service) -> None:
        waiting_record(without_redis)

        assert len(without_redis.http.get("/jobs").json()["jobs"]) == 1


class TestCancel:
    def test_cancel_ends_a_waiting_job(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]

        response = service.http.post(f"/jobs/{job_id}/cancel")

        assert response.status_code == 202
        assert response.json()["status"] == "cancelled"
        assert service.store.jobs.load(job_id).ended_at is not None
        assert service.queue.waiting() == 0

    def test_cancel_marks_a_running_job(self, service: Service) -> None:
        job_id = service.adapt()["job_id"]
        start(service, job_id)

        response = service.http.post(f"/jobs/{job_id}/cancel")

        assert response.status_code == 202
        assert response.json()["status"] == "cancelling"
        assert service.queue.is_cancelled(job_id)
        assert service.store.jobs.load(job_id).status is JobStatus.RUNNING

    @pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
    def test_cancel_refuses_an_ended_job(self, service: Service, status: JobStatus) -> None:
        job_id = service.adapt()["job_id"]
        end(service, job_id, status)

        refusal = problem(service.http.post(f"/jobs/{job_id}/cancel"), 409)

        assert status in refusal["detail"]

    def test_unknown_job_is_not_found(self, service: Service) -> None:
        problem(service.http.post("/jobs/nobody/cancel"), 404)

    def test_cancel_is_unavailable_without_redis(self, without_redis: Service) -> None:
        waiting_record(without_redis)

        response = without_redis.http.post("/jobs/waiting/cancel")

        problem(response, 503)
        assert "retry-after" in response.headers
