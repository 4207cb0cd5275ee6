"""The application ``xmetra``, and the translation of errors into messages and exit codes."""

import sys
from collections.abc import Sequence

import typer

from app.cli.command_table import COMMANDS
from app.cli.lazy_group import LazyGroup

EPILOG = (
    "Exit codes: 0 success · 1 the job or the service failed · 2 invalid command line, file or data · "
    "3 no service answers."
)


class XmetraGroup(LazyGroup):
    """The commands of ``xmetra``."""

    entries = COMMANDS


application = typer.Typer(
    name="xmetra",
    cls=XmetraGroup,
    help="Few-shot cross-lingual NLU as a service: from a few dozen labelled utterances, or answered "
    "questions, in your language to an endpoint that understands it.\n\n"
    "Begin with [bold]xmetra demo[/], or with [bold]xmetra up[/] and [bold]xmetra adapt --help[/].",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@application.callback()
def root() -> None:
    """Do nothing: typer makes a group of an application with a callback, and the group has the commands."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``xmetra`` and exit with a documented code.

    Args:
        arguments: Command line after the program's name; that of the process by default.
    """
    try:
        application(args=arguments, prog_name="xmetra")
    except Exception as error:
        # Imported here: the errors come from the client and the core, which the help does without.
        from app.cli.exit_codes import EXPECTED_ERRORS, describe_error, exit_code  # noqa: PLC0415
        from app.cli.rendering.console import print_error  # noqa: PLC0415

        if not isinstance(error, EXPECTED_ERRORS):
            raise
        print_error(describe_error(error))
        sys.exit(exit_code(error))
