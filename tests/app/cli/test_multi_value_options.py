"""Options that take several words."""

import shlex

import pytest

from app.cli.multi_value_options import gathered


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("mtod --languages es th --draws 2", ["mtod", "--languages", "es th", "--draws", "2"]),
        ("mtod --languages 'es th' --seeds 1 2", ["mtod", "--languages", "es th", "--seeds", "1 2"]),
        ("--languages es th mtod", ["--languages", "es th", "mtod"]),
        ("--languages=es th --out a", ["--languages=es th", "--out", "a"]),
        ("--shots '' --draws 2", ["--shots", "", "--draws", "2"]),
        ("--languages --draws 2", ["--languages", "--draws", "2"]),
        ("mtod --draws 2 3", ["mtod", "--draws", "2", "3"]),
        ("", []),
    ],
)
def test_the_words_after_such_an_option_are_one_up_to_the_next_option_or_the_task(
    given: str, expected: list[str]
) -> None:
    assert gathered(shlex.split(given), {"--languages", "--seeds", "--shots"}, ends={"mtod"}) == expected
