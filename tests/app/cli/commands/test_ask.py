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
    """Return what the service answers: one text each."""
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


def test_ask_shows_the_answer_where_it_stands(service: FakeService, run: Run, article: str) -> None:
    service.answer("POST /predict/qa", answers("1962"))
    result = run("ask", "sw", "Lini?", "--context", article)
    assert result.code == 0
    assert all(part in result.out for part in ("Lini?", "62.5 %", "1962", "kilichimbwa mwaka 1962."))
    assert "zero-shot" not in result.out
    assert service.asked[0].json == {
        "questions": [{"question": "Lini?", "context": CONTEXT}],
        "language": "sw",
        "top_k": 1,
    }


def test_ask_says_when_nobody_adapted_the_language(service: FakeService, run: Run, article: str) -> None:
    service.answer("POST /predict/qa", answers("1962", adapted=False))
    assert "(zero-shot)" in run("ask", "sw", "Lini?", "--context", article).out


def test_ask_says_when_there_is_no_answer(service: FakeService, run: Run, article: str) -> None:
    told = answers("1962")
    told["predictions"][0]["answers"] = []
    service.answer("POST /predict/qa", told)
    assert "none" in run("ask", "sw", "Lini?", "--context", article).out


def test_ask_reads_the_context_from_stdin(
    service: FakeService, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CONTEXT.encode())))
    service.answer("POST /predict/qa", answers("1962", "Kisima"))
    result = run("ask", "sw", "Lini?", "Nini?", "--json")
    assert [one["answers"][0]["text"] for one in json.loads(result.out)["predictions"]] == ["1962", "Kisima"]
    assert [one["question"] for one in service.asked[0].json["questions"]] == ["Lini?", "Nini?"]


@pytest.mark.parametrize(
    ("content", "message"), [(b"\xff\xfe", "is not UTF-8 (byte 0)"), (b"\n \n", "holds no text")]
)
def test_a_context_that_is_none_ends_with_2(run: Run, tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "article.txt"
    file.write_bytes(content)
    result = run("ask", "sw", "Lini?", "--context", str(file))
    assert result.code == 2
    assert message in result.err


def test_an_answer_cannot_command_the_terminal(service: FakeService, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "article.txt"
    file.write_text("a \x1b[31mred\x07 b", encoding="utf-8")
    service.answer("POST /predict/qa", answers("red", context="a \x1b[31mred\x07 b"))
    assert "\x1b" not in run("ask", "sw", "a \x1b[1m?", "--context", str(file)).out


def test_evaluate_measures_answers(service: FakeService, run: Run, tmp_path: Path) -> None:
    gold = {"question": "Lini?", "context": CONTEXT, "answers": [{"text": "1962", "answer_start": 25}]}
    file = tmp_path / "held.jsonl"
    file.write_text(f"{json.dumps(gold)}\n" * 2, encoding="utf-8")
    service.answer("POST /predict/qa", answers("1962", "mwaka 1962"))
    result = run("evaluate", "sw", str(file), "--task", "qa", "--json")
    measured = json.loads(result.out)
    assert (measured["examples"], measured["exact_match"]) == (2, 0.5)
    assert measured["f1"] == pytest.approx((1 + 2 / 3) / 2)


def test_long_contexts_are_asked_of_in_several_requests(
    service: FakeService, run: Run, tmp_path: Path
) -> None:
    long = CONTEXT + " neno" * (DEFAULTS.max_context_characters // 12)
    file = tmp_path / "article.txt"
    file.write_text(long, encoding="utf-8")
    service.answer("POST /predict/qa", answers("1962", "Kisima"), answers("mwaka"))
    result = run("ask", "sw", "a?", "b?", "c?", "--context", str(file), "--json")
    assert [len(asked.json["questions"]) for asked in service.asked] == [2, 1]
    assert len(json.loads(result.out)["predictions"]) == 3
