import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from app.schemas.limits import DEFAULTS
from tests.app.cli.running import Run
from tests.app.fake_service import FakeService

CONTEXT = "Kisima kilichimbwa mwaka 1962."


def answers(*texts: str, context: str = CONTEXT, adapted: bool = True) -> dict[str, Any]:
    """Return a response with one answer to each question."""
    return {
        "predictions": [
            {
                "id": None,
                "language": "sw",
                "answers": [
                    {"text": text, "start": context.index(text), "end": context.index(text) + len(text)}
                    | {"score": 0.625}
                ],
                "adapted": adapted,
            }
            for text in texts
        ],
        "checkpoints": {"sw": "qa-sw"},
        "usage": {"tokens": 5, "queue_ms": 1.0, "inference_ms": 20.0},
    }


@pytest.fixture
def article(tmp_path: Path) -> str:
    file = tmp_path / "article.txt"
    file.write_text(CONTEXT, encoding="utf-8")
    return str(file)


def test_ask_shows_the_answer_in_its_context(service: FakeService, run: Run, article: str) -> None:
    service.answer("POST /predict/qa", answers("1962"))
    result = run("ask", "sw", "Lini?", "--context", article)
    assert result.code == 0
    assert all(part in result.out for part in ("Lini?", "62.5 %", "1962", "kilichimbwa mwaka 1962."))
    assert "zero-shot" not in result.out
    assert service.requests[0].json == {
        "questions": [{"question": "Lini?", "context": CONTEXT}],
        "language": "sw",
        "top_k": 1,
    }


def test_ask_marks_a_zero_shot_answer(service: FakeService, run: Run, article: str) -> None:
    service.answer("POST /predict/qa", answers("1962", adapted=False))
    assert "(zero-shot)" in run("ask", "sw", "Lini?", "--context", article).out


def test_ask_shows_none_when_there_is_no_answer(service: FakeService, run: Run, article: str) -> None:
    response = answers("1962")
    response["predictions"][0]["answers"] = []
    service.answer("POST /predict/qa", response)
    assert "none" in run("ask", "sw", "Lini?", "--context", article).out


def test_ask_reads_the_context_from_stdin(
    service: FakeService, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CONTEXT.encode())))
    service.answer("POST /predict/qa", answers("1962", "Kisima"))
    result = run("ask", "sw", "Lini?", "Nini?", "--json")
    assert [row["answers"][0]["text"] for row in json.loads(result.out)["predictions"]] == ["1962", "Kisima"]
    assert [row["question"] for row in service.requests[0].json["questions"]] == ["Lini?", "Nini?"]


@pytest.mark.parametrize(
    ("content", "message"), [(b"\xff\xfe", "is not UTF-8 (byte 0)"), (b"\n \n", "holds no text")]
)
def test_ask_exits_with_2_when_the_context_has_no_text(
    run: Run, tmp_path: Path, content: bytes, message: str
) -> None:
    file = tmp_path / "article.txt"
    file.write_bytes(content)
    result = run("ask", "sw", "Lini?", "--context", str(file))
    assert result.code == 2
    assert message in result.err


def test_ask_prints_no_control_characters(service: FakeService, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "article.txt"
    file.write_text("a \x1b[31mred\x07 b", encoding="utf-8")
    service.answer("POST /predict/qa", answers("red", context="a \x1b[31mred\x07 b"))
    assert "\x1b" not in run("ask", "sw", "a \x1b[1m?", "--context", str(file)).out


def test_ask_splits_long_contexts_into_several_requests(
    service: FakeService, run: Run, tmp_path: Path
) -> None:
    text = CONTEXT + " neno" * (DEFAULTS.max_context_characters // 12)
    file = tmp_path / "article.txt"
    file.write_text(text, encoding="utf-8")
    service.answer("POST /predict/qa", answers("1962", "Kisima"), answers("mwaka"))
    result = run("ask", "sw", "a?", "b?", "c?", "--context", str(file), "--json")
    assert [len(request.json["questions"]) for request in service.requests] == [2, 1]
    assert len(json.loads(result.out)["predictions"]) == 3
