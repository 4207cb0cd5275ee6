import pytest

from app.jobs.label_validation import MAX_SUGGESTIONS, LabelCheck
from core.contracts.examples import MtodExample, SlotSpan
from tests.app.service import Service


@pytest.fixture
def labels(service: Service) -> LabelCheck:
    return LabelCheck(service.make_checkpoint("any", languages=("en",)))


def test_label_check_accepts_known_labels(labels: LabelCheck) -> None:
    known = MtodExample(
        text="hola", intent="weather/find", slots=(SlotSpan(slot="location", start=0, end=4),)
    )

    assert labels.examples([known], "/examples") == []


def test_label_check_reports_every_place_of_an_unknown_label(labels: LabelCheck) -> None:
    unknown = MtodExample(text="hola", intent="weather/fnd")
    faults = labels.examples([unknown, unknown], "/evaluation/examples")

    assert [fault.pointer for fault in faults] == [
        "/evaluation/examples/0/intent",
        "/evaluation/examples/1/intent",
    ]
    assert "did you mean 'weather/find'" in faults[0].detail


def test_label_check_suggests_extend_labels_when_no_label_is_similar(labels: LabelCheck) -> None:
    (fault,) = labels.examples([MtodExample(text="hola", intent="ZZZ")], "/examples")

    assert "extend_labels" in fault.detail
    assert "did you mean" not in fault.detail


def test_label_check_quotes_the_beginning_of_a_long_text(labels: LabelCheck) -> None:
    (fault,) = labels.examples([MtodExample(text="a" * 500, intent="ZZZ")], "/examples")

    assert len(fault.detail) < 200


@pytest.mark.timeout(20)
def test_label_check_limits_the_searches_for_similar_labels(labels: LabelCheck) -> None:
    many = [MtodExample(text="hola", intent=f"{number:x<128}") for number in range(20_000)]

    faults = labels.examples(many, "/examples")

    assert len(faults) == len(many) > MAX_SUGGESTIONS
