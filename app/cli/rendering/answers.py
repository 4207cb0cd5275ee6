"""Tables of answers to questions."""

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from app.cli.rendering.console import replace_control_characters
from app.cli.rendering.tables import percent
from xmetra_client.models import PredictedAnswer, QaPrediction

MARGIN: Final = 40
"""Characters of the context on each side of an answer."""


def answer_in_context(context: str, answer: PredictedAnswer) -> Text:
    """Return an answer, highlighted, between the text before and after it."""
    start, end = max(0, answer.start - MARGIN), min(len(context), answer.end + MARGIN)
    excerpt = Text("…" if start else "")
    excerpt.append(_line(context[start : answer.start]))
    excerpt.append(_line(context[answer.start : answer.end]), style="bold cyan")
    excerpt.append(_line(context[answer.end : end]))
    excerpt.append("…" if end < len(context) else "")
    return excerpt


def answers_table(
    questions: Sequence[str],
    contexts: Sequence[str],
    predictions: Sequence[QaPrediction],
    *,
    correct: Sequence[bool] | None = None,
) -> Table:
    """Return the answers to each question, the likeliest first.

    Args:
        questions: The questions.
        contexts: The context of each question.
        predictions: The prediction of each question.
        correct: Whether the likeliest answer to each is correct; None if that is unknown.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("question", *(["correct"] if correct is not None else []), "score"):
        table.add_column(heading, no_wrap=heading != "question", overflow="fold")
    table.add_column("answer", style="green", overflow="fold")
    table.add_column("context", overflow="fold")
    for index, (question, context, prediction) in enumerate(
        zip(questions, contexts, predictions, strict=True)
    ):
        text = Text(replace_control_characters(question))
        if not prediction.adapted:
            text.append("  (zero-shot)", style="yellow")
        mark = [] if correct is None else ["yes" if correct[index] else "[red]no[/]"]
        if not prediction.answers:
            table.add_row(text, *mark, "", "[red]none[/]", "")
        for rank, answer in enumerate(prediction.answers):
            first_cells = [text, *mark] if rank == 0 else [""] * (1 + len(mark))
            excerpt = answer_in_context(context, answer)
            table.add_row(*first_cells, percent(answer.score), Text(_line(answer.text)), excerpt)
    return table


def _line(text: str) -> str:
    """Return a text in one line, without control characters."""
    return replace_control_characters(text.replace("\r", " ").replace("\n", " "))
