"""``xmetra ask``, and the measuring of answers."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.answers import QaPredictions, Usage
from app.asking import MAX_CONTEXT_CHARACTERS
from app.cli.exits import UsageFault
from app.cli.options import AsJson, Checkpoint, Language, Url
from app.client import DEFAULT_URL, Client
from app.console.answers import answers_table
from app.console.output import results, write_json
from core.contracts.evaluations import QaEvaluation
from core.contracts.questions import QaExample
from core.tasks.qa.metrics import evaluate_answers

BATCH = 16
"""Questions in one request: small enough to be answered within the time limit on a slow machine."""


def ask(
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
    as_json: AsJson = False,
) -> None:
    """Answer questions on a text.

    Example: [bold]xmetra ask es "¿Cuándo abrió la panadería?" --context article.txt[/]
    """
    text = _context(context)
    asked = [{"question": question, "context": text} for question in questions]
    with Client(url) as client:
        answer = ask_all(client, asked, language=language, checkpoint=checkpoint, top_k=top_k)
    if as_json:
        write_json(answer)
    else:
        results().print(answers_table(questions, [text] * len(questions), answer.predictions))


def measure_answers(gold: Sequence[QaExample], answer: QaPredictions) -> QaEvaluation:
    """Score what the service answered."""
    told = [one.answers[0].text if one.answers else "" for one in answer.predictions]
    scores = evaluate_answers(gold, told)
    return QaEvaluation(examples=scores.examples, exact_match=scores.exact_match, f1=scores.f1)


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
        checkpoints={tag: used for answer in answers for tag, used in answer.checkpoints.items()},
        usage=Usage(
            tokens=sum(answer.usage.tokens for answer in answers),
            queue_ms=sum(answer.usage.queue_ms for answer in answers),
            inference_ms=sum(answer.usage.inference_ms for answer in answers),
        ),
    )


def _batches(questions: Sequence[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """Cut questions into requests that the service takes."""
    batch: list[dict[str, str]] = []
    characters = 0
    for question in questions:
        own = len(question["context"])
        if batch and (len(batch) == BATCH or characters + own > MAX_CONTEXT_CHARACTERS):
            yield batch
            batch, characters = [], 0
        batch.append(question)
        characters += own
    if batch:
        yield batch


def _context(file: Path | None) -> str:
    """Return the text of a file or of stdin."""
    if file is None and sys.stdin.isatty():
        raise UsageFault("give --context, or pipe a text in")
    data = sys.stdin.buffer.read() if file is None else file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageFault(f"{file or 'stdin'} is not UTF-8 (byte {error.start})") from error
    if not text.strip():
        raise UsageFault(f"{file or 'stdin'} holds no text")
    return text
