import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.app.cli.running import Run
from tests.app.fake_service import FakeService, Reply, evaluation, predictions


def test_predict_marks_the_slots_in_the_text(service: FakeService, run: Run) -> None:
    service.answer("POST /predict/mtod", predictions("pon una alarma mañana"))
    result = run("predict", "es", "pon una alarma mañana")
    assert result.code == 0
    assert "pon una alarma [mañana · datetime]" in result.out
    assert "98.7 %" in result.out
    assert "zero-shot" not in result.out


def test_predict_marks_a_zero_shot_prediction(service: FakeService, run: Run) -> None:
    service.answer("POST /predict/mtod", predictions("hola", adapted=False))
    assert "(zero-shot)" in run("predict", "th", "hola").out


def test_predict_prints_no_control_characters(service: FakeService, run: Run) -> None:
    service.answer("POST /predict/mtod", predictions("a \x1b[31mred\x07"))
    assert "\x1b" not in run("predict", "es", "a \x1b[31mred\x07").out


def test_predict_reads_lines_of_a_file(service: FakeService, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes("\ufeffuno\r\n\r\ndos\n".encode())
    service.answer("POST /predict/mtod", predictions("uno", "dos"))
    result = run("predict", "es", "--file", str(file), "--json")
    assert service.requests[0].json["utterances"] == ["uno", "dos"]
    assert [row["text"] for row in json.loads(result.out)["predictions"]] == ["uno", "dos"]


def test_predict_reads_lines_of_stdin_in_batches(
    service: FakeService, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"frase {number}" for number in range(70)]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(texts).encode())))
    service.answer("POST /predict/mtod", predictions(*texts[:64]), predictions(*texts[64:]))
    result = run("predict", "es", "--json")
    assert [row["text"] for row in json.loads(result.out)["predictions"]] == texts
    assert [len(request.json["utterances"]) for request in service.requests] == [64, 6]


@pytest.mark.parametrize(
    ("content", "message"), [(b"\xff\xfe", "is not UTF-8 (byte 0)"), (b"\n \n", "holds no utterance")]
)
def test_predict_exits_with_2_when_the_file_has_no_utterance(
    run: Run, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(content)
    result = run("predict", "es", "--file", str(file))
    assert result.code == 2
    assert message in result.err.replace("\n", " ")


def result(*, adapted: bool = True) -> dict[str, Any]:
    """Return the response of `POST /evaluate`."""
    return {
        "task": "mtod",
        "language": "es",
        "checkpoint_id": "es-1",
        "adapted": adapted,
        "evaluation": evaluation(0.5, 0.6).model_dump(mode="json"),
    }


def test_evaluate_sends_the_file_and_returns_the_evaluation(
    service: FakeService, run: Run, examples: Path
) -> None:
    service.answer("POST /evaluate", result())
    document = json.loads(run("evaluate", "es", str(examples), "--checkpoint", "es-1", "--json").out)
    assert document == result()["evaluation"]
    (request,) = service.requests
    assert request.has_file("examples", examples.name, examples.read_bytes())
    assert request.has_field("language", "es")
    assert request.has_field("checkpoint", "es-1")


def test_evaluate_prints_a_table_and_a_summary(service: FakeService, run: Run, examples: Path) -> None:
    service.answer("POST /evaluate", result(adapted=False))
    output = run("evaluate", "es", str(examples))
    assert "intent accuracy 50.0 %" in output.out
    assert "alarm/set_alarm" in output.out
    assert "zero-shot" in output.err


def test_evaluate_prints_every_fault_of_a_file(service: FakeService, run: Run, examples: Path) -> None:
    faults = [{"pointer": f"line {number}", "detail": "the text is empty"} for number in (1, 2)]
    problem = {"type": "urn:xmetra:problem:invalid-input", "title": "Invalid input", "status": 422}
    service.answer("POST /evaluate", Reply({**problem, "detail": "2 faults", "errors": faults}, status=422))
    output = run("evaluate", "es", str(examples))
    assert output.code == 2
    assert "line 1" in output.err
    assert "line 2" in output.err


def test_predict_of_another_task_prints_its_fields(
    service: FakeService, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.options.registered_task", lambda name: name)
    row = {
        "text": "Ana vive en Lima",
        "entities": [{"label": "place", "start": 12, "end": 16}],
        "adapted": True,
    }
    usage = {"tokens": 4, "queue_ms": 0.0, "inference_ms": 1.0}
    service.answer("POST /predict/ner", {"predictions": [row], "checkpoints": {"es": "a"}, "usage": usage})
    output = run("predict", "es", "Ana vive en Lima", "--task", "ner")
    assert service.requests[0].json["inputs"] == ["Ana vive en Lima"]
    assert "Ana vive en Lima" in output.out
    assert '"label": "place"' in output.out.replace("\n", " ")


def test_predict_of_questions_advises_ask(run: Run) -> None:
    output = run("predict", "es", "¿Cuándo?", "--task", "qa")
    assert output.code == 2
    assert "xmetra ask" in output.err
