"""Faulty examples in JSON bodies."""

import json
from typing import Any

import pytest

from tests.app.service import Service, adaptation, example, faults, few_shot, problem


def post_raw(service: Service, body: bytes, path: str = "/adapt", kind: str = "application/json") -> Any:
    return service.http.post(path, content=body, headers={"content-type": kind})


def with_example(bad: Any) -> Any:
    """Return a request whose fourth example is the faulty one."""
    return adaptation(examples=[*few_shot()[:3], bad])


def test_span_outside_the_text_is_a_fault(service: Service) -> None:
    refusal = service.refused(422, with_example(example("hola", slots=[("datetime", 0, 99)])))

    assert faults(refusal) == {
        "/examples/3/slots/0": "slots/0 (datetime 0:99) ends outside the text, which has 4 characters"
    }


def test_overlapping_slots_are_a_fault(service: Service) -> None:
    slots = [("datetime", 0, 6), ("location", 4, 9)]

    refusal = service.refused(422, with_example(example("mañana en Lugo", slots=slots)))

    assert faults(refusal) == {
        "/examples/3/slots/1": "slots/1 (location 4:9) overlaps slots/0 (datetime 0:6)"
    }


def test_empty_and_blank_spans_are_faults(service: Service) -> None:
    slots = [("datetime", 2, 2), ("location", 4, 5)]

    refusal = service.refused(422, with_example(example("hola tu", slots=slots)))

    assert set(faults(refusal)) == {"/examples/3/slots/0", "/examples/3/slots/1"}


def test_unknown_intent_has_the_nearest_known_one_suggested(service: Service) -> None:
    refusal = service.refused(422, with_example(example(intent="alarm/set_alrm")))

    assert faults(refusal) == {
        "/examples/3/intent": "the base knows no intent 'alarm/set_alrm'; "
        "did you mean 'alarm/set_alarm'? (in 'pon una alarma a las seis')"
    }


def test_unknown_slot_has_the_nearest_known_one_suggested(service: Service) -> None:
    refusal = service.refused(422, with_example(example(slots=[("datetme", 15, 25)])))

    assert "did you mean 'datetime'?" in faults(refusal)["/examples/3/slots/0/slot"]


def test_unknown_labels_of_a_stored_dataset_are_faults(service: Service) -> None:
    body = {"language": "es", "examples": [example(intent="musik/play", slots=()), example()]}
    dataset = service.http.post("/datasets", json=body).json()["dataset_id"]

    refusal = service.refused(422, adaptation(examples=None, dataset=dataset))

    assert "'musik/play'" in faults(refusal)["/dataset"]


def test_stored_dataset_of_another_language_is_a_fault(service: Service) -> None:
    body = {"language": "fr", "examples": few_shot()}
    dataset = service.http.post("/datasets", json=body).json()["dataset_id"]

    refusal = service.refused(422, adaptation(examples=None, dataset=dataset))

    assert faults(refusal) == {"/dataset": "this dataset is in 'fr', not in 'es'"}


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u2003"])
def test_empty_text_is_a_fault(service: Service, text: str) -> None:
    refusal = service.refused(422, with_example(example(text, slots=())))

    assert faults(refusal) == {"/examples/3/text": "the text is empty"}


def test_text_over_the_limit_is_a_fault(service: Service) -> None:
    refusal = service.refused(422, with_example(example("a" * 2**20, slots=())))

    assert faults(refusal) == {"/examples/3/text": "the text has 1048576 characters; the limit is 2000"}


def test_nul_is_a_fault(service: Service) -> None:
    refusal = service.refused(422, with_example(example("a\0b", slots=())))

    assert faults(refusal) == {"/examples/3/text": "character 1 is NUL (U+0000)"}


def test_lone_surrogate_in_a_text_is_a_fault(service: Service) -> None:
    body = json.dumps(with_example(example("a\ud800b", slots=()))).encode()
    assert rb"\ud800" in body

    refusal = problem(post_raw(service, body), 422)

    assert faults(refusal) == {"/examples/3/text": "character 1 is a lone surrogate (U+D800)"}


@pytest.mark.parametrize("field", ["intent", "task", "language", "base"])
def test_lone_surrogate_in_another_field_is_a_fault(service: Service, field: str) -> None:
    body = with_example({**example(), "intent": "x\udfff"}) if field == "intent" else adaptation()
    if field != "intent":
        body[field] = "x\udfff"

    problem(post_raw(service, json.dumps(body).encode()), 422)


def test_lone_surrogate_in_a_name_is_a_fault(service: Service) -> None:
    refusal = problem(post_raw(service, json.dumps({**adaptation(), "x\ud800": 1}).encode()), 422)

    assert faults(refusal) == {"": "there is a lone surrogate in it, which no encoding can hold"}


@pytest.mark.parametrize(
    "text",
    [
        "ปลุกฉัน at 6 โมงเช้า завтра",
        "اضبط منبه alarm الساعة 6",
        "मुझे 6 बजे जगाओ 👩‍👩‍👧‍👦 please",
        "明天 6 時に起こして ⏰",
        "𝔭𝔬𝔫 una alarma",
    ],
)
def test_offsets_count_code_points_of_mixed_scripts(service: Service, text: str) -> None:
    whole = example(text, slots=[("datetime", 0, len(text))])
    beyond = example(text, slots=[("datetime", 0, len(text) + 1)])

    accepted = service.http.post("/adapt", json=adaptation(examples=[*few_shot(), whole], dry_run=True))
    refusal = service.refused(422, with_example(beyond))

    assert accepted.status_code == 200, accepted.text
    assert f"which has {len(text)} characters" in faults(refusal)["/examples/3/slots/0"]


def test_unknown_language_tag_is_a_fault(service: Service) -> None:
    refusal = service.refused(422, adaptation(language="espanol"))

    assert "not a BCP-47 language tag" in faults(refusal)["/language"]


@pytest.mark.parametrize("tag", ["", "-", "e", "es-", "../es", "es\0", "x" * 10_000, 7, None, ["es"], "base"])
def test_malformed_language_tag_is_a_fault(service: Service, tag: object) -> None:
    assert "/language" in faults(service.refused(422, {**adaptation(), "language": tag}))


def test_all_faults_are_reported_with_their_places(service: Service) -> None:
    bad = [
        example("hola", slots=[("datetime", 0, 99), ("datetime", 3, 3)]),
        example("", slots=()),
        {"intent": "a"},
        7,
    ]
    body = adaptation(language="espanol", examples=bad, colour="red", evaluation={"examples": [{}]})

    refusal = service.refused(422, body)

    assert set(faults(refusal)) == {
        "/language",
        "/colour",
        "/examples/0/slots/0",
        "/examples/0/slots/1",
        "/examples/1/text",
        "/examples/2/text",
        "/examples/3",
        "/evaluation/examples/0/text",
        "/evaluation/examples/0/intent",
    }
    assert refusal["detail"] == "10 faults were found"


def test_faults_of_evaluation_examples_have_their_own_pointers(service: Service) -> None:
    evaluation = {"examples": [example(), example(), example("", slots=())]}

    refusal = service.refused(422, adaptation(evaluation=evaluation))

    assert set(faults(refusal)) == {"/evaluation/examples/2/text"}


def test_faults_over_the_maximum_are_counted_but_not_listed(service: Service) -> None:
    refusal = service.refused(422, adaptation(examples=[example("", slots=())] * 1_500))

    assert refusal["detail"] == "1500 faults were found; the first 1000 are listed"
    assert len(refusal["errors"]) == 1_000
