"""``xmetra models``: the checkpoints of a service and their deployments."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.exit_codes import UsageFault
from app.cli.options import (
    DEFAULT_TASK,
    AsJson,
    Key,
    LanguageOrBase,
    Limit,
    Task,
    Url,
    parse_task,
)
from app.cli.rendering.console import messages, results, write_json
from app.cli.rendering.models import checkpoint_table, checkpoints_table, format_size, history_table
from app.cli.service_connection import connect
from xmetra_client import DEFAULT_URL
from xmetra_client.models import CheckpointView, LanguageView

CheckpointId = Annotated[
    str,
    typer.Argument(help="Id of the model, from `models list`.", metavar="CHECKPOINT", show_default=False),
]
Expected = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Change nothing unless the deployment of this number is live; 0: unless none is live.",
        metavar="NUMBER",
        show_default=False,
    ),
]

application = typer.Typer(
    help="List, deploy, roll back, export, import and delete models.\n\n"
    "Example: [bold]xmetra models list --language es[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@application.command(name="list")
def list_models(
    *,
    task: Annotated[
        str | None,
        typer.Option(metavar="TASK", parser=parse_task, help="Only models of this task.", show_default=False),
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Only models of this language.", show_default=False)
    ] = None,
    limit: Limit = 20,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """List the newest models with their scores and the languages they serve.

    Example: [bold]xmetra models list --language es[/]
    """
    with connect(url, key) as client:
        page = client.checkpoints(task=task or None, language=language, limit=limit)
    if as_json:
        write_json(page)
    elif page.checkpoints:
        results().print(checkpoints_table(page.checkpoints))
    else:
        messages().print("no models")


@application.command()
def show(
    checkpoint_id: CheckpointId, *, url: Url = DEFAULT_URL, key: Key = None, as_json: AsJson = False
) -> None:
    """Show a model: its base, its labels, its scores, and the languages it serves.

    Example: [bold]xmetra models show CHECKPOINT --json[/]
    """
    with connect(url, key) as client:
        checkpoint = client.checkpoint(checkpoint_id)
    if as_json:
        write_json(checkpoint)
    else:
        results().print(checkpoint_table(checkpoint))


@application.command()
def history(
    language: LanguageOrBase,
    *,
    task: Task = DEFAULT_TASK,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """List the deployments of a language, newest first, with their reasons.

    Example: [bold]xmetra models history es[/]
    """
    with connect(url, key) as client:
        view = client.language(task, language)
    if as_json:
        write_json(view)
    else:
        results().print(history_table(view))


@application.command()
def deploy(  # noqa: PLR0913  a command line is its options
    language: LanguageOrBase,
    checkpoint_id: CheckpointId,
    *,
    task: Task = DEFAULT_TASK,
    reason: Annotated[str | None, typer.Option(help="Reason, for the history.", show_default=False)] = None,
    expected: Expected = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Deploy a model: it serves the language from now on.

    Example: [bold]xmetra models deploy es CHECKPOINT --reason "better on our own test set"[/]
    """
    with connect(url, key) as client:
        view = client.deploy(task, language, checkpoint_id, reason=reason, expected=expected)
    _print_live(view, as_json=as_json)


@application.command()
def rollback(
    language: LanguageOrBase,
    *,
    task: Task = DEFAULT_TASK,
    expected: Expected = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Deploy the model that served a language before; a second rollback reverts the first.

    Example: [bold]xmetra models rollback es[/]
    """
    with connect(url, key) as client:
        view = client.roll_back(task, language, expected=expected)
    _print_live(view, as_json=as_json)


@application.command(name="export")
def export_model(
    checkpoint_id: CheckpointId,
    file: Annotated[
        Path,
        typer.Argument(help="Archive to write.", metavar="FILE", dir_okay=False, show_default=False),
    ],
    *,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Write a model to a tar archive, which another service can import.

    Example: [bold]xmetra models export CHECKPOINT es.tar[/]
    """
    with connect(url, key) as client:
        size = client.export_archive(checkpoint_id, file)
    if as_json:
        write_json({"checkpoint_id": checkpoint_id, "file": str(file), "bytes": size})
    else:
        results().print(f"{file}: {format_size(size)}", markup=False)


@application.command(name="import")
def import_model(
    file: Annotated[
        Path,
        typer.Argument(
            help="Archive, from `models export`.",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            show_default=False,
        ),
    ],
    *,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Store a model from an archive; it serves nothing until it is deployed.

    A model that holds only the difference to its base needs that base in the store.

    Example: [bold]xmetra models import es.tar[/]
    """
    with connect(url, key) as client:
        checkpoint = client.import_archive(file)
    if as_json:
        write_json(checkpoint)
    else:
        results().print(f"checkpoint {checkpoint.checkpoint_id} is in the store")
        messages().print(_deploy_hint(checkpoint), markup=False)


@application.command()
def delete(
    checkpoint_id: CheckpointId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Delete a model; one that is live, or that another model needs, is refused.

    Example: [bold]xmetra models delete CHECKPOINT[/]
    """
    with connect(url, key) as client:
        if not yes:
            _confirm_deletion(client.checkpoint(checkpoint_id))
        client.delete_checkpoint(checkpoint_id)
    if as_json:
        write_json({"checkpoint_id": checkpoint_id, "deleted": True})
    else:
        results().print(f"checkpoint {checkpoint_id} is deleted")


def _confirm_deletion(checkpoint: CheckpointView) -> None:
    """Ask for confirmation.

    Raises:
        UsageFault: The answer is no, or there is none.
    """
    description = f"{checkpoint.task} {' '.join(checkpoint.languages)}, {format_size(checkpoint.bytes)}"
    try:
        is_confirmed = typer.confirm(f"Delete {checkpoint.checkpoint_id} ({description})?", err=True)
    except typer.Abort as error:
        raise UsageFault("nothing was deleted: confirm, or give --yes") from error
    if not is_confirmed:
        raise UsageFault("nothing was deleted")


def _print_live(view: LanguageView, *, as_json: bool) -> None:
    """Print the live deployment of a language."""
    if as_json:
        write_json(view)
        return
    live = view.live
    results().print(f"{view.language} is served by {live.checkpoint_id} (deployment {live.number})")


def _deploy_hint(checkpoint: CheckpointView) -> str:
    """Return the command that deploys a model."""
    language = checkpoint.languages[-1] if checkpoint.base_id else "base"
    return (
        f"to deploy it: xmetra models deploy {language} {checkpoint.checkpoint_id} --task {checkpoint.task}"
    )
