"""``xmetra predict`` and ``xmetra evaluate``: predictions and their measurement."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.batched_predictions import predict_in_batches
from app.cli.exit_codes import UsageFault
from app.cli.inputs import read_text, source_name
from app.cli.options import DEFAULT_TASK, AsJson, Checkpoint, Examples, Key, Language, Task, Url
from app.cli.rendering.console import print_notes, results, write_json
from app.cli.rendering.tables import documents_table, evaluation_table, percent, predictions_table
from app.cli.service_connection import connect
from core.contracts.evaluations import Evaluation, MtodEvaluation
from core.contracts.values import QA
from core.tasks.registry import task_spec
from xmetra_client import DEFAULT_URL
from xmetra_client.models import MtodPredictions


def predict(  # noqa: PLR0913  a command line is its options
    language: Language,
    utterances: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="UTTERANCE",
            help="Utterances; without them, the lines of stdin are read.",
            show_default=False,
        ),
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Text file with one utterance on each line.", exists=True, dir_okay=False, show_default=False
        ),
    ] = None,
    task: Task = DEFAULT_TASK,
    checkpoint: Checkpoint = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Predict the intent and slots of utterances.

    Example: [bold]xmetra predict es "pon una alarma para las 7"[/]
    """
    if task == QA:
        raise UsageFault("questions need a text: use `xmetra ask`")
    texts = utterances or _lines(file)
    with connect(url, key) as client:
        response = predict_in_batches(client, task, texts, language=language, checkpoint=checkpoint)
    if as_json:
        write_json(response)
    elif isinstance(response, MtodPredictions):
        results().print(predictions_table(response.predictions))
    else:
        results().print(documents_table(response.model_dump(mode="json")["predictions"]))


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
    """Measure a model on labelled utterances, or on questions with their answers.

    Example: [bold]xmetra evaluate es samples/mtod/es.held-out.jsonl[/]
    """
    with connect(url, key) as client:
        result = client.evaluate(language, examples, task=task, checkpoint=checkpoint)
    if as_json:
        write_json(result.evaluation)
        return
    evaluation = task_spec(task).evaluation.model_validate(result.evaluation.model_dump())
    console = results()
    if isinstance(evaluation, MtodEvaluation):
        console.print(evaluation_table(evaluation))
    console.print(summary(evaluation))
    if not result.adapted:
        print_notes([f"{language} has not been adapted; the base answered zero-shot"])


def summary(evaluation: Evaluation) -> str:
    """Return the number of examples and the rates in one line, as markup."""
    rates = ", ".join(f"{name} {percent(rate)}" for name, rate in evaluation.headline.items())
    return f"[bold]{evaluation.examples} examples: {rates}[/]"


def _lines(file: Path | None) -> list[str]:
    """Return the lines of a file or of stdin, without blank ones.

    Raises:
        UsageFault: There are none, or the text is not UTF-8.
    """
    text = read_text(file, remedy="expected an utterance after the language, --file, or lines on stdin")
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if not lines:
        raise UsageFault(f"{source_name(file)} holds no utterance")
    return lines
