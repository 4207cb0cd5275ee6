"""The commands of ``xmetra``, as its parser has them."""

from collections.abc import Iterator
from typing import Any

import typer

from app.cli.application import application


def commands() -> dict[str, Any]:
    """Return the path of every command, such as ``models list``, and the command."""
    return dict(_walk(typer.main.get_command(application), []))


def _walk(command: Any, path: list[str]) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "list_commands"):
        yield " ".join(path), command
        return
    context = command.make_context("xmetra", [], resilient_parsing=True)
    for name in command.list_commands(context):
        yield from _walk(command.get_command(context, name), [*path, name])


def option_names(command: Any) -> set[str]:
    """Return the names of the options of a command."""
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
