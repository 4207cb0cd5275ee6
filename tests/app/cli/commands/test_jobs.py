import json

from core.contracts.jobs import JobStatus, Problem, Progress
from tests.app.cli.running import Run
from tests.app.fake_service import FakeService, Reply, job, status_event, stream, succeeded


def test_jobs_watch_exits_with_1_when_the_job_was_cancelled(service: FakeService, run: Run) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.CANCELLED))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.CANCELLED)))
    result = run("jobs", "watch", "job-1")
    assert result.code == 1
    assert "job job-1 was cancelled" in result.err


def test_jobs_list_exits_with_3_when_no_service_answers(run: Run) -> None:
    result = run("jobs", "list", "--url", "http://127.0.0.1:1")
    assert result.code == 3
    assert "no service answers at http://127.0.0.1:1" in result.err
    assert "xmetra up" in result.err
    assert "Traceback" not in result.err


def test_jobs_list_prints_a_line_for_each_job(service: FakeService, run: Run) -> None:
    running = job(JobStatus.RUNNING, progress=Progress(percent=40, stage="meta-train"))
    service.answer("GET /jobs", {"jobs": [running], "next_cursor": None})
    result = run("jobs", "list", "--status", "running")
    assert "40 % meta-train" in result.out
    assert "status=running" in service.requests[0].path


def test_jobs_list_reports_when_there_are_no_jobs(service: FakeService, run: Run) -> None:
    service.answer("GET /jobs", {"jobs": [], "next_cursor": None})
    assert run("jobs", "list").err == "no jobs\n"
    assert json.loads(run("jobs", "list", "--json").out) == {"jobs": [], "next_cursor": None}


def test_jobs_show_prints_the_report_when_the_job_has_succeeded(service: FakeService, run: Run) -> None:
    service.answer("GET /jobs/job-1", succeeded())
    assert "X-METRA-ADA beats the base" in run("jobs", "show", "job-1").out


def test_jobs_show_prints_the_step_when_the_job_is_running(service: FakeService, run: Run) -> None:
    progress = Progress(percent=40, stage="meta-train", step=3, total_steps=60, eta_seconds=75)
    service.answer("GET /jobs/job-1", job(JobStatus.RUNNING, progress=progress))
    assert "step 3/60  1:15 to go" in run("jobs", "show", "job-1").out


def test_jobs_show_exits_with_0_and_prints_the_reason_when_the_job_failed(
    service: FakeService, run: Run
) -> None:
    problem = Problem(title="Training diverged", detail="the loss is no longer a number")
    service.answer("GET /jobs/job-1", job(JobStatus.FAILED, error=problem))
    result = run("jobs", "show", "job-1")
    assert result.code == 0
    assert "job job-1 failed: the loss is no longer a number" in result.out


def test_jobs_cancel_prints_the_new_status(service: FakeService, run: Run) -> None:
    service.answer("POST /jobs/job-1/cancel", Reply(job(JobStatus.CANCELLING), 202))
    service.answer("GET /jobs/job-1", job(JobStatus.CANCELLING))
    assert run("jobs", "cancel", "job-1").out == "job job-1 is cancelling\n"


def test_jobs_show_exits_with_2_when_the_job_does_not_exist(run: Run) -> None:
    result = run("jobs", "show", "job-9")
    assert result.code == 2
    assert "there is no /jobs/job-9" in result.err


def test_jobs_list_explains_how_to_send_a_key_when_one_is_needed(run: Run, service: FakeService) -> None:
    service.answer("GET /jobs", Reply({"title": "A key is needed", "detail": "this needs a key"}, 401))

    result = run("jobs", "list")

    assert result.code == 2
    assert "send an API key with --key or XMETRA_API_KEY" in result.err
