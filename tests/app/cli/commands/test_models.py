import json
from pathlib import Path
from typing import Any

import pytest

from app.schemas.checkpoints import (
    CheckpointBrief,
    CheckpointPage,
    CheckpointView,
    LanguageView,
    PastDeployment,
)
from core.contracts.reports import Deployment
from core.contracts.values import MTOD, Trainable
from tests.app.cli.running import Run
from tests.app.fake_service import MOMENT, FakeService, Reply, evaluation


def brief() -> CheckpointBrief:
    return CheckpointBrief(
        checkpoint_id="es-2",
        task=MTOD,
        method="x-metra-ada",
        languages=("en", "es"),
        base_id="base-1",
        encoder="embedded",
        trainable=Trainable.LORA,
        bytes=3 * 2**20,
        scores={"intent_accuracy": 0.95, "slot_f1": 0.9, "exact_match": 0.8, "examples": 20},
        serves=("es", "es-MX"),
        created_at=MOMENT,
    )


def checkpoint(**changes: Any) -> dict[str, Any]:
    view = CheckpointView(
        checkpoint_id="es-2",
        task=MTOD,
        method="x-metra-ada",
        languages=("en", "es"),
        base_id="base-1",
        dataset_ids={},
        encoder="embedded",
        intents=("alarm/set_alarm",),
        slots=("datetime",),
        files={"model.safetensors": "0" * 64},
        bytes=3 * 2**20,
        evaluation=evaluation(0.95, 0.9),
        created_at=MOMENT,
        serves=("es",),
    )
    return view.model_copy(update=changes).model_dump(mode="json")


def served() -> dict[str, Any]:
    live = Deployment(number=2, checkpoint_id="es-2", reason="better [by far]", created_at=MOMENT)
    first = Deployment(
        number=1, checkpoint_id="es-1", reason="there was no deployment before", created_at=MOMENT
    )
    view = LanguageView(
        task=MTOD,
        language="es",
        live=live,
        adapted=True,
        scores=None,
        history=(
            PastDeployment(**dict(live), available=True),
            PastDeployment(**dict(first), available=False),
        ),
    )
    return view.model_dump(mode="json")


@pytest.fixture
def page() -> dict[str, Any]:
    return CheckpointPage(checkpoints=(brief(),)).model_dump(mode="json")


def test_models_list_prints_scores_sizes_and_served_languages(
    service: FakeService, run: Run, page: dict[str, Any]
) -> None:
    service.answer("GET /checkpoints", page)
    result = run("models", "list", "--language", "es", "--task", "mtod")
    assert "intent accuracy 95.0 %, slot f1 90.0 %, exact match 80.0 %" in result.out
    assert "3.0 MiB" in result.out
    assert "es es-MX" in result.out
    assert service.requests[0].path == "/checkpoints?task=mtod&language=es&limit=20"
    assert json.loads(run("models", "list", "--json").out) == page


def test_models_list_reports_when_there_are_no_models(service: FakeService, run: Run) -> None:
    service.answer("GET /checkpoints", {"checkpoints": [], "next_cursor": None})
    assert run("models", "list").err == "no models\n"


def test_models_show_prints_origin_labels_and_scores(service: FakeService, run: Run) -> None:
    service.answer("GET /checkpoints/es-2", checkpoint())
    result = run("models", "show", "es-2")
    for part in ("x-metra-ada", "base-1", "alarm/set_alarm", "intent accuracy 95.0 %"):
        assert part in result.out
    assert json.loads(run("models", "show", "es-2", "--json").out)["serves"] == ["es"]


def test_models_history_marks_live_and_deleted_checkpoints(service: FakeService, run: Run) -> None:
    service.answer("GET /languages/mtod/es", served())
    result = run("models", "history", "es")
    assert "es-2 (live)" in result.out
    assert "better [by far]" in result.out
    assert "es-1 (deleted)" in result.out
    assert json.loads(run("models", "history", "es", "--json").out)["live"]["number"] == 2


def test_models_deploy_sends_the_expected_deployment_as_a_precondition(
    service: FakeService, run: Run
) -> None:
    service.answer("PUT /languages/mtod/es", served())
    result = run("models", "deploy", "es", "es-2", "--reason", "better", "--expected", "1")
    assert result.out == "es is served by es-2 (deployment 2)\n"
    run("models", "deploy", "es", "es-2", "--expected", "0")
    run("models", "deploy", "es", "es-2")
    first, second, third = service.requests
    assert first.json == {"checkpoint_id": "es-2", "reason": "better"}
    assert first.headers["if-match"] == '"1"'
    assert second.headers["if-none-match"] == "*"
    assert third.json == {"checkpoint_id": "es-2"}
    assert not {"if-match", "if-none-match"} & third.headers.keys()


def test_models_deploy_exits_with_2_when_another_deployment_is_live(service: FakeService, run: Run) -> None:
    problem = {"title": "Another deployment is live", "detail": "deployment 3 serves es"}
    service.answer("PUT /languages/mtod/es", Reply(problem, 412, "application/problem+json"))
    result = run("models", "deploy", "es", "es-2", "--expected", "2")
    assert result.code == 2
    assert "deployment 3 serves es" in result.err


def test_models_rollback_prints_the_live_deployment(service: FakeService, run: Run) -> None:
    service.answer("POST /languages/qa/es/rollback", served())
    result = run("models", "rollback", "es", "--task", "qa", "--expected", "1", "--json")
    assert json.loads(result.out)["live"]["checkpoint_id"] == "es-2"
    assert service.requests[0].headers["if-match"] == '"1"'


def test_models_export_writes_the_whole_archive(service: FakeService, run: Run, tmp_path: Path) -> None:
    service.answer("GET /checkpoints/es-2/archive", Reply("the archive", media_type="application/x-tar"))
    file = tmp_path / "es.tar"
    assert run("models", "export", "es-2", str(file)).out == f"{file}: 0.0 MiB\n"
    assert file.read_bytes() == b"the archive"
    assert json.loads(run("models", "export", "es-2", str(file), "--json").out)["bytes"] == 11
    assert list(tmp_path.iterdir()) == [file]


def test_models_export_writes_no_file_when_the_checkpoint_does_not_exist(run: Run, tmp_path: Path) -> None:
    assert run("models", "export", "es-9", str(tmp_path / "es.tar")).code == 2
    assert list(tmp_path.iterdir()) == []


def test_models_import_sends_the_archive_and_prints_the_next_command(
    service: FakeService, run: Run, tmp_path: Path
) -> None:
    service.answer("POST /checkpoints", Reply(checkpoint(), 201))
    file = tmp_path / "es.tar"
    file.write_bytes(b"the archive")
    result = run("models", "import", str(file))
    assert result.out == "checkpoint es-2 is in the store\n"
    assert "xmetra models deploy es es-2 --task mtod" in result.err
    assert service.requests[0].headers["content-type"] == "application/x-tar"
    assert service.requests[0].body == b"the archive"


def test_models_import_prints_every_fault(service: FakeService, run: Run, tmp_path: Path) -> None:
    faults = [{"pointer": "/model.bin", "detail": "has a type that is not allowed"}]
    problem = {"title": "Unusable", "detail": "1 fault", "errors": faults}
    service.answer("POST /checkpoints", Reply(problem, 422, "application/problem+json"))
    file = tmp_path / "es.tar"
    file.write_bytes(b"the archive")
    result = run("models", "import", str(file))
    assert result.code == 2
    assert "/model.bin: has a type that is not allowed" in result.err


def test_models_delete_asks_for_confirmation(
    service: FakeService, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answer("GET /checkpoints/es-2", checkpoint(serves=()))
    service.answer("DELETE /checkpoints/es-2", Reply("", 204))
    questions: list[str] = []
    answers = iter([False, True])

    def confirm(question: str, *, err: bool) -> bool:
        questions.append(question)
        return next(answers)

    monkeypatch.setattr("typer.confirm", confirm)
    refusal, deletion = run("models", "delete", "es-2"), run("models", "delete", "es-2")
    assert (refusal.code, deletion.code) == (2, 0)
    assert "nothing was deleted" in refusal.err
    assert deletion.out == "checkpoint es-2 is deleted\n"
    assert questions[0] == "Delete es-2 (mtod en es, 3.0 MiB)?"
    assert [request.method for request in service.requests] == ["GET", "GET", "DELETE"]


def test_models_delete_asks_nothing_with_yes(service: FakeService, run: Run) -> None:
    service.answer("DELETE /checkpoints/es-2", Reply("", 204))
    result = run("models", "delete", "es-2", "--yes", "--json")
    assert json.loads(result.out) == {"checkpoint_id": "es-2", "deleted": True}


def test_models_delete_exits_with_2_when_the_checkpoint_is_used(service: FakeService, run: Run) -> None:
    problem = {"title": "Conflict", "detail": "checkpoint es-2 cannot be deleted: it serves es"}
    service.answer("DELETE /checkpoints/es-2", Reply(problem, 409, "application/problem+json"))
    result = run("models", "delete", "es-2", "--yes")
    assert result.code == 2
    assert "it serves es" in result.err


@pytest.mark.parametrize("name", ["", "../languages", "a b"])
def test_models_sends_no_request_with_an_invalid_name(service: FakeService, run: Run, name: str) -> None:
    for command in (["show", name], ["history", name], ["deploy", name, "es-2"], ["delete", "--yes", name]):
        assert run("models", *command).code != 0
    assert service.requests == []
