"""``xmetra predict`` and ``xmetra evaluate``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.cli.commands.ask import ask_all, measure_answers
from app.cli.exit_codes import UsageFault
from app.cli.inputs import read_text, source_of
from app.cli.options import DEFAULT_TASK, AsJson, Checkpoint, Examples, Key, Language, Task, Url
from app.cli.rendering.console import messages, results, write_json
from app.cli.rendering.tables import evaluation_table, percent, predictions_table
from app.client.sync_client import Client
from app.client.transport import DEFAULT_URL
from app.schemas.responses import MtodPredictions, Usage, used_checkpoints
from core.contracts.evaluations import Evaluation, MtodEvaluation, QaEvaluation
from core.contracts.examples import MtodExample, SlotSpan
from core.contracts.predictions import MtodPrediction
from core.contracts.values import TaskName
from core.formats import read_examples, read_questions
from core.tasks.mtod.metrics import evaluate_predictions

BATCH = 64
"""Utterances in one request: small enough to be answered within the time limit on a slow machine."""


def predict(
    language: Language,
    utterances: Annotated[
        list[str] | None,
        typer.Argument(help="What was said; without it, lines of stdin.", show_default=False),
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            help="A text file, an utterance a line.", exists=True, dir_okay=False, show_default=False
        ),
    ] = None,
    checkpoint: Checkpoint = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Tell intent and slots of utterances.

    Example: [bold]xmetra predict es "pon una alarma para las 7"[/]
    """
    texts = utterances or _lines(file)
    with Client(url, key=key) as client:
        answer = predict_all(client, texts, language=language, checkpoint=checkpoint)
    if as_json:
        write_json(answer)
    else:
        results().print(predictions_table(answer.predictions))


def evaluate(
    language: Language,
    examples: Examples,
    *,
    checkpoint: Checkpoint = None,
    task: Task = DEFAULT_TASK,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Measure the model in service on labelled utterances, or on questions with their answers.

    Example: [bold]xmetra evaluate es samples/mtod/es.held-out.jsonl[/]
    """
    measure = measure_utterances if task is TaskName.MTOD else measure_questions
    with Client(url, key=key) as client:
        evaluation, adapted = measure(client, examples, language=language, checkpoint=checkpoint)
    if as_json:
        write_json(evaluation)
        return
    console = results()
    if isinstance(evaluation, MtodEvaluation):
        console.print(evaluation_table(evaluation))
    console.print(summary(evaluation))
    if not adapted:
        messages().print(f"[yellow]note:[/] {language} has not been adapted; the base answered zero-shot")


def measure_utterances(
    client: Client, file: Path, *, language: str, checkpoint: str | None
) -> tuple[MtodEvaluation, bool]:
    """Return how well the service reads a file's utterances, and whether it has learnt the language."""
    gold = read_examples(file.read_bytes(), name=file.name)
    answer = predict_all(client, [one.text for one in gold], language=language, checkpoint=checkpoint)
    return compare(gold, answer.predictions), all(one.adapted for one in answer.predictions)


def measure_questions(
    client: Client, file: Path, *, language: str, checkpoint: str | None
) -> tuple[QaEvaluation, bool]:
    """Return how well the service answers a file's questions, and whether it has learnt the language."""
    gold = read_questions(file.read_bytes(), name=file.name)
    asked = [{"question": one.question, "context": one.context} for one in gold]
    answer = ask_all(client, asked, language=language, checkpoint=checkpoint)
    return measure_answers(gold, answer), all(one.adapted for one in answer.predictions)


def summary(evaluation: Evaluation) -> str:
    """Return the rates in one line, as markup."""
    rates = ", ".join(f"{name} {percent(rate)}" for name, rate in evaluation.headline.items())
    return f"[bold]{evaluation.examples} examples: {rates}[/]"


def compare(gold: Sequence[MtodExample], predictions: Sequence[MtodPrediction]) -> MtodEvaluation:
    """Score what the service answered."""
    predicted = [
        (
            prediction.intent.name,
            tuple(SlotSpan(slot=slot.slot, start=slot.start, end=slot.end) for slot in prediction.slots),
        )
        for prediction in predictions
    ]
    return evaluate_predictions(gold, predicted)


def predict_all(
    client: Client, texts: Sequence[str], *, language: str, checkpoint: str | None = None
) -> MtodPredictions:
    """Ask for all of them, a batch at a time; the answers keep the order, the usage is the sum."""
    answers = [
        client.predict_mtod(texts[start : start + BATCH], language=language, checkpoint=checkpoint)
        for start in range(0, len(texts), BATCH)
    ]
    return MtodPredictions(
        predictions=tuple(prediction for answer in answers for prediction in answer.predictions),
        checkpoints=used_checkpoints(answers),
        usage=Usage.total(answer.usage for answer in answers),
    )


def _lines(file: Path | None) -> list[str]:
    """Return the utterances of a file or of stdin; blank lines are nobody's."""
    text = read_text(file, remedy="say an utterance, or give --file, or pipe lines in")
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines:
        raise UsageFault(f"{source_of(file)} holds no utterance")
    return lines
