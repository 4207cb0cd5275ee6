"""``xmetra models list | show | history | deploy | rollback | export | import | delete``."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.exit_codes import UsageFault
from app.cli.options import DEFAULT_TASK, AsJson, Task, Url
from app.cli.rendering.console import messages, results, write_json
from app.cli.rendering.models import checkpoint_table, checkpoints_table, history_table, size
from app.client.registry_client import RegistryClient
from app.client.sync_client import Client
from app.client.transport import DEFAULT_URL
from app.schemas.registry import CheckpointView, LanguageView
from core.contracts.values import TaskName

CheckpointId = Annotated[
    str, typer.Argument(help="The id that `models list` tells.", metavar="CHECKPOINT", show_default=False)
]
LanguageOrBase = Annotated[
    str,
    typer.Argument(
        help="A BCP-47 language tag, or base: what answers where nothing else does.",
        metavar="LANGUAGE",
        show_default=False,
    ),
]
Expected = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Only if this number of `models history` still serves; 0: only if nothing does.",
        show_default=False,
    ),
]

application = typer.Typer(
    help="See what was made, decide what serves, and carry models elsewhere. "
    "Example: [bold]xmetra models list --language es[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@application.command(name="list")
def list_models(
    *,
    task: Annotated[TaskName | None, typer.Option(help="Only this task's.", show_default=False)] = None,
    language: Annotated[str | None, typer.Option(help="Only this language's.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=200)] = 20,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """List the newest models, how good each was, and what it serves.

    Example: [bold]xmetra models list --language es[/]
    """
    with Client(url) as client:
        page = RegistryClient(client).checkpoints(
            task=task.value if task else None, language=language, limit=limit
        )
    if as_json:
        write_json(page)
    elif page.checkpoints:
        results().print(checkpoints_table(page.checkpoints))
    else:
        messages().print("no models")


@application.command()
def show(checkpoint_id: CheckpointId, *, url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """Show what a model is: where it comes from, its labels, its scores, and what it serves.

    Example: [bold]xmetra models show CHECKPOINT --json[/]
    """
    with Client(url) as client:
        told = RegistryClient(client).checkpoint(checkpoint_id)
    if as_json:
        write_json(told)
    else:
        results().print(checkpoint_table(told))


@application.command()
def history(
    language: LanguageOrBase, *, task: Task = DEFAULT_TASK, url: Url = DEFAULT_URL, as_json: AsJson = False
) -> None:
    """Show what serves a language, what served it before, and why each was changed.

    Example: [bold]xmetra models history es[/]
    """
    with Client(url) as client:
        told = RegistryClient(client).language(task.value, language)
    if as_json:
        write_json(told)
    else:
        results().print(history_table(told))


@application.command()
def deploy(
    language: LanguageOrBase,
    checkpoint_id: CheckpointId,
    *,
    task: Task = DEFAULT_TASK,
    reason: Annotated[str | None, typer.Option(help="Why, for the history.", show_default=False)] = None,
    expected: Expected = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Let a model serve a language from now on.

    Example: [bold]xmetra models deploy es CHECKPOINT --reason "better on our own test set"[/]
    """
    with Client(url) as client:
        told = RegistryClient(client).deploy(
            task.value, language, checkpoint_id, reason=reason, expected=expected
        )
    _tell_live(told, as_json=as_json)


@application.command()
def rollback(
    language: LanguageOrBase,
    *,
    task: Task = DEFAULT_TASK,
    expected: Expected = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Let serve again what served a language before; a second rollback takes back the first.

    Example: [bold]xmetra models rollback es[/]
    """
    with Client(url) as client:
        told = RegistryClient(client).roll_back(task.value, language, expected=expected)
    _tell_live(told, as_json=as_json)


@application.command(name="export")
def export_model(
    checkpoint_id: CheckpointId,
    file: Annotated[
        Path,
        typer.Argument(
            help="Where to write the archive.", metavar="FILE", dir_okay=False, show_default=False
        ),
    ],
    *,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Write a model to a tar archive, which another service can import.

    Example: [bold]xmetra models export CHECKPOINT es.tar[/]
    """
    with Client(url) as client:
        written = RegistryClient(client).export_archive(checkpoint_id, file)
    if as_json:
        write_json({"checkpoint_id": checkpoint_id, "file": str(file), "bytes": written})
    else:
        results().print(f"{file}: {size(written)}", markup=False)


@application.command(name="import")
def import_model(
    file: Annotated[
        Path,
        typer.Argument(
            help="An archive that `models export` wrote.",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            show_default=False,
        ),
    ],
    *,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Bring a model in; what was only added to a base needs that base first. Nothing serves because of it.

    Example: [bold]xmetra models import es.tar[/]
    """
    with Client(url) as client:
        told = RegistryClient(client).import_archive(file)
    if as_json:
        write_json(told)
    else:
        results().print(f"checkpoint {told.checkpoint_id} is in the store")
        messages().print(_next_step(told), markup=False)


@application.command()
def delete(
    checkpoint_id: CheckpointId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Delete a model for good; one that serves, or that another was added to, is kept.

    Example: [bold]xmetra models delete CHECKPOINT[/]
    """
    with Client(url) as client:
        registry = RegistryClient(client)
        if not yes:
            _confirm(registry.checkpoint(checkpoint_id))
        registry.delete(checkpoint_id)
    if as_json:
        write_json({"checkpoint_id": checkpoint_id, "deleted": True})
    else:
        results().print(f"checkpoint {checkpoint_id} is deleted")


def _confirm(told: CheckpointView) -> None:
    """Ask whether this is the one.

    Raises:
        UsageFault: It is not, or nobody is there to say so.
    """
    question = f"Delete {told.checkpoint_id} ({told.task} {' '.join(told.languages)}, {size(told.bytes)})?"
    try:
        wanted = typer.confirm(question, err=True)
    except typer.Abort as error:
        raise UsageFault("nothing was deleted: confirm, or give --yes") from error
    if not wanted:
        raise UsageFault("nothing was deleted")


def _tell_live(told: LanguageView, *, as_json: bool) -> None:
    """Print what serves now."""
    if as_json:
        write_json(told)
        return
    live = told.live
    results().print(f"{told.language} is served by {live.checkpoint_id} (deployment {live.number})")


def _next_step(told: CheckpointView) -> str:
    """Say how to let a model serve that came in."""
    language = told.languages[-1] if told.base_id else "base"
    return f"to let it serve: xmetra models deploy {language} {told.checkpoint_id} --task {told.task}"
