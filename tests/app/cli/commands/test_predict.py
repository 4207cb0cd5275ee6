import io
import json
import sys
from pathlib import Path

import pytest

from tests.app.cli.running import Run
from tests.app.fake_service import FakeService, predictions


def test_predict_marks_the_slots_in_the_text(service: FakeService, run: Run) -> None:
    service.answer("POST /predict/mtod", predictions("pon una alarma mañana"))
    result = run("predict", "es", "pon una alarma mañana")
    assert result.code == 0
    assert "pon una alarma [mañana · datetime]" in result.out
    assert "98.7 %" in result.out
    assert "zero-shot" not in result.out


def test_predict_says_when_nobody_adapted_the_language(service: FakeService, run: Run) -> None:
    service.answer("POST /predict/mtod", predictions("hola", adapted=False))
    assert "(zero-shot)" in run("predict", "th", "hola").out


def test_an_utterance_cannot_command_the_terminal(service: FakeService, run: Run) -> None:
    service.answer("POST /predict/mtod", predictions("a \x1b[31mred\x07"))
    assert "\x1b" not in run("predict", "es", "a \x1b[31mred\x07").out


def test_predict_reads_lines_of_a_file(service: FakeService, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes("\ufeffuno\r\n\r\ndos\n".encode())
    service.answer("POST /predict/mtod", predictions("uno", "dos"))
    result = run("predict", "es", "--file", str(file), "--json")
    assert service.asked[0].json["utterances"] == ["uno", "dos"]
    assert [one["text"] for one in json.loads(result.out)["predictions"]] == ["uno", "dos"]


def test_predict_reads_lines_of_stdin_in_batches(
    service: FakeService, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"frase {number}" for number in range(70)]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(texts).encode())))
    service.answer("POST /predict/mtod", predictions(*texts[:64]), predictions(*texts[64:]))
    result = run("predict", "es", "--json")
    assert [one["text"] for one in json.loads(result.out)["predictions"]] == texts
    assert [len(asked.json["utterances"]) for asked in service.asked] == [64, 6]


@pytest.mark.parametrize(
    ("content", "message"), [(b"\xff\xfe", "is not UTF-8 (byte 0)"), (b"\n \n", "holds no utterance")]
)
def test_a_file_without_utterances_ends_with_2(
    run: Run, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(content)
    result = run("predict", "es", "--file", str(file))
    assert result.code == 2
    assert message in result.err.replace("\n", " ")


def test_evaluate_measures_what_the_service_answers(service: FakeService, run: Run, examples: Path) -> None:
    service.answer("POST /predict/mtod", predictions("pon una alarma mañana", "va a llover"))
    result = run("evaluate", "es", str(examples), "--json")
    measured = json.loads(result.out)
    assert measured["intent_accuracy"] == 0.5
    assert measured["slots"]["datetime"]["precision"] == 0.5
    assert measured["exact_match"] == 0.5


def test_evaluate_prints_a_table_and_a_summary(service: FakeService, run: Run, examples: Path) -> None:
    service.answer("POST /predict/mtod", predictions("pon una alarma mañana", "va a llover", adapted=False))
    result = run("evaluate", "es", str(examples))
    assert "2 examples: intent accuracy 50.0 %" in result.out
    assert "weather/find" in result.out
    assert "zero-shot" in result.err


def test_evaluate_tells_every_fault_of_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"text": "", "intent": "a"}\n{"text": "b"}\n')
    result = run("evaluate", "es", str(file))
    assert result.code == 2
    assert "line 1" in result.err
    assert "line 2" in result.err
