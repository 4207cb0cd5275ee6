import pytest

from core.formats.offsets import with_unit

CONTEXT = "👩🏾 Nyumba ya Nyerere iko Butiama."


def told(text: str, answer_start: int) -> str:
    fields = {"context": CONTEXT, "answers": [{"text": text, "answer_start": answer_start}]}
    return with_unit("answers/0 is not there", fields)


@pytest.mark.parametrize(
    ("encoding", "width", "unit"), [("utf-16-le", 2, "UTF-16 units"), ("utf-8", 1, "UTF-8 bytes")]
)
def test_the_unit_in_which_an_offset_is_right_is_told(encoding: str, width: int, unit: str) -> None:
    start = len(CONTEXT[: CONTEXT.index("Butiama")].encode(encoding)) // width

    assert told("Butiama", start) == (
        f"answers/0 is not there; offsets count Unicode code points; this one counts {unit}"
    )


@pytest.mark.parametrize("answer_start", [0, 1, 4, 29, 10**12])
def test_an_offset_that_no_unit_explains_is_told_without_one(answer_start: int) -> None:
    assert told("Butiama", answer_start) == "answers/0 is not there"


def test_half_a_character_is_no_place() -> None:
    assert told("🏾", 1) == "answers/0 is not there"


def test_an_answer_that_is_there_but_wrong_in_itself_is_left_alone() -> None:
    assert told(" ", 2) == "answers/0 is not there"


@pytest.mark.parametrize(
    "fault", ["slots/0 overlaps slots/1", "answers/7 is not there", "the answers/0 are odd"]
)
def test_other_faults_are_left_alone(fault: str) -> None:
    assert with_unit(fault, {"context": "a", "answers": []}) == fault
