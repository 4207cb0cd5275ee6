"""Options with several values, each an argument: ``--languages es th`` as well as ``--languages "es th"``."""

from collections.abc import Collection, Sequence
from typing import Final

from typer import Context
from typer.core import TyperCommand

MULTI_VALUE_OPTIONS: Final = frozenset(
    {
        "--languages",
        "--methods",
        "--seeds",
        "--shots",
        "--downsample",
        "--trainable",
        "--schedule",
    }
)
"""Options whose values may be several arguments."""


class MultiValueCommand(TyperCommand):
    """A command whose `MULTI_VALUE_OPTIONS` take all arguments up to the next option or task name."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Join the values of each of these options, and parse."""
        from core.plugins import task_names  # noqa: PLC0415  30 ms, which `xmetra --help` does not need

        joined = join_values(args, MULTI_VALUE_OPTIONS, terminators=set(task_names()))
        return super().parse_args(ctx, joined)


def join_values(
    arguments: Sequence[str], options: Collection[str], *, terminators: Collection[str]
) -> list[str]:
    """Return arguments in which the values of each option are joined by spaces into one argument.

    Args:
        arguments: Arguments as the shell passes them.
        options: The options with several values.
        terminators: Arguments that are never a value of an option.
    """
    joined: list[str] = []
    is_value = False
    for argument in arguments:
        if argument.startswith("-") or argument in terminators:
            joined.append(argument)
            is_value = argument.partition("=")[0] in options and "=" in argument
        elif is_value:
            joined[-1] = f"{joined[-1]} {argument}"
        else:
            is_value = bool(joined) and joined[-1] in options
            joined.append(argument)
    return joined
