"""Tables of checkpoints and deployments."""

from collections.abc import Iterable
from typing import Final

from rich.markup import escape
from rich.table import Table

from app.cli.rendering.tables import headline, percent
from xmetra_client.models import CheckpointBrief, CheckpointView, LanguageView

MEBIBYTE: Final = 2**20
TIME_FORMAT: Final = "%Y-%m-%d %H:%M"


def checkpoints_table(checkpoints: Iterable[CheckpointBrief]) -> Table:
    """Return a row for each checkpoint."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("checkpoint", "task", "languages", "method", "scores", "size", "created", "serves"):
        table.add_column(heading, no_wrap=heading not in {"scores", "serves"})
    for checkpoint in checkpoints:
        table.add_row(
            checkpoint.checkpoint_id,
            checkpoint.task,
            " ".join(checkpoint.languages),
            escape(checkpoint.method),
            _scores(checkpoint),
            format_size(checkpoint.bytes),
            checkpoint.created_at.astimezone().strftime(TIME_FORMAT),
            f"[green]{' '.join(checkpoint.serves)}[/]",
        )
    return table


def _scores(checkpoint: CheckpointBrief) -> str:
    """Return the scores in one line; an empty string if the checkpoint was not evaluated."""
    if checkpoint.scores is None:
        return ""
    rates = {name: rate for name, rate in dict(checkpoint.scores).items() if name != "examples"}
    return ", ".join(f"{name.replace('_', ' ')} {percent(rate)}" for name, rate in rates.items())


def checkpoint_table(checkpoint: CheckpointView) -> Table:
    """Return the properties of a checkpoint, a row each."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    scores = headline(checkpoint.evaluation) if checkpoint.evaluation else {}
    properties = {
        "checkpoint": checkpoint.checkpoint_id,
        "task": checkpoint.task,
        "languages": " ".join(checkpoint.languages),
        "method": checkpoint.method,
        "trainable": checkpoint.trainable,
        "base": checkpoint.base_id or "",
        "encoder": checkpoint.encoder,
        "scores": ", ".join(f"{name} {percent(rate)}" for name, rate in scores.items()),
        "intents": " ".join(checkpoint.intents),
        "slots": " ".join(checkpoint.slots),
        "files": " ".join(checkpoint.files),
        "size": format_size(checkpoint.bytes),
        "created": checkpoint.created_at.astimezone().strftime(TIME_FORMAT),
        "serves": " ".join(checkpoint.serves) or "nothing",
    }
    for name, value in properties.items():
        if value:
            table.add_row(name, escape(value))
    return table


def history_table(view: LanguageView) -> Table:
    """Return a row for each deployment of a language, newest first."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("number", "checkpoint", "since", "reason"):
        table.add_column(heading, no_wrap=heading != "reason", overflow="fold")
    for deployment in view.history:
        is_live = deployment.number == view.live.number
        marks = ("[green] (live)[/]" if is_live else "") + (
            "" if deployment.available else "[red] (deleted)[/]"
        )
        since = deployment.created_at.astimezone().strftime(TIME_FORMAT)
        table.add_row(
            str(deployment.number), f"{deployment.checkpoint_id}{marks}", since, escape(deployment.reason)
        )
    return table


def format_size(count: int) -> str:
    """Return a number of bytes in mebibytes."""
    return f"{count / MEBIBYTE:.1f} MiB"
