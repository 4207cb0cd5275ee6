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
    asked = service.asked[0]
    assert asked.has_field("baselines", '["ft"]')
    assert asked.has_field("language", "es")
    assert asked.has_file("evaluation", "es.jsonl", examples.read_bytes())


def test_a_model_that_was_not_promoted_is_no_failure(service: FakeService, run: Run, examples: Path) -> None:
    accept(service, "POST /adapt", succeeded(promoted=False))
    result = run("adapt", "es", str(examples))
    assert result.code == 0
    assert "not promoted: " in result.out


def test_adapt_as_json_prints_nothing_but_the_job_on_stdout(
    service: FakeService, run: Run, examples: Path
) -> None:
    accept(service, "POST /adapt", succeeded())
    result = run("adapt", "es", str(examples), "--json")
    assert json.loads(result.out)["report"]["result"]["name"] == "x-metra-ada"


def test_adapt_without_following_returns_at_once(service: FakeService, run: Run, examples: Path) -> None:
    accept(service, "POST /adapt", succeeded())
    result = run("adapt", "es", str(examples), "--no-follow", "--json")
    assert json.loads(result.out)["job_id"] == "job-1"
    assert [asked.path for asked in service.asked] == ["/adapt"]
    assert "xmetra jobs watch job-1" in run("adapt", "es", str(examples), "--no-follow").err


def test_a_dry_run_shows_the_plan(service: FakeService, run: Run, examples: Path) -> None:
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
    assert "120 examples to learn from, 30 held out" in result.out
    assert "meta-train" in result.out
    assert "about 41 seconds" in result.out
    assert "greet has one example" in result.err


def test_settings_are_nested_by_their_dots(service: FakeService, run: Run, examples: Path) -> None:
    accept(service, "POST /adapt", succeeded())
    settings = ["--set", "meta.inner_steps=3", "--set", "seed=7", "--set", "meta.inner_loop=learn2learn"]
    assert run("adapt", "es", str(examples), *settings).code == 0
    nested = '{"meta": {"inner_steps": 3, "inner_loop": "learn2learn"}, "seed": 7}'
    assert service.asked[0].has_field("hyperparameters", nested)


@pytest.mark.parametrize("settings", [["seed"], ["=3"], ["seed=1", "seed.x=2"]])
def test_a_setting_that_is_none_is_a_usage_error(run: Run, examples: Path, settings: Sequence[str]) -> None:
    result = run("adapt", "es", str(examples), *(part for one in settings for part in ("--set", one)))
    assert result.code == 2
    assert "expected NAME=VALUE" in result.err


def test_questions_are_taught_with_the_similarity_asked_for(
    service: FakeService, run: Run, examples: Path
) -> None:
    accept(service, "POST /adapt", succeeded())
    asked = ("adapt", "sw", str(examples), "--task", "qa", "--similarity", "embedded-en")
    assert run(*asked).code == 0
    assert service.asked[0].has_field("task", "qa")
    assert service.asked[0].has_field("similarity", "embedded-en")
    assert b"extend_labels" not in service.asked[0].body


def test_pretrain_names_its_source_language(service: FakeService, run: Run, examples: Path) -> None:
    accept(service, "POST /pretrain", job(JobStatus.SUCCEEDED, kind=JobKind.PRETRAIN, checkpoint_id="base-1"))
    assert run("pretrain", "en", str(examples), "--set", "epochs=1").code == 0
    assert service.asked[0].has_field("source_language", "en")
    assert service.asked[0].has_field("settings", '{"epochs": 1}')


def test_a_job_that_failed_is_told_in_a_line_and_ends_with_1(
    service: FakeService, run: Run, examples: Path
) -> None:
    problem = Problem(title="Training diverged", detail="the loss is no longer a number")
    accept(service, "POST /adapt", job(JobStatus.FAILED, error=problem))
    result = run("adapt", "es", str(examples))
    assert result.code == 1
    assert result.err.splitlines()[-1] == "xmetra: job job-1 failed: the loss is no longer a number"


def test_refused_data_is_told_line_by_line_and_ends_with_2(
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
def test_a_wrong_command_line_ends_with_2(run: Run, arguments: Sequence[str]) -> None:
    assert run(*arguments).code == 2
