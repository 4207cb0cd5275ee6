"""A faulty example has the same faults in a JSON body and in a file of any format."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.app.service import Json, Service, adaptation, example, problem, qa_adaptation, question

LONG = "a" * 2_001

MTOD_CASES: dict[str, tuple[Json, str]] = {
    "span outside the text": (example("hola", slots=[("when", 0, 99)]), "jsonl mtod-tsv conll"),
    "two spans outside the text": (
        example("hola", slots=[("when", 0, 99), ("where", 2, 77)]),
        "jsonl mtod-tsv conll",
    ),
    "empty span": (example("hola tu", slots=[("when", 2, 2)]), "jsonl mtod-tsv conll"),
    "span over white space": (example("hola tu", slots=[("when", 4, 5)]), "jsonl mtod-tsv conll"),
    "overlapping spans": (
        example("mañana en Lugo", slots=[("when", 0, 6), ("where", 4, 9)]),
        "jsonl mtod-tsv conll",
    ),
    "three faults of spans": (
        example("mañana en Lugo", slots=[("a", 0, 6), ("b", 4, 9), ("c", 3, 3), ("d", 10, 40)]),
        "jsonl mtod-tsv conll",
    ),
    "blank text": (example(" ", slots=()), "jsonl mtod-tsv"),
    "long text": (example(LONG, slots=()), "jsonl mtod-tsv conll"),
    "NUL in the text": (example("a\0b", slots=()), "jsonl mtod-tsv conll"),
    "NUL in the intent": (example(intent="a\0b", slots=()), "jsonl mtod-tsv conll"),
    "lone surrogate in the text": (example("a\ud800b", slots=()), "jsonl"),
    "lone surrogate in the intent": (example(intent="a\udfff", slots=()), "jsonl"),
    "lone surrogate in a name": ({**example(), "x\ud800": 1}, "jsonl"),
    "intent with white space": (example(intent="set alarm", slots=()), "jsonl mtod-tsv conll"),
    "empty intent": (example(intent="", slots=()), "jsonl mtod-tsv"),
    "long intent": (example(intent="a" * 129, slots=()), "jsonl mtod-tsv conll"),
    "empty slot label": (example(slots=[("", 15, 25)]), "jsonl"),
    "long slot label": (example(slots=[("a" * 129, 15, 25)]), "jsonl mtod-tsv conll"),
    "negative offset": (example(slots=[("when", -1, 3)]), "jsonl"),
    "offset before the text": (example(slots=[("when", -3, -1)]), "jsonl mtod-tsv conll"),
    "no tokens": ({**example(), "tokens": []}, "jsonl"),
    "token outside the text": ({**example(), "tokens": ["pon", "dos"]}, "jsonl"),
    "tokens and spans": (
        {**example("hola tu", slots=[("when", 2, 2), ("where", 5, 9)]), "tokens": ["hola", "x"]},
        "jsonl",
    ),
    "unknown field": ({**example(), "colour": "red"}, "jsonl"),
    "unknown field of a slot": (
        {**example(), "slots": [{"slot": "a", "start": 0, "end": 3, "value": "pon"}]},
        "jsonl",
    ),
    "text of a wrong type": ({**example(), "text": 5}, "jsonl"),
    "slots of a wrong type": ({**example(), "slots": {"slot": "a"}}, "jsonl"),
    "slot of a wrong type": ({**example(), "slots": ["when"]}, "jsonl"),
    "offset of a wrong type": ({**example(), "slots": [{"slot": "a", "start": "x", "end": None}]}, "jsonl"),
    "fraction for an offset": ({**example(), "slots": [{"slot": "a", "start": 0.5, "end": 3}]}, "jsonl"),
    "missing fields": ({"slots": [{"slot": "a"}]}, "jsonl"),
    "no object": (17, "jsonl"),
    "list for an object": (["hola"], ""),
}

QA_CASES: dict[str, tuple[Json, str]] = {
    "answer not at its offset": (question(answers=[("1987", 3)]), "jsonl squad"),
    "two answers not at their offsets": (question(answers=[("1987", 3), ("plaza", 0)]), "jsonl squad"),
    "wrong answer behind a right one": (question(answers=[("1987", 34), ("plaza", 0)]), "jsonl squad"),
    "answer outside the context": (question(answers=[("1987", 900)]), "jsonl squad"),
    "answer that is nowhere": (question(answers=[("2001", 34)]), "jsonl squad"),
    "blank answer": (question(answers=[(" ", 2)]), "jsonl squad"),
    "offset in UTF-16 units": (question(context="👩🏾 En 1987.", answers=[("1987", 8)]), "jsonl squad"),
    "offset in UTF-8 bytes": (question(context="añejo 1987", answers=[("1987", 7)]), "jsonl squad"),
    "empty answer": (question(answers=[("", 3), ("1987", -1)]), "jsonl squad"),
    "no answers": (question(answers=()), "jsonl squad"),
    "too many answers": (question(answers=[("1987", 34)] * 101), "jsonl squad"),
    "blank question": (question(" "), "jsonl squad"),
    "long question": (question(LONG), "jsonl squad"),
    "empty context": (question(context=""), "jsonl squad"),
    "NUL in the context": (question(context="La\0 1987", answers=[("1987", 4)]), "jsonl squad"),
    "lone surrogate in the context": (question(context="La\ud800", answers=[("La", 0)]), "jsonl squad"),
    "lone surrogate in the question": (question("a\udfff"), "jsonl squad"),
    "lone surrogate in an answer": (question(answers=[("a\udfff", 3)]), "jsonl squad"),
    "long id": ({**question(), "id": "a" * 129}, "jsonl squad"),
    "line break in an id": ({**question(), "id": "a\nb"}, "jsonl squad"),
    "id of a wrong type": ({**question(), "id": 17}, "jsonl squad"),
    "answers of a wrong type": ({**question(), "answers": {"text": ["1987"]}}, "jsonl squad"),
    "answers of no type": ({**question(), "answers": None}, "jsonl squad"),
    "answer of a wrong type": ({**question(), "answers": ["1987", 7]}, "jsonl squad"),
    "offset of a wrong type": (
        {**question(), "answers": [{"text": "1987", "answer_start": "x"}]},
        "jsonl squad",
    ),
    "offset missing": ({**question(), "answers": [{"text": "1987"}]}, "jsonl squad"),
    "fields missing": ({"answers": []}, "jsonl squad"),
    "question of a wrong type": ({**question(), "question": None}, "jsonl squad"),
    "unknown field": ({**question(), "title": "La panadería"}, "jsonl"),
    "no object": ("hola", "jsonl"),
}


def jsonl(bad: Json) -> bytes:
    return json.dumps(bad).encode()


def tsv(bad: Json) -> bytes:
    return "\t".join((bad["intent"], span_list(bad), bad["text"])).encode()


def conll(bad: Json) -> bytes:
    headers = (f"# text: {bad['text']}", f"# intent: {bad['intent']}", f"# slots: {span_list(bad)}")
    return "\n".join([*headers, *(f"{token}\tO" for token in bad["text"].split())]).encode()


def span_list(bad: Json) -> str:
    return ",".join(f"{span['start']}:{span['end']}:{span['slot']}" for span in bad["slots"])


def squad(bad: Json) -> bytes:
    fields = {"id": "q", **bad}
    paragraph = (
        {"context": fields.pop("context"), "qas": [fields]} if "context" in fields else {"qas": [fields]}
    )
    return json.dumps({"data": [{"title": "A", "paragraphs": [paragraph]}]}).encode()


WRITERS = {"jsonl": jsonl, "mtod-tsv": tsv, "conll": conll, "squad": squad}

Faults = list[tuple[str, str]]


def faults_in_order(answer: Json) -> Faults:
    return [(fault["pointer"], fault["detail"]) for fault in answer["errors"]]


def json_faults(service: Service, bad: Json, task: str) -> Faults:
    """Return the faults of a JSON body, with pointers from the example."""
    body = (adaptation if task == "mtod" else qa_adaptation)(examples=[bad])
    response = service.http.post(
        "/adapt", content=json.dumps(body).encode(), headers={"content-type": "application/json"}
    )
    faults = faults_in_order(problem(response, 422))
    assert all(pointer.startswith("/examples/0") for pointer, _ in faults)
    return [(pointer.removeprefix("/examples/0"), detail) for pointer, detail in faults]


def file_faults(service: Service, bad: Json, task: str, file_format: str) -> Faults:
    response = service.http.post(
        "/adapt",
        data={"task": task, "language": "es", "format": file_format},
        files={"examples": ("examples", WRITERS[file_format](bad))},
    )
    return faults_in_order(problem(response, 422))


def in_a_file(faults: Faults, bad: Any, file_format: str) -> Faults:
    """Return the faults of a JSON body as a file of one example has them."""
    return [in_a_line(*fault) if file_format != "squad" else in_squad(*fault, bad) for fault in faults]


def in_a_line(pointer: str, detail: str) -> tuple[str, str]:
    return "line 1", sentence(pointer, detail)


def in_squad(pointer: str, detail: str, bad: Any) -> tuple[str, str]:
    paragraph, name = "/data/0/paragraphs/0", "article 'A', paragraph 1"
    if pointer != "/context":
        known = isinstance(bad.get("id", "q"), str)
        shown_id = bad.get("id", "q")[:60] if known else "1"
        paragraph, name = f"{paragraph}/qas/0", f"{name}, question {shown_id}"
    return f"{paragraph}{pointer}", f"{name}: {sentence(pointer, detail)}"


def sentence(pointer: str, detail: str) -> str:
    """Return a detail as files have it: it begins with its field, by itself or with a colon."""
    field = pointer.removeprefix("/")
    return detail if not field or detail.startswith(f"{field} ") else f"{field}: {detail}"


def cases(every: dict[str, tuple[Json, str]]) -> list[Any]:
    return [
        pytest.param(bad, file_format, id=f"{name}, {file_format}")
        for name, (bad, formats) in every.items()
        for file_format in formats.split()
    ]


@pytest.mark.parametrize(("bad", "file_format"), cases(MTOD_CASES))
def test_utterance_has_the_same_faults_in_json_and_in_a_file(
    fresh: Service, bad: Json, file_format: str
) -> None:
    faults = json_faults(fresh, bad, "mtod")

    assert file_faults(fresh, bad, "mtod", file_format) == in_a_file(faults, bad, file_format)


@pytest.mark.parametrize(("bad", "file_format"), cases(QA_CASES))
def test_question_has_the_same_faults_in_json_and_in_a_file(
    fresh: Service, bad: Json, file_format: str
) -> None:
    faults = json_faults(fresh, bad, "qa")

    assert file_faults(fresh, bad, "qa", file_format) == in_a_file(faults, bad, file_format)


@pytest.mark.parametrize(
    ("bad", "task", "pointers"),
    [
        (question(answers=[("1987", 3), ("plaza", 0)]), "qa", ["/answers/0", "/answers/1"]),
        (example("hola", slots=[("a", 0, 99), ("b", 2, 77)]), "mtod", ["/slots/0", "/slots/1", "/slots/1"]),
        ({**example("hola"), "slots": (), "tokens": ["hola", "x"]}, "mtod", ["/tokens/1"]),
        (question(answers=[("1987", 34)] * 101), "qa", ["/answers"]),
    ],
)
def test_every_fault_of_an_example_has_its_own_pointer(
    fresh: Service, bad: Json, task: str, pointers: Sequence[str]
) -> None:
    assert [pointer for pointer, _ in json_faults(fresh, bad, task)] == pointers


def test_repeated_name_has_the_same_fault_in_json_and_in_a_file(fresh: Service) -> None:
    line = '{"text": "hola", "intent": "a", "intent": "b"}'
    body = f'{{"language": "es", "examples": [{line}]}}'
    in_json = fresh.http.post("/adapt", content=body.encode(), headers={"content-type": "application/json"})
    in_file = fresh.http.post(
        "/adapt", data={"language": "es"}, files={"examples": ("es.jsonl", line.encode())}
    )

    [(pointer, detail)] = faults_in_order(problem(in_json, 422))
    assert pointer == "/examples/0"
    assert faults_in_order(problem(in_file, 422)) == [("line 1", detail)]
