from pathlib import Path

import pytest

from samples.grammar import GrammarError, read_grammar


def write(folder: Path, text: str, name: str = "one.grammar") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_read_grammar_merges_the_files_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "# days\n= day\nMonday | Tuesday\n+\nSunday\n", "a.grammar")
    write(tmp_path, "@ alarm/set_alarm\nwake me {datetime: on <day>}\nalarm\n", "b.grammar")
    grammar = read_grammar(tmp_path)
    assert (len(grammar.rules["day"].regular), len(grammar.rules["day"].held_out)) == (1, 1)
    assert len(grammar.intents["alarm/set_alarm"].regular) == 2


def test_slots_of_follows_rules(tmp_path: Path) -> None:
    write(tmp_path, "= when\n{datetime: now}\n+\n{location: here}\n@ i\n[<when>] {negation: not}\n")
    grammar = read_grammar(tmp_path)
    (frame,) = grammar.intents["i"]
    assert grammar.slots_of(frame) == {"datetime", "location", "negation"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\n", "one.grammar:1: a line stands before"),
        ("= a\nx\n= a\ny\n", "one.grammar:3: 'a' is defined twice"),
        ("=\nx\n", "one.grammar:1: the name is missing"),
        ("= a\n\n# x\n(x\n", r"one.grammar:4: '\)' is missing"),
        ("@ i\n<b>\n", "@ i names <b>, which is no rule"),
        ("= a\n<b>\n= b\n<a>\n", "<a> is part of itself: a → b → a"),
        ("= a\n+\nx\n", "<a> has no line outside the held-out part"),
        ("= a\n{s: x}\n@ i\n{t: <a>}\n", "@ i marks a slot within the slot 't'"),
    ],
)
def test_read_grammar_reports_faults_with_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GrammarError, match=message):
        read_grammar(write(tmp_path, text))


def test_read_grammar_checks_a_shared_rule_once(tmp_path: Path) -> None:
    """Otherwise the time is exponential in the depth of rules, which is seconds for the samples."""
    rules = "".join(f"= r{number}\n<r{number + 1}> <r{number + 1}>\n" for number in range(60))
    write(tmp_path, rules + "= r60\n{datetime: now}\n@ i\n<r0>\n")
    grammar = read_grammar(tmp_path)
    (frame,) = grammar.intents["i"]
    assert grammar.slots_of(frame) == {"datetime"}


def test_read_grammar_rejects_a_folder_without_grammars(tmp_path: Path) -> None:
    with pytest.raises(GrammarError, match=r"holds no \.grammar file"):
        read_grammar(tmp_path)
