"""Options with several values."""

import shlex

import pytest

from app.cli.multi_value_options import join_values


@pytest.mark.parametrize(
    ("command_line", "expected"),
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
def test_join_values_joins_arguments_up_to_the_next_option_or_terminator(
    command_line: str, expected: list[str]
) -> None:
    assert (
        join_values(shlex.split(command_line), {"--languages", "--seeds", "--shots"}, terminators={"mtod"})
        == expected
    )
