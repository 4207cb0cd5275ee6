import pytest

from samples.patterns import Choice, Labelled, Literal, PatternError, Reference, parse, walk


def test_parse_plain_text_as_literal() -> None:
    assert parse("good morning") == Choice(((Literal("good morning"),),))


def test_parse_strips_spaces_around_alternatives() -> None:
    assert parse("a | b b |c") == Choice(((Literal("a"),), (Literal("b b"),), (Literal("c"),)))


def test_parse_option_as_choice_with_empty_alternative() -> None:
    assert parse("go [now]").alternatives[0] == (Literal("go "), Choice(((Literal("now"),), ())))


def test_parse_accepts_an_empty_alternative() -> None:
    assert parse("(set|)").alternatives[0] == (Choice(((Literal("set"),), ())),)


def test_parse_slot_with_alternatives_and_rules() -> None:
    (slot,) = parse("{datetime: at <clock> | today}").alternatives[0]
    assert isinstance(slot, Labelled)
    assert slot.slot == "datetime"
    assert slot.body == Choice(((Literal("at "), Reference("clock")), (Literal("today"),)))


def test_parse_slot_name_with_slash_and_body_with_colon() -> None:
    (slot,) = parse("{reminder/todo: call: now}").alternatives[0]
    assert slot == Labelled("reminder/todo", Choice(((Literal("call: now"),),)))


def test_walk_yields_all_descendants() -> None:
    names = {node.name for node in walk(parse("<a> [<b> | {s: (x|<c>)}]")) if isinstance(node, Reference)}
    assert names == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_parse_reports_faults_with_position(text: str, message: str) -> None:
    with pytest.raises(PatternError, match=message):
        parse(text)
