import pytest

from core.contracts.offset_units import unit_of_offset

CONTEXT = "👩🏾 Nyumba ya Nyerere iko Butiama."


@pytest.mark.parametrize(
    ("encoding", "width", "unit"), [("utf-16-le", 2, "UTF-16 units"), ("utf-8", 1, "UTF-8 bytes")]
)
def test_unit_of_offset_recognises_other_units(encoding: str, width: int, unit: str) -> None:
    start = len(CONTEXT[: CONTEXT.index("Butiama")].encode(encoding)) // width

    assert unit_of_offset("Butiama", start, CONTEXT) == unit


@pytest.mark.parametrize("offset", [0, 1, 4, 29, 10**12])
def test_unit_of_offset_is_none_when_no_unit_explains_it(offset: int) -> None:
    assert unit_of_offset("Butiama", offset, CONTEXT) is None


def test_unit_of_offset_never_matches_half_a_character() -> None:
    assert unit_of_offset("🏾", 1, CONTEXT) is None


def test_unit_of_offset_is_none_when_the_offset_is_right() -> None:
    assert unit_of_offset(" ", 2, CONTEXT) is None
