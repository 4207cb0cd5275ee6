import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from core.contracts.jobs import JobKind, JobStatus, Problem
from tests.app.cli.running import Run
from tests.app.fake_service import FakeService, Reply, job, progress_event, status_event, stream, succeeded

ACCEPTED = Reply(
    {"job_id": "job-1", "status": "queued", "queue_position": 1, "checks": {"warnings": ["few examples"]}},
    202,
)
RUN_TO_SUCCESS = stream(
    status_event(1, JobStatus.RUNNING),
    progress_event(2, percent=40, stage="meta-train", step=3, total_steps=60, metrics={"loss": 0.5}),
    progress_event(3, percent=80, stage="meta-adapt", step=1, total_steps=20),
    status_event(4, JobStatus.SUCCEEDED),
)


def accept(service: FakeService, route: str, outcome: dict[str, Any]) -> None:
    service.answer(route, ACCEPTED)
    service.answer("GET /jobs/job-1/events", RUN_TO_SUCCESS)
    service.answer("GET /jobs/job-1", outcome)


def test_adapt_shows_progress_a_table_the_verdict_and_the_decision(
    service: FakeService, run: Run, examples: Path
) -> None:
    accept(service, "POST /adapt", succeeded())
    result = run("adapt", "es", str(examples), "--evaluation", str(examples), "--baseline", "ft")
    assert result.code == 0
    assert "40 %  meta-train  step 3/60  loss 0.5" in result.err
    assert "few examples" in result.err
    assert "zero-shot base" in result.out
    assert "95.0 %" in result.out
    assert "X-METRA-ADA beats the base by 47.5 points." in result.out
    assert "promoted: it scores 0.93 against 0.45" in result.out
    request = service.requests[0]
    assert request.has_field("baselines", '["ft"]')
    assert request.has_field("language", "es")
    assert request.has_file("evaluation", "es.jsonl", examples.read_bytes())


def test_adapt_exits_with_0_when_the_model_is_not_promoted(
    service: FakeService, run: Run, examples: Path
) -> None:
    accept(service, "POST /adapt", succeeded(promoted=False))
    result = run("adapt", "es", str(examples))
    assert result.code == 0
    assert "not promoted: " in result.out


def test_adapt_prints_only_the_job_on_stdout_as_json(service: FakeService, run: Run, examples: Path) -> None:
    accept(service, "POST /adapt", succeeded())
    result = run("adapt", "es", str(examples), "--json")
    assert json.loads(result.out)["report"]["result"]["name"] == "x-metra-ada"


def test_adapt_returns_at_once_with_no_follow(service: FakeService, run: Run, examples: Path) -> None:
    accept(service, "POST /adapt", succeeded())
    result = run("adapt", "es", str(examples), "--no-follow", "--json")
    assert json.loads(result.out)["job_id"] == "job-1"
    assert [request.path for request in service.requests] == ["/adapt"]
    assert "xmetra jobs watch job-1" in run("adapt", "es", str(examples), "--no-follow").err


def test_adapt_prints_the_plan_in_a_dry_run(service: FakeService, run: Run, examples: Path) -> None:
    stage = {"name": "meta-train", "steps": 60, "examples": 90, "episodes": 240, "k_shot": 6, "q_shot": 6}
    plan = {
        "method": "x-metra-ada",
        "train": 120,
        "evaluation": 30,
        "stages": [stage],
        "warnings": ["greet has one example"],
        "estimated_seconds": 41.0,
    }
    service.answer("POST /adapt", {"checks": {"warnings": []}, "plan": plan})
    result = run("adapt", "es", str(examples), "--dry-run")
    assert result.code == 0
    assert "120 training examples, 30 held out" in result.out
    assert "meta-train" in result.out
    assert "about 41 seconds" in result.out
    assert "greet has one example" in result.err


def test_adapt_nests_settings_by_their_dots(service: FakeService, run: Run, examples: Path) -> None:
    accept(service, "POST /adapt", succeeded())
    settings = ["--set", "meta.inner_steps=3", "--set", "seed=7", "--set", "meta.inner_loop=learn2learn"]
    assert run("adapt", "es", str(examples), *settings).code == 0
    nested = '{"meta": {"inner_steps": 3, "inner_loop": "learn2learn"}, "seed": 7}'
    assert service.requests[0].has_field("hyperparameters", nested)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["seed"], "--set seed: expected NAME=VALUE"),
        (["=3"], "--set =3: expected NAME=VALUE"),
        (["seed=1", "seed.x=2"], "--set seed.x: there is no hyperparameter of that name"),
        (["meta=1", "meta.k_shot=2"], "--set meta.k_shot=2: contradicts another assignment"),
        (["meta.k_shot=2", "meta=1"], "--set meta=1: contradicts another assignment"),
    ],
)
def test_adapt_exits_with_2_when_an_assignment_is_invalid(
    run: Run, examples: Path, settings: Sequence[str], message: str
) -> None:
    result = run("adapt", "es", str(examples), *(part for setting in settings for part in ("--set", setting)))
    assert result.code == 2
    assert message in result.err


def test_adapt_sends_the_similarity_of_questions(service: FakeService, run: Run, examples: Path) -> None:
    accept(service, "POST /adapt", succeeded())
    result = run("adapt", "sw", str(examples), "--task", "qa", "--similarity", "embedded-en")
    assert result.code == 0
    assert service.requests[0].has_field("task", "qa")
    assert service.requests[0].has_field("similarity", "embedded-en")
    assert b"extend_labels" not in service.requests[0].body


def test_pretrain_sends_its_source_language_and_settings(
    service: FakeService, run: Run, examples: Path
) -> None:
    accept(service, "POST /pretrain", job(JobStatus.SUCCEEDED, kind=JobKind.PRETRAIN, checkpoint_id="base-1"))
    assert run("pretrain", "en", str(examples), "--set", "epochs=1").code == 0
    assert service.requests[0].has_field("source_language", "en")
    assert service.requests[0].has_field("settings", '{"epochs": 1}')


def test_adapt_exits_with_1_and_prints_one_line_when_the_job_fails(
    service: FakeService, run: Run, examples: Path
) -> None:
    problem = Problem(title="Training diverged", detail="the loss is no longer a number")
    accept(service, "POST /adapt", job(JobStatus.FAILED, error=problem))
    result = run("adapt", "es", str(examples))
    assert result.code == 1
    assert result.err.splitlines()[-1] == "xmetra: job job-1 failed: the loss is no longer a number"


def test_adapt_exits_with_2_and_prints_every_fault_when_the_data_is_refused(
    service: FakeService, run: Run, examples: Path
) -> None:
    problem = {
        "title": "Invalid",
        "detail": "1 fault",
        "errors": [{"pointer": "line 2", "detail": "no [intent]"}],
    }
    service.answer("POST /adapt", Reply(problem, 422))
    result = run("adapt", "es", str(examples))
    assert result.code == 2
    assert "line 2: no [intent]" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "arguments",
    [["adapt"], ["adapt", "es", "no-such-file"], ["unknown"], ["jobs", "show"], ["adapt", "es", "."]],
)
def test_command_exits_with_2_when_the_command_line_is_invalid(run: Run, arguments: Sequence[str]) -> None:
    assert run(*arguments).code == 2
