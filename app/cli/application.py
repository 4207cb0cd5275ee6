"""The table of commands, and the one place where an error becomes a line and an exit code."""

import sys
from collections.abc import Callable, Mapping, Sequence

import typer
from rich.markup import escape

from app.cli.commands import (
    ask,
    encoder,
    experiment,
    first_base,
    jobs,
    keys,
    models,
    predict,
    services,
    train,
)
from app.cli.exit_codes import EXPECTED_ERRORS, exit_code, explain
from app.cli.multi_value_options import SeveralWords
from app.cli.rendering.console import messages

EPILOG = (
    "Exit codes: 0 done · 1 the job failed · 2 the command line or the data cannot be used · "
    "3 no service answers."
)

application = typer.Typer(
    name="xmetra",
    help="Bring a few dozen labelled utterances, or answered questions, in your language; "
    "get an endpoint that speaks it.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
PANELS: Mapping[str, tuple[Callable[..., None], ...]] = {
    "Run the service": (services.up, services.serve, services.worker, services.demo),
    "Teach it a language": (train.pretrain, train.adapt, first_base.first_base),
    "Use it": (predict.predict, ask.ask, predict.evaluate),
    "Compare methods": (experiment.experiment,),
}
for panel, commands in PANELS.items():
    for command in commands:
        several = SeveralWords if command is experiment.experiment else None
        application.command(cls=several, rich_help_panel=panel)(command)
application.add_typer(jobs.application, name="jobs", rich_help_panel="Teach it a language")
application.add_typer(models.application, name="models", rich_help_panel="Use it")
application.add_typer(keys.application, name="keys", rich_help_panel="Run the service")
application.add_typer(encoder.application, name="encoder", rich_help_panel="Build its parts")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``xmetra`` and exit with a documented code.

    Args:
        arguments: What follows the program's name; the process's own by default.
    """
    try:
        application(args=arguments, prog_name="xmetra")
    except EXPECTED_ERRORS as error:
        messages().print(f"[bold red]xmetra:[/] {escape(explain(error))}", soft_wrap=True)
        sys.exit(exit_code(error))
