"""Every fault is printed once, whichever command ends with it."""

from pathlib import Path
from typing import Any, Final

import pytest

from app.parsing.problems import faults_detail
from core.contracts.jobs import JobStatus, Problem
from core.errors import Fault
from tests.app.cli.running import Run
from tests.app.cli.test_service_options import ARGUMENTS, arguments_of
from tests.app.fake_service import ACCEPTED, FakeService, Reply, job, status_event, stream, succeeded
from tests.repository import SAMPLES

FAULTS: Final = [Fault("line 2", "the first fault"), Fault("line 3", "the second fault")]


def refusal(faults: list[Fault]) -> Reply:
    """Return the response of the service to a request with faults."""
    errors = [{"pointer": fault.pointer, "detail": fault.detail} for fault in faults]
    problem: dict[str, Any] = {
        "type": "urn:xmetra:problem:invalid-input",
        "title": "The request holds faults",
        "detail": faults_detail(faults),
        "errors": errors,
    }
    return Reply(problem, 422, "application/problem+json")


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("path", ARGUMENTS)
def test_command_prints_every_fault_of_a_refused_request_once(
    service: FakeService, run: Run, examples: Path, monkeypatch: pytest.MonkeyPatch, path: str, count: int
) -> None:
    monkeypatch.setattr(FakeService, "reply_to", lambda _service, _request: refusal(FAULTS[:count]))

    result = run(*arguments_of(path, examples))

    assert result.code == 2
    assert [result.err.count(str(fault)) for fault in FAULTS[:count]] == [1] * count
    assert result.out == ""


@pytest.mark.parametrize("command", ["show", "watch"])
def test_failed_job_prints_its_fault_once(service: FakeService, run: Run, command: str) -> None:
    fault = FAULTS[0]
    errors = ({"pointer": fault.pointer, "detail": fault.detail},)
    problem = Problem(title="Invalid input", detail=str(fault), errors=errors)
    service.answer("GET /jobs/job-1", job(JobStatus.FAILED, error=problem))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.FAILED)))

    result = run("jobs", command, "job-1")

    assert (result.out + result.err).count(str(fault)) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["adapt", "es", "EXAMPLES", "--set", "seeed=1"],
        ["pretrain", "es", "EXAMPLES", "--set", "seeed=1"],
        ["experiment", "mtod", "--set", "seeed=1"],
        ["experiment", "mtod", "--set-base", "seeed=1"],
        # Two variants of the training, which share the fault.
        ["experiment", "mtod", "--trainable", "all heads", "--set", "seeed=1"],
    ],
    ids=" ".join,
)
def test_unknown_setting_is_printed_once(
    run: Run, examples: Path, tmp_path: Path, arguments: list[str]
) -> None:
    if arguments[0] == "experiment":
        arguments = [*arguments, "--languages", "es", "--data", str(SAMPLES), "--out", str(tmp_path)]

    result = run(*(str(examples) if argument == "EXAMPLES" else argument for argument in arguments))

    assert result.code == 2
    assert result.err.count("seeed") == 1


def test_setting_that_contradicts_every_variant_of_an_experiment_is_printed_once(
    run: Run, tmp_path: Path
) -> None:
    result = run(
        *("experiment", "mtod", "--data", str(SAMPLES), "--out", str(tmp_path), "--languages", "es"),
        *("--schedule", "interleaved", "--trainable", "all heads lora"),
        *("--set", "meta.inner_loop=learn2learn"),
    )

    assert result.code == 2
    assert result.err.count("the interleaved schedule needs inner_loop fused") == 1


def test_adapt_prints_a_note_once_when_the_checks_and_the_report_have_it(
    service: FakeService, run: Run, examples: Path
) -> None:
    outcome = succeeded()
    (note,) = outcome["report"]["warnings"]
    service.answer("POST /adapt", Reply({**ACCEPTED, "checks": {"warnings": [note]}}, 202))
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.SUCCEEDED)))
    service.answer("GET /jobs/job-1", outcome)

    result = run("adapt", "es", str(examples))

    assert result.code == 0
    assert (result.out + result.err).count(note) == 1


def test_adapt_prints_a_note_once_when_the_checks_and_the_plan_have_it(
    service: FakeService, run: Run, examples: Path
) -> None:
    plan = {"method": "ft", "train": 2, "evaluation": 1, "stages": [], "warnings": ["greet has one example"]}
    service.answer("POST /adapt", {"checks": {"warnings": ["greet has one example"]}, "plan": plan})

    result = run("adapt", "es", str(examples), "--dry-run")

    assert result.code == 0
    assert result.err.count("greet has one example") == 1
