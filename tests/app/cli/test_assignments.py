"""Assignments of hyperparameters: ``--set meta.inner_steps=3``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.cli.assignments import parse_assignments, setting_names
from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.errors import InvalidInput
from core.plugins import task_names
from core.tasks.registry import task_spec
from tests.app.cli.running import Run
from tests.app.fake_service import FakeService


def faults_of(assignments: Sequence[str], model: type[BaseModel]) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse_assignments(assignments, model)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("assignments", "settings"),
    [
        (["meta.inner_steps=3", "seed=7"], {"meta": {"inner_steps": 3}, "seed": 7}),
        (["meta.inner_loop=learn2learn"], {"meta": {"inner_loop": "learn2learn"}}),
        (["tune=true", "fine_tune.epochs=0.5"], {"tune": True, "fine_tune": {"epochs": 0.5}}),
        (["seed=1", "seed=2"], {"seed": 2}),
        ([], None),
        (None, None),
    ],
)
def test_parse_assignments_nests_settings_by_their_dots(
    assignments: list[str] | None, settings: dict[str, Any] | None
) -> None:
    assert parse_assignments(assignments, Hyperparameters) == settings


@pytest.mark.parametrize(
    ("name", "suggestions"),
    [
        ("min_step", "fine_tune.min_steps or meta.min_steps"),
        ("min_steps", "fine_tune.min_steps or meta.min_steps"),
        ("inner_steps", "meta.inner_steps"),
        ("epochs", "fine_tune.epochs"),
        ("fine_tune.min_step", "fine_tune.min_steps"),
        ("fine_tun.epochs", "fine_tune.epochs"),
        ("meta.epochs", "fine_tune.epochs"),
        ("sead", "seed"),
    ],
)
def test_parse_assignments_suggests_the_dotted_names_of_an_adaptation(name: str, suggestions: str) -> None:
    (fault,) = faults_of([f"{name}=1"], Hyperparameters)
    assert fault.startswith(f"--set {name}: ")
    assert fault.endswith(f"did you mean {suggestions}?")


@pytest.mark.parametrize(("name", "suggestion"), [("min_step", "min_steps"), ("fine_tune.epochs", "epochs")])
def test_parse_assignments_suggests_the_names_of_pretrain(name: str, suggestion: str) -> None:
    (fault,) = faults_of([f"{name}=1"], PretrainSettings)
    assert fault.endswith(f"did you mean {suggestion}?")


def test_parse_assignments_suggests_nothing_when_no_name_is_similar() -> None:
    (fault,) = faults_of(["xyzzy=1"], Hyperparameters)
    assert "did you mean" not in fault


@pytest.mark.parametrize(
    "assignments",
    [
        ["meta=1", "meta.inner_steps=2"],
        ["meta.inner_steps=2", "meta=1"],
        ["meta.inner_steps=2", 'meta={"k_shot": 3}'],
    ],
)
def test_parse_assignments_refuses_a_contradiction(assignments: list[str]) -> None:
    (fault,) = faults_of(assignments, Hyperparameters)
    assert fault == f"--set {assignments[1]}: contradicts another assignment"


def test_parse_assignments_suggests_the_setting_for_a_name_below_it() -> None:
    (fault,) = faults_of(["seed=1", "seed.x=2"], Hyperparameters)
    assert fault.endswith("did you mean seed?")


def test_parse_assignments_checks_the_names_in_a_json_object() -> None:
    (fault,) = faults_of(['meta={"inner_step": 3, "k_shot": 2}'], Hyperparameters)
    assert fault.startswith("--set meta.inner_step: ")
    assert fault.endswith("did you mean meta.inner_steps?")


def test_parse_assignments_reports_all_faults_at_once() -> None:
    faults = faults_of(["min_step=1", "seed", "seed=1", "mta.k_shot=2", "=3"], Hyperparameters)
    assert [fault.partition(": ")[0] for fault in faults] == [
        "--set min_step",
        "--set seed",
        "--set mta.k_shot",
        "--set =3",
    ]


@pytest.mark.parametrize("task", task_names())
def test_setting_names_are_accepted_by_the_contracts_of_the_task(task: str) -> None:
    spec = task_spec(task)
    for model in (spec.hyperparameters, spec.pretrain_settings):
        names = list(setting_names(model))
        assert set(model.model_fields) <= set(names)
        for name in names:
            assert parse_assignments([f"{name}=1"], model) is not None


@pytest.mark.parametrize("task", task_names())
@pytest.mark.parametrize(
    ("command", "suggestions"),
    [("pretrain", "min_steps"), ("adapt", "fine_tune.min_steps or meta.min_steps")],
)
def test_command_suggests_the_names_of_its_task(
    service: FakeService, run: Run, examples: Path, task: str, command: str, suggestions: str
) -> None:
    result = run(
        command, "es", str(examples), "--task", task, "--set", "min_step=100", "--set", "waarmup=0.1"
    )

    assert result.code == 2
    assert "--set min_step: " in result.err
    assert f"did you mean {suggestions}?" in result.err
    assert "--set waarmup: " in result.err
    assert service.requests == []


@pytest.mark.parametrize(
    ("option", "suggestion"), [("--set", "meta.inner_steps"), ("--set-base", "min_steps")]
)
def test_experiment_suggests_the_names_of_its_settings(
    run: Run, tmp_path: Path, option: str, suggestion: str
) -> None:
    name = f"{suggestion}s"
    result = run(
        *("experiment", "mtod", "--data", str(tmp_path), "--out", str(tmp_path / "out")),
        *("--languages", "es", option, f"{name}=1"),
    )

    assert result.code == 2
    assert f"{option} {name}: " in result.err
    assert f"did you mean {suggestion}?" in result.err
