"""``xmetra ask``, and the measuring of answers."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.cli.exit_codes import UsageFault
from app.cli.inputs import read_text, source_of
from app.cli.options import AsJson, Checkpoint, Key, Language, Url
from app.cli.rendering.answers import answers_table
from app.cli.rendering.console import results, write_json
from app.client.sync_client import Client
from app.client.transport import DEFAULT_URL
from app.schemas.limits import DEFAULTS
from app.schemas.responses import QaPredictions, Usage, used_checkpoints
from core.contracts.evaluations import QaEvaluation
from core.contracts.questions import QaExample
from core.tasks.qa.metrics import best_texts, evaluate_answers

BATCH = 16
"""Questions in one request: small enough to be answered within the time limit on a slow machine."""


def ask(  # noqa: PLR0913  a command line is its options
    language: Language,
    questions: Annotated[list[str], typer.Argument(help="What to ask.", show_default=False)],
    *,
    context: Annotated[
        Path | None,
        typer.Option(
            help="A text file that holds the answer; without it, stdin.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    top_k: Annotated[int, typer.Option(min=1, max=100, help="Answers to show of each question.")] = 1,
    checkpoint: Checkpoint = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Answer questions on a text.

    Example: [bold]xmetra ask es "¿Cuándo abrió la panadería?" --context article.txt[/]
    """
    text = _context(context)
    asked = [{"question": question, "context": text} for question in questions]
    with Client(url, key=key) as client:
        answer = ask_all(client, asked, language=language, checkpoint=checkpoint, top_k=top_k)
    if as_json:
        write_json(answer)
    else:
        results().print(answers_table(questions, [text] * len(questions), answer.predictions))


def measure_answers(gold: Sequence[QaExample], answer: QaPredictions) -> QaEvaluation:
    """Score what the service answered."""
    return evaluate_answers(gold, best_texts(answer.predictions)).evaluation


def ask_all(
    client: Client,
    questions: Sequence[dict[str, str]],
    *,
    language: str,
    checkpoint: str | None = None,
    top_k: int = 1,
) -> QaPredictions:
    """Ask all of them, a batch at a time; the answers keep the order, the usage is the sum."""
    answers = [
        client.predict_qa(batch, language=language, checkpoint=checkpoint, top_k=top_k)
        for batch in _batches(questions)
    ]
    return QaPredictions(
        predictions=tuple(prediction for answer in answers for prediction in answer.predictions),
        checkpoints=used_checkpoints(answers),
        usage=Usage.total(answer.usage for answer in answers),
    )


def _batches(questions: Sequence[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """Cut questions into requests that the service takes."""
    batch: list[dict[str, str]] = []
    characters = 0
    for question in questions:
        own = len(question["context"])
        if batch and (len(batch) == BATCH or characters + own > DEFAULTS.max_context_characters):
            yield batch
            batch, characters = [], 0
        batch.append(question)
        characters += own
    if batch:
        yield batch


def _context(file: Path | None) -> str:
    """Return the text of a file or of stdin; one without a word answers nothing."""
    text = read_text(file, remedy="give --context, or pipe a text in")
    if not text.strip():
        raise UsageFault(f"{source_of(file)} holds no text")
    return text
