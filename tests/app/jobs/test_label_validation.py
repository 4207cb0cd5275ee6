import pytest

from app.jobs.label_validation import MAX_SUGGESTIONS, LabelCheck
from core.contracts.examples import MtodExample, SlotSpan
from tests.app.service import Service


@pytest.fixture
def labels(service: Service) -> LabelCheck:
    return LabelCheck(service.make_checkpoint("any", languages=("en",)))


def test_known_labels_have_no_faults(labels: LabelCheck) -> None:
    known = MtodExample(
        text="hola", intent="weather/find", slots=(SlotSpan(slot="location", start=0, end=4),)
    )

    assert labels.examples([known], "/examples") == []


def test_every_place_of_an_unknown_label_is_told(labels: LabelCheck) -> None:
    unknown = MtodExample(text="hola", intent="weather/fnd")
    faults = labels.examples([unknown, unknown], "/evaluation/examples")

    assert [fault.pointer for fault in faults] == [
        "/evaluation/examples/0/intent",
        "/evaluation/examples/1/intent",
    ]
    assert "did you mean 'weather/find'" in faults[0].detail


def test_a_label_like_none_is_told_how_to_be_added(labels: LabelCheck) -> None:
    (fault,) = labels.examples([MtodExample(text="hola", intent="ZZZ")], "/examples")

    assert "extend_labels" in fault.detail
    assert "did you mean" not in fault.detail


def test_a_long_text_is_quoted_in_part(labels: LabelCheck) -> None:
    (fault,) = labels.examples([MtodExample(text="a" * 500, intent="ZZZ")], "/examples")

    assert len(fault.detail) < 200


@pytest.mark.timeout(20)
def test_thousands_of_unknown_labels_take_no_minutes(labels: LabelCheck) -> None:
    many = [MtodExample(text="hola", intent=f"{number:x<128}") for number in range(20_000)]

    faults = labels.examples(many, "/examples")

    assert len(faults) == len(many) > MAX_SUGGESTIONS
