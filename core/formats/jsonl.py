"""Our own format: one example a line, with exactly the fields of the API."""

from collections.abc import Iterable, Iterator, Sequence

from pydantic import ValidationError

from core.contracts.examples import Example, MtodExample
from core.contracts.questions import QaExample
from core.formats.notes import Findings, Read
from core.formats.question_ids import QuestionIds
from core.formats.validation import tell


def read_utterance_lines(lines: Sequence[str], findings: Findings) -> list[MtodExample]:
    """Read utterances exactly as they stand; blank lines are skipped.

    Args:
        lines: The file's lines.
        findings: Receives the faults.
    """
    return [example for _, example in _numbered(lines, findings, MtodExample)]


def read_question_lines(lines: Sequence[str], findings: Findings) -> list[QaExample]:
    """Read questions exactly as they stand; blank lines are skipped.

    Args:
        lines: The file's lines.
        findings: Receives the faults.
    """
    ids = QuestionIds()
    examples = []
    for number, example in _numbered(lines, findings, QaExample):
        if repetition := ids.repetition(example.id, number):
            findings.fault(number, repetition)
        examples.append(example)
    return examples


def write_jsonl(examples: Iterable[Example]) -> bytes:
    """Write examples so that reading gives them back unchanged.

    Questions that share an id are written as they are; it is reading that refuses them.
    """
    return "".join(f"{example.model_dump_json(exclude_none=True)}\n" for example in examples).encode()


def _numbered(lines: Sequence[str], findings: Findings, model: type[Read]) -> Iterator[tuple[int, Read]]:
    """Yield every example with its line."""
    written = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    number, first = written[0]
    if first.lstrip().startswith("[") or first.strip() == "{":
        # Told once: every further line of such a file is broken for the same reason.
        findings.fault(
            number, "expected one JSON object a line, found a JSON document of many lines or a list"
        )
        return
    for number, line in written:
        try:
            yield number, model.model_validate_json(line)
        except ValidationError as error:
            tell(error, number, findings)
