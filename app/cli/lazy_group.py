"""A group of commands that imports the code of a command when the command runs, not when it is listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEntry:
    """A command of a `LazyGroup`.

    Attributes:
        name: Name of the command.
        panel: Panel of the help page that lists it.
        summary: First line of its help.
        target: ``module:attribute`` of its function, or of the `typer.Typer` of its subcommands.
        command_class: Parser of its command line.
    """

    name: str
    panel: str
    summary: str
    target: str
    command_class: type[TyperCommand] = TyperCommand

    def placeholder(self) -> TyperCommand:
        """Return a command with the name and the summary only."""
        return TyperCommand(name=self.name, help=self.summary, rich_help_panel=self.panel)

    def load(self) -> TyperCommand | TyperGroup:
        """Import the command."""
        module, _, attribute = self.target.partition(":")
        target = getattr(import_module(module), attribute)
        command: Any
        if isinstance(target, typer.Typer):
            command = typer.main.get_group(target)
        else:
            application = typer.Typer(add_completion=False, rich_markup_mode="rich")
            application.command(cls=self.command_class)(target)
            command = typer.main.get_command(application)
        command.name = self.name
        assert isinstance(command, TyperCommand | TyperGroup)
        return command


class LazyGroup(TyperGroup):
    """A group whose help page and completion are made from `entries`.

    Attributes:
        entries: Commands in the order of the help page.
    """

    entries: ClassVar[Sequence[CommandEntry]] = ()

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401  those of TyperGroup
        settings["commands"] = {entry.name: entry.placeholder() for entry in self.entries}
        super().__init__(**settings)
        self._index = TyperGroup(**settings)
        self._index.params = self.params  # typer adds the options of shell completion to this list
        self._loaded: dict[str, TyperCommand | TyperGroup] = {}

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | TyperGroup | None:  # type: ignore[override]
        """Import and return a command; None if there is none of that name."""
        del ctx
        if cmd_name not in self._loaded:
            entry = next((entry for entry in self.entries if entry.name == cmd_name), None)
            if entry is None:
                return None
            self._loaded[cmd_name] = entry.load()
        return self._loaded[cmd_name]

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]  # noqa: ANN401
        """Write the help page; no command is imported."""
        self._index.format_help(ctx, formatter)

    def shell_complete(self, ctx: typer.Context, incomplete: str) -> list[Any]:  # type: ignore[override]
        """Return the commands and options that begin with a text; no command is imported."""
        return self._index.shell_complete(ctx, incomplete)
