"""The tables of Multilingual Task-Oriented Dialog (Schuster et al. 2019).

Five columns without a heading and without quoting: intent, ``start:end:slot`` list, utterance, locale,
and the publisher's tokenizations (JSON). Those serve only to tell where they contradict the character
spans, which are taken: tokens are lower-cased and lose combining signs.
"""

from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel, Field, ValidationError

from core.contracts.examples import MtodExample
from core.formats.notes import Findings, invalid
from core.formats.spans import BETWEEN_SPANS, Span, format_spans, is_span_list, parse_spans
from core.formats.validation import checked_example, fault_details

COLUMNS = ("intent", "slots", "utterance", "locale", "tokenizations")
NEEDED_COLUMNS = 3
NOT_IN_A_COLUMN = {"\t": "a tab", "\n": "a line break", "\r": "a carriage return"}


class _TokenSpan(BaseModel):
    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.length


class _Tokenization(BaseModel):
    token_spans: tuple[_TokenSpan, ...] = Field(alias="tokenSpans")


class _Tokenizations(BaseModel):
    tokenizations: tuple[_Tokenization, ...]


def read_tsv(lines: Sequence[str], findings: Findings) -> list[MtodExample]:
    """Read a table; the last columns may be absent, and blank lines are skipped.

    Args:
        lines: The file's lines.
        findings: Receives faults and notes.
    """
    written = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    return [example for number, line in written if (example := _read_row(line, number, findings))]


def looks_like_tsv(line: str) -> bool:
    """Tell whether a line can be a row of such a table."""
    columns = line.split("\t")
    return NEEDED_COLUMNS <= len(columns) <= len(COLUMNS) and is_span_list(columns[1])


def write_mtod_tsv(examples: Iterable[MtodExample], *, locale: str = "") -> bytes:
    """Write a table without tokenizations.

    Reading it gives the examples back unchanged, except that spans lose white space at their edges.

    Args:
        examples: What to write.
        locale: For the fourth column, ``es_XX``; without it three columns are written.

    Raises:
        InvalidInput: Every example that a table cannot hold.
    """
    rows = []
    faults: list[tuple[int, str]] = []
    for number, example in enumerate(examples, start=1):
        columns = [example.intent, format_spans(example.slots), example.text, *([locale] if locale else [])]
        rows.append("\t".join(columns) + "\n")
        faults.extend((number, detail) for detail in _obstacles(example))
    if faults:
        raise invalid(faults)
    return "".join(rows).encode()


def _read_row(row: str, line: int, findings: Findings) -> MtodExample | None:
    """Read one row, or tell what is wrong with it."""
    columns = row.split("\t")
    if not NEEDED_COLUMNS <= len(columns) <= len(COLUMNS):
        findings.fault(line, _column_fault(len(columns)))
        return None
    intent, span_list, text, locale, tokenizations = columns + [""] * (len(COLUMNS) - len(columns))
    spans = parse_spans(span_list, text, line=line, findings=findings)
    if locale:
        findings.locales[locale] += 1
    if tokenizations:
        _compare(spans, tokenizations, line=line, findings=findings)
    fields = {"text": text, "intent": intent, "slots": [span._asdict() for span in spans]}
    return checked_example(fields, line, findings)


def _column_fault(count: int) -> str:
    """Say which needed columns are missing, or that there are too many."""
    missing = " and ".join(COLUMNS[count:NEEDED_COLUMNS])
    told = f"{missing} missing" if missing else "too many"
    return f"expected 3 to 5 columns with tabs between them ({', '.join(COLUMNS)}), found {count}: {told}"


def _compare(spans: Sequence[Span], tokenizations: str, *, line: int, findings: Findings) -> None:
    """Note the row when a span does not begin and end with a token."""
    try:
        published = _Tokenizations.model_validate_json(tokenizations)
    except ValidationError as error:
        for detail in fault_details(error):
            findings.fault(line, f"tokenizations: {detail}")
        return
    for tokenization in published.tokenizations[:1]:
        starts = {token.start for token in tokenization.token_spans}
        ends = {token.end for token in tokenization.token_spans}
        if any(span.start not in starts or span.end not in ends for span in spans):
            findings.disagreeing.append(line)


def _obstacles(example: MtodExample) -> Iterator[str]:
    """Yield each reason why a table cannot hold an example."""
    for character, name in NOT_IN_A_COLUMN.items():
        if character in example.text:
            yield f"text: a table cannot hold {name}; write JSONL"
    if example.tokens is not None:
        yield "tokens: a table cannot hold tokens; write JSONL"
    if example.intent.startswith("\ufeff"):
        yield "intent: begins with a byte order mark (U+FEFF)"
    for index, span in enumerate(example.slots):
        if BETWEEN_SPANS in span.slot:
            yield f"slots/{index}: a table cannot hold a comma in a name, {span.slot!r}; write JSONL"
