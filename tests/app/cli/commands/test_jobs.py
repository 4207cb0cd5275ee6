import json

import pytest

from core.contracts.jobs import JobStatus, Problem, Progress
from tests.app.cli.running import Run
from tests.app.fake_service import FakeService, Reply, job, status_event, stream, succeeded


def test_a_job_that_was_cancelled_ends_with_1(service: FakeService, run: Run) -> None:
    service.answer("GET /jobs/job-1", job(JobStatus.CANCELLED))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.CANCELLED)))
    result = run("jobs", "watch", "job-1")
    assert result.code == 1
    assert "job job-1 was cancelled" in result.err


def test_a_service_that_is_not_there_ends_with_3(run: Run) -> None:
    result = run("jobs", "list", "--url", "http://127.0.0.1:1")
    assert result.code == 3
    assert "no service answers at http://127.0.0.1:1" in result.err
    assert "xmetra up" in result.err
    assert "Traceback" not in result.err


def test_jobs_list_shows_a_line_for_each(service: FakeService, run: Run) -> None:
    running = job(JobStatus.RUNNING, progress=Progress(percent=40, stage="meta-train"))
    service.answer("GET /jobs", {"jobs": [running], "next_cursor": None})
    result = run("jobs", "list", "--status", "running")
    assert "40 % meta-train" in result.out
    assert "status=running" in service.asked[0].path


def test_jobs_list_says_when_there_is_none(service: FakeService, run: Run) -> None:
    service.answer("GET /jobs", {"jobs": [], "next_cursor": None})
    assert run("jobs", "list").err == "no jobs\n"
    assert json.loads(run("jobs", "list", "--json").out) == {"jobs": [], "next_cursor": None}


def test_jobs_show_gives_the_report_of_a_job_that_ended(service: FakeService, run: Run) -> None:
    service.answer("GET /jobs/job-1", succeeded())
    assert "X-METRA-ADA beats the base" in run("jobs", "show", "job-1").out


def test_jobs_show_gives_the_step_of_one_that_runs(service: FakeService, run: Run) -> None:
    progress = Progress(percent=40, stage="meta-train", step=3, total_steps=60, eta_seconds=75)
    service.answer("GET /jobs/job-1", job(JobStatus.RUNNING, progress=progress))
    assert "step 3/60  1:15 to go" in run("jobs", "show", "job-1").out


def test_jobs_show_tells_why_a_job_failed_and_has_done_its_own_work(service: FakeService, run: Run) -> None:
    problem = Problem(title="Training diverged", detail="the loss is no longer a number")
    service.answer("GET /jobs/job-1", job(JobStatus.FAILED, error=problem))
    result = run("jobs", "show", "job-1")
    assert result.code == 0
    assert "job job-1 failed: the loss is no longer a number" in result.out


def test_jobs_cancel_asks_the_job_to_stop(service: FakeService, run: Run) -> None:
    service.answer("POST /jobs/job-1/cancel", Reply(job(JobStatus.CANCELLING), 202))
    service.answer("GET /jobs/job-1", job(JobStatus.CANCELLING))
    assert run("jobs", "cancel", "job-1").out == "job job-1 is cancelling\n"


def test_a_job_nobody_knows_ends_with_2(run: Run) -> None:
    result = run("jobs", "show", "nobody")
    assert result.code == 2
    assert "there is no /jobs/nobody" in result.err


@pytest.mark.parametrize("by", ["option", "variable"])
def test_a_key_is_told_by_an_option_or_a_variable(
    run: Run, service: FakeService, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answer("GET /jobs", {"jobs": [], "next_cursor": None})
    if by == "variable":
        monkeypatch.setenv("XMETRA_API_KEY", "xm_1_secret")

    run("jobs", "list", *(["--key", "xm_1_secret"] if by == "option" else []))

    assert service.asked[0].headers["authorization"] == "Bearer xm_1_secret"


def test_who_has_no_key_is_told_how_to_show_one(run: Run, service: FakeService) -> None:
    service.answer("GET /jobs", Reply({"title": "A key is needed", "detail": "this needs a key"}, 401))

    ended = run("jobs", "list")

    assert ended.code == 2
    assert "show a key with --key or XMETRA_API_KEY" in ended.err
