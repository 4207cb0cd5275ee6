"""Examples that cannot be learnt from."""

import json
from typing import Any

import pytest

from tests.app.service import Service, adaptation, example, faults, few_shot, problem


def post_raw(service: Service, body: bytes, path: str = "/adapt", kind: str = "application/json") -> Any:
    return service.http.post(path, content=body, headers={"content-type": kind})


def with_example(bad: Any) -> Any:
    """A request whose fourth example is the bad one."""
    return adaptation(examples=[*few_shot()[:3], bad])


def test_a_span_outside_the_text(service: Service) -> None:
    told = service.refused(422, with_example(example("hola", slots=[("datetime", 0, 99)])))

    assert faults(told) == {
        "/examples/3/slots/0": "slots/0 (datetime 0:99) ends outside the text, which has 4 characters"
    }


def test_overlapping_slots(service: Service) -> None:
    slots = [("datetime", 0, 6), ("location", 4, 9)]

    told = service.refused(422, with_example(example("mañana en Lugo", slots=slots)))

    assert faults(told) == {"/examples/3/slots/1": "slots/1 (location 4:9) overlaps slots/0 (datetime 0:6)"}


def test_an_empty_span_and_one_over_white_space(service: Service) -> None:
    slots = [("datetime", 2, 2), ("location", 4, 5)]

    told = service.refused(422, with_example(example("hola tu", slots=slots)))

    assert set(faults(told)) == {"/examples/3/slots/0", "/examples/3/slots/1"}


def test_an_unknown_intent_gets_the_nearest_one_suggested(service: Service) -> None:
    told = service.refused(422, with_example(example(intent="alarm/set_alrm")))

    assert faults(told) == {
        "/examples/3/intent": "the base knows no intent 'alarm/set_alrm'; "
        "did you mean 'alarm/set_alarm'? (in 'pon una alarma a las seis')"
    }


def test_an_unknown_slot_gets_the_nearest_one_suggested(service: Service) -> None:
    told = service.refused(422, with_example(example(slots=[("datetme", 15, 25)])))

    assert "did you mean 'datetime'?" in faults(told)["/examples/3/slots/0/slot"]


def test_unknown_labels_of_a_stored_dataset(service: Service) -> None:
    body = {"language": "es", "examples": [example(intent="musik/play", slots=()), example()]}
    dataset = service.http.post("/datasets", json=body).json()["dataset_id"]

    told = service.refused(422, adaptation(examples=None, dataset=dataset))

    assert "'musik/play'" in faults(told)["/dataset"]


def test_a_stored_dataset_of_another_language(service: Service) -> None:
    body = {"language": "fr", "examples": few_shot()}
    dataset = service.http.post("/datasets", json=body).json()["dataset_id"]

    told = service.refused(422, adaptation(examples=None, dataset=dataset))

    assert faults(told) == {"/dataset": "this dataset is in 'fr', not in 'es'"}


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u2003"])
def test_an_empty_text(service: Service, text: str) -> None:
    told = service.refused(422, with_example(example(text, slots=())))

    assert faults(told) == {"/examples/3/text": "the text is empty"}


def test_a_text_of_a_megabyte(service: Service) -> None:
    told = service.refused(422, with_example(example("a" * 2**20, slots=())))

    assert faults(told) == {"/examples/3/text": "the text has 1048576 characters; the limit is 2000"}


def test_nul(service: Service) -> None:
    told = service.refused(422, with_example(example("a\0b", slots=())))

    assert faults(told) == {"/examples/3/text": "character 1 is NUL (U+0000)"}


def test_a_lone_surrogate(service: Service) -> None:
    body = json.dumps(with_example(example("a\ud800b", slots=()))).encode()
    assert rb"\ud800" in body

    told = problem(post_raw(service, body), 422)

    assert faults(told) == {"/examples/3/text": "character 1 is a lone surrogate (U+D800)"}


@pytest.mark.parametrize("field", ["intent", "task", "language", "base"])
def test_a_lone_surrogate_anywhere_else(service: Service, field: str) -> None:
    body = with_example({**example(), "intent": "x\udfff"}) if field == "intent" else adaptation()
    if field != "intent":
        body[field] = "x\udfff"

    problem(post_raw(service, json.dumps(body).encode()), 422)


def test_a_lone_surrogate_for_a_name(service: Service) -> None:
    told = problem(post_raw(service, json.dumps({**adaptation(), "x\ud800": 1}).encode()), 422)

    assert faults(told) == {"": "there is a lone surrogate in it, which no encoding can hold"}


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
def test_mixed_scripts_are_welcome_and_offsets_count_code_points(service: Service, text: str) -> None:
    whole = example(text, slots=[("datetime", 0, len(text))])
    beyond = example(text, slots=[("datetime", 0, len(text) + 1)])

    accepted = service.http.post("/adapt", json=adaptation(examples=[*few_shot(), whole], dry_run=True))
    told = service.refused(422, with_example(beyond))

    assert accepted.status_code == 200, accepted.text
    assert f"which has {len(text)} characters" in faults(told)["/examples/3/slots/0"]


def test_an_unknown_language_tag(service: Service) -> None:
    told = service.refused(422, adaptation(language="espanol"))

    assert "not a BCP-47 language tag" in faults(told)["/language"]


@pytest.mark.parametrize("tag", ["", "-", "e", "es-", "../es", "es\0", "x" * 10_000, 7, None, ["es"], "base"])
def test_what_is_no_language_tag_at_all(service: Service, tag: object) -> None:
    assert "/language" in faults(service.refused(422, {**adaptation(), "language": tag}))


def test_all_faults_are_told_at_once_each_with_its_place(service: Service) -> None:
    bad = [
        example("hola", slots=[("datetime", 0, 99), ("datetime", 3, 3)]),
        example("", slots=()),
        {"intent": "a"},
        7,
    ]
    body = adaptation(language="espanol", examples=bad, colour="red", evaluation={"examples": [{}]})

    told = service.refused(422, body)

    assert set(faults(told)) == {
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
    assert told["detail"] == "10 faults were found"


def test_faults_of_evaluation_examples_are_placed_there(service: Service) -> None:
    held = {"examples": [example(), example(), example("", slots=())]}

    told = service.refused(422, adaptation(evaluation=held))

    assert set(faults(told)) == {"/evaluation/examples/2/text"}


def test_more_faults_than_anybody_reads_are_counted(service: Service) -> None:
    told = service.refused(422, adaptation(examples=[example("", slots=())] * 1_500))

    assert told["detail"] == "1500 faults were found; the first 1000 are listed"
    assert len(told["errors"]) == 1_000
