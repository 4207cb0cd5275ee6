"""Options that take several values as words of their own: ``--languages es th``, not only ``"es th"``."""

from collections.abc import Collection, Sequence
from typing import Final

from typer import Context
from typer.core import TyperCommand

from core.contracts.values import TaskName

SEVERAL: Final = frozenset(
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
"""Options whose values may be several words."""


class SeveralWords(TyperCommand):
    """A command whose options in `SEVERAL` take all words up to the next option, or the task's name."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse, with those words made one."""
        return super().parse_args(ctx, gathered(args, SEVERAL, ends=set(TaskName)))


def gathered(arguments: Sequence[str], options: Collection[str], *, ends: Collection[str]) -> list[str]:
    """Return arguments in which the words after each of some options are one, parted by spaces.

    Args:
        arguments: As the shell gives them.
        options: Those that take several.
        ends: Words that are never a value.
    """
    found: list[str] = []
    taking = False
    for word in arguments:
        if word.startswith("-") or word in ends:
            found.append(word)
            taking = word.partition("=")[0] in options and "=" in word
        elif taking:
            found[-1] = f"{found[-1]} {word}"
        else:
            taking = bool(found) and found[-1] in options
            found.append(word)
    return found
