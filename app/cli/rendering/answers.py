"""How answers look: each in its surroundings, the likeliest first."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from app.cli.rendering.console import harmless
from app.cli.rendering.tables import percent
from core.contracts.answers import PredictedAnswer, QaPrediction

AROUND = 40
"""Characters of the context that are shown on each side of an answer."""


def surroundings(context: str, answer: PredictedAnswer) -> Text:
    """Return an answer, marked, between what stands before and after it."""
    start, end = max(0, answer.start - AROUND), min(len(context), answer.end + AROUND)
    shown = Text("…" if start else "")
    shown.append(harmless(_one_line(context[start : answer.start])))
    shown.append(harmless(_one_line(context[answer.start : answer.end])), style="bold cyan")
    shown.append(harmless(_one_line(context[answer.end : end])))
    shown.append("…" if end < len(context) else "")
    return shown


def answers_table(
    questions: Sequence[str],
    contexts: Sequence[str],
    predictions: Sequence[QaPrediction],
    *,
    right: Sequence[bool] | None = None,
) -> Table:
    """Return the answers to each question, the likeliest first.

    Args:
        questions: What was asked.
        contexts: What it was asked of.
        predictions: What the service answered.
        right: Whether the likeliest answer to each is right, where that is known.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("question", *(["right"] if right is not None else []), "score"):
        table.add_column(heading, no_wrap=heading != "question", overflow="fold")
    table.add_column("answer", style="green", overflow="fold")
    table.add_column("where", overflow="fold")
    for index, (question, context, prediction) in enumerate(
        zip(questions, contexts, predictions, strict=True)
    ):
        told = Text(harmless(question))
        if not prediction.adapted:
            told.append("  (zero-shot)", style="yellow")
        mark = [] if right is None else ["yes" if right[index] else "[red]no[/]"]
        if not prediction.answers:
            table.add_row(told, *mark, "", "[red]none[/]", "")
        for rank, answer in enumerate(prediction.answers):
            first = [told, *mark] if rank == 0 else [""] * (1 + len(mark))
            where = surroundings(context, answer)
            table.add_row(*first, percent(answer.score), harmless(_one_line(answer.text)), where)
    return table


def _one_line(text: str) -> str:
    """Return a text whose line breaks are spaces."""
    return text.replace("\r", " ").replace("\n", " ")
