"""``xmetra ask``: answers to questions."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.batched_predictions import merge_predictions
from app.cli.exit_codes import UsageFault
from app.cli.inputs import read_text, source_name
from app.cli.options import AsJson, Checkpoint, Key, Language, Url
from app.cli.rendering.answers import answers_table
from app.cli.rendering.console import results, write_json
from app.cli.service_connection import connect
from app.schemas.limits import DEFAULTS
from xmetra_client import DEFAULT_URL, Client
from xmetra_client.models import QaPredictions

MAX_QUESTIONS: Final = 16
"""Questions in one request: few enough to be answered within the client's timeout on a slow machine."""


def ask(  # noqa: PLR0913  a command line is its options
    language: Language,
    questions: Annotated[
        list[str], typer.Argument(metavar="QUESTION", help="Questions.", show_default=False)
    ],
    *,
    context: Annotated[
        Path | None,
        typer.Option(
            help="Text file that contains the answers; without it, stdin is read.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    top_k: Annotated[
        int, typer.Option(min=1, max=100, help="Maximum number of answers to each question.")
    ] = 1,
    checkpoint: Checkpoint = None,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Answer questions on a text.

    Example: [bold]xmetra ask es "¿Cuándo abrió la panadería?" --context article.txt[/]
    """
    text = _read_context(context)
    inputs = [{"question": question, "context": text} for question in questions]
    with connect(url, key) as client:
        response = answer_in_batches(client, inputs, language=language, checkpoint=checkpoint, top_k=top_k)
    if as_json:
        write_json(response)
    else:
        results().print(answers_table(questions, [text] * len(questions), response.predictions))


def answer_in_batches(
    client: Client,
    questions: Sequence[dict[str, str]],
    *,
    language: str,
    checkpoint: str | None = None,
    top_k: int = 1,
) -> QaPredictions:
    """Return the answers to questions, in their order, with the sum of the usage.

    Args:
        client: Client of the service.
        questions: At least one question, with its context.
        language: BCP-47 tag of the questions.
        checkpoint: Id of the checkpoint; the one that serves the language by default.
        top_k: Maximum number of answers to each question.
    """
    return merge_predictions(
        [
            client.predict_qa(batch, language=language, checkpoint=checkpoint, top_k=top_k)
            for batch in _batches(questions)
        ]
    )


def _batches(questions: Sequence[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """Yield the questions of each request, within the limits of a service with default settings."""
    batch: list[dict[str, str]] = []
    characters = 0
    for question in questions:
        length = len(question["context"])
        is_full = len(batch) == MAX_QUESTIONS or characters + length > DEFAULTS.max_context_characters
        if batch and is_full:
            yield batch
            batch, characters = [], 0
        batch.append(question)
        characters += length
    if batch:
        yield batch


def _read_context(file: Path | None) -> str:
    """Return the text of a file or of stdin.

    Raises:
        UsageFault: The text is blank, or is not UTF-8.
    """
    text = read_text(file, remedy="expected a text: --context, or stdin")
    if not text.strip():
        raise UsageFault(f"{source_name(file)} holds no text")
    return text
