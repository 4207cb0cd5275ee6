import pytest

from samples.patterns import Choice, Labelled, Literal, PatternError, Reference, parse, walk


def test_plain_text_is_one_literal() -> None:
    assert parse("good morning") == Choice(((Literal("good morning"),),))


def test_alternatives_lose_the_spaces_around_them() -> None:
    assert parse("a | b b |c") == Choice(((Literal("a"),), (Literal("b b"),), (Literal("c"),)))


def test_an_option_is_a_choice_that_may_be_empty() -> None:
    assert parse("go [now]").alternatives[0] == (Literal("go "), Choice(((Literal("now"),), ())))


def test_an_alternative_may_be_empty() -> None:
    assert parse("(set|)").alternatives[0] == (Choice(((Literal("set"),), ())),)


def test_a_slot_holds_alternatives_and_rules() -> None:
    (slot,) = parse("{datetime: at <clock> | today}").alternatives[0]
    assert isinstance(slot, Labelled)
    assert slot.slot == "datetime"
    assert slot.body == Choice(((Literal("at "), Reference("clock")), (Literal("today"),)))


def test_a_slot_name_may_hold_a_slash_and_its_body_a_colon() -> None:
    (slot,) = parse("{reminder/todo: call: now}").alternatives[0]
    assert slot == Labelled("reminder/todo", Choice(((Literal("call: now"),),)))


def test_walking_finds_everything_below() -> None:
    names = {node.name for node in walk(parse("<a> [<b> | {s: (x|<c>)}]")) if isinstance(node, Reference)}
    assert names == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(a|b", r"'\)' is missing at character 4"),
        ("a)", r"'\)' at character 1 closes nothing"),
        ("[a}", r"'\]' is missing at character 2"),
        ("<>", "a name ending in '>' is missing"),
        ("<a", "a name ending in '>' is missing"),
        ("{datetime}", "a name ending in ':' is missing"),
        ("{: now}", "a name ending in ':' is missing"),
        ("{a (b: c}", "a name ending in ':' is missing"),
    ],
)
def test_a_faulty_pattern_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(PatternError, match=told):
        parse(text)
