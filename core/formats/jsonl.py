"""Reader and writer of JSONL files: one example per line, with the fields of the API."""

from collections.abc import Iterable, Iterator, Sequence

from pydantic import ValidationError

from core.contracts.examples import Example, MtodExample
from core.contracts.field_faults import field_faults
from core.contracts.qa_examples import QaExample
from core.errors import InvalidInput
from core.formats.diagnostics import Diagnostics, ExampleT
from core.formats.json_documents import parse_text
from core.formats.question_ids import QuestionIds
from core.formats.validation import add_faults


def read_utterance_lines(lines: Sequence[str], diagnostics: Diagnostics) -> list[MtodExample]:
    """Read utterances without changes; blank lines are skipped.

    Args:
        lines: Lines of the file; at least one is not blank.
        diagnostics: Receives the faults.
    """
    return read_example_lines(lines, diagnostics, MtodExample)


def read_example_lines(
    lines: Sequence[str], diagnostics: Diagnostics, model: type[ExampleT]
) -> list[ExampleT]:
    """Read examples without changes; blank lines are skipped.

    Args:
        lines: Lines of the file; at least one is not blank.
        diagnostics: Receives the faults.
        model: Class of the examples.
    """
    return [example for _, example in _numbered(lines, diagnostics, model)]


def read_question_lines(lines: Sequence[str], diagnostics: Diagnostics) -> list[QaExample]:
    """Read questions without changes; blank lines are skipped.

    Args:
        lines: Lines of the file; at least one is not blank.
        diagnostics: Receives the faults, repeated ids among them.
    """
    ids = QuestionIds()
    examples = []
    for number, example in _numbered(lines, diagnostics, QaExample):
        if problem := ids.register(example.id, number):
            diagnostics.add_fault(number, problem)
        examples.append(example)
    return examples


def write_jsonl(examples: Iterable[Example]) -> bytes:
    """Write examples, so that reading returns equal ones.

    Repeated ids of questions are not checked here, but by the reader.
    """
    return "".join(f"{example.model_dump_json(exclude_none=True)}\n" for example in examples).encode()


def _numbered(
    lines: Sequence[str], diagnostics: Diagnostics, model: type[ExampleT]
) -> Iterator[tuple[int, ExampleT]]:
    """Yield each example with its line number."""
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    number, first = filled[0]
    if first.lstrip().startswith("[") or first.strip() == "{":
        # Reported once: all further lines of such a file are invalid for the same reason.
        diagnostics.add_fault(
            number, "expected one JSON object a line, found a JSON document of many lines or a list"
        )
        return
    for number, line in filled:
        if (example := _example(line, number, model, diagnostics)) is not None:
            yield number, example


def _example(line: str, number: int, model: type[ExampleT], diagnostics: Diagnostics) -> ExampleT | None:
    """Return the example of a line, or None if it has faults."""
    try:
        document, repetitions = parse_text([line])
    except InvalidInput as error:
        for fault in error.faults:
            diagnostics.add_fault(number, fault.detail)
        return None
    if repetitions:
        add_faults(repetitions, number, diagnostics)
        return None
    try:
        return model.model_validate(document)
    except ValidationError as error:
        add_faults(field_faults(error.errors(include_url=False)), number, diagnostics)
        return None
