"""The real command line of ``xmetra``: parsing command lines without running them."""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Final

import typer

from app.cli.application import application

PLACEHOLDER: Final = re.compile(r"does not exist|'[A-Z]+' is (?:not|none)|got '[A-Z]+'")
"""Messages about values such as ``FILE`` and ``N``."""


def words_of(text: str) -> list[str]:
    """Split a command line as a shell does; assignments before the program are left out."""
    words = shlex.split(text, comments=True)
    while words and "=" in words[0]:
        words.pop(0)
    return words


def find_command(words: Sequence[str]) -> tuple[str, Any, list[str]]:
    """Return the path of the command that words name, the command, and the words that follow its name.

    Raises:
        AssertionError: There is no such command.
    """
    command: Any = typer.main.get_command(application)
    rest, path = list(words), []
    while rest and hasattr(command, "list_commands"):
        context = command.make_context("xmetra", rest[:1], resilient_parsing=True)
        subcommand = command.get_command(context, rest[0])
        path.append(rest.pop(0))
        assert subcommand is not None, f"there is no command xmetra {' '.join(path)}"
        command = subcommand
    return " ".join(path), command, rest


def parse(words: Sequence[str]) -> str:
    """Parse a complete command line, check its values, and return the path of its command.

    Raises:
        UsageError: An option is unknown, an argument is missing, or a value is invalid.
    """
    path, command, rest = find_command(words)
    command.make_context(path, rest)
    return path


def parse_fragment(words: Sequence[str]) -> None:
    """Check a command line that may lack arguments, name files that do not exist, or hold placeholders.

    Raises:
        UsageError: An option or a value does not exist, or there are too many arguments.
        AssertionError: There is no such command.
    """
    path, command, rest = find_command(words)
    try:
        command.make_context(path, rest, resilient_parsing=not rest)
    except typer.BadParameter as error:
        if type(error).__name__ != "MissingParameter" and not PLACEHOLDER.search(error.format_message()):
            raise


def leaf_commands() -> Iterator[str]:
    """Yield the path of every command, such as ``models list``."""

    def walk(command: Any, path: list[str]) -> Iterator[str]:
        if not hasattr(command, "list_commands"):
            yield " ".join(path)
            return
        context = command.make_context("xmetra", [], resilient_parsing=True)
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            if not subcommand.hidden:
                yield from walk(subcommand, [*path, name])

    return walk(typer.main.get_command(application), [])
