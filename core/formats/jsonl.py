"""Our own format: one example a line, with exactly the fields of the API."""

from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from core.contracts.examples import MtodExample
from core.formats.notes import Findings
from core.formats.validation import tell


def read_jsonl(lines: Sequence[str], findings: Findings) -> list[MtodExample]:
    """Read examples exactly as they stand; blank lines are skipped.

    Args:
        lines: The file's lines.
        findings: Receives the faults.
    """
    written = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    number, first = written[0]
    if first.lstrip().startswith("[") or first.strip() == "{":
        # Told once: every further line of such a file is broken for the same reason.
        findings.fault(
            number, "expected one JSON object a line, found a JSON document of many lines or a list"
        )
        return []
    return [example for number, line in written if (example := _read_line(line, number, findings))]


def write_jsonl(examples: Iterable[MtodExample]) -> bytes:
    """Write examples so that reading gives them back unchanged."""
    return "".join(f"{example.model_dump_json(exclude_none=True)}\n" for example in examples).encode()


def _read_line(line: str, number: int, findings: Findings) -> MtodExample | None:
    """Read one example, or tell what is wrong with it."""
    try:
        return MtodExample.model_validate_json(line)
    except ValidationError as error:
        tell(error, number, findings)
        return None
