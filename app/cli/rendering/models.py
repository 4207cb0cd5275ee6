"""How models look: a line for each, and a line for each change of what serves."""

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table

from app.cli.rendering.tables import percent
from app.schemas.registry import CheckpointBrief, CheckpointView, LanguageView

MEBIBYTE = 2**20
MOMENT = "%Y-%m-%d %H:%M"


def checkpoints_table(checkpoints: Iterable[CheckpointBrief]) -> Table:
    """Return a line for each checkpoint."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("checkpoint", "task", "languages", "method", "scores", "size", "made", "serves"):
        table.add_column(heading, no_wrap=heading not in {"scores", "serves"})
    for one in checkpoints:
        table.add_row(
            one.checkpoint_id,
            one.task.value,
            " ".join(one.languages),
            escape(one.method),
            _scores(one),
            size(one.bytes),
            one.created_at.astimezone().strftime(MOMENT),
            f"[green]{' '.join(one.serves)}[/]",
        )
    return table


def _scores(one: CheckpointBrief) -> str:
    """Return the scores in few words; none where it was not measured."""
    if one.scores is None:
        return ""
    rates = one.scores.model_dump(exclude={"examples"})
    return ", ".join(f"{name.replace('_', ' ')} {percent(rate)}" for name, rate in rates.items())


def checkpoint_table(one: CheckpointView) -> Table:
    """Return what a checkpoint is, a line for each thing."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    measured = one.evaluation.headline if one.evaluation else {}
    told = {
        "checkpoint": one.checkpoint_id,
        "task": one.task.value,
        "languages": " ".join(one.languages),
        "method": one.method,
        "trainable": one.trainable.value,
        "base": one.base_id or "",
        "encoder": one.encoder,
        "scores": ", ".join(f"{name} {percent(rate)}" for name, rate in measured.items()),
        "intents": " ".join(one.intents),
        "slots": " ".join(one.slots),
        "files": " ".join(one.files),
        "size": size(one.bytes),
        "made": one.created_at.astimezone().strftime(MOMENT),
        "serves": " ".join(one.serves) or "nothing",
    }
    for name, value in told.items():
        if value:
            table.add_row(name, escape(value))
    return table


def history_table(view: LanguageView) -> Table:
    """Return a line for each deployment, newest first."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("number", "checkpoint", "since", "why"):
        table.add_column(heading, no_wrap=heading != "why", overflow="fold")
    for one in view.history:
        mark = "[green] (live)[/]" if one.number == view.live.number else ""
        gone = "" if one.available else "[red] (deleted)[/]"
        since = one.created_at.astimezone().strftime(MOMENT)
        table.add_row(str(one.number), f"{one.checkpoint_id}{mark}{gone}", since, escape(one.reason))
    return table


def size(count: int) -> str:
    """Return bytes as people read them."""
    return f"{count / MEBIBYTE:.1f} MiB"
