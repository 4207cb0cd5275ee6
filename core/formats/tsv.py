"""Reader and writer of the TSV files of Multilingual Task-Oriented Dialog (Schuster et al. 2019).

Five columns without a header row and without quoting: intent, ``start:end:slot`` list, utterance, locale, and
tokenizations (JSON). Tokenizations are only compared with the character spans, which take precedence, because
the published tokens are lower-cased and lack combining characters.
"""

from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel, Field, ValidationError

from core.contracts.examples import MtodExample
from core.formats.diagnostics import Diagnostics, invalid_file
from core.formats.spans import SPAN_SEPARATOR, Span, format_spans, is_span_list, parse_spans
from core.formats.validation import fault_messages, validate_example

COLUMNS = ("intent", "slots", "utterance", "locale", "tokenizations")
REQUIRED_COLUMNS = 3
FORBIDDEN_CHARACTERS = {"\t": "a tab", "\n": "a line break", "\r": "a carriage return"}


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


def read_tsv(lines: Sequence[str], diagnostics: Diagnostics) -> list[MtodExample]:
    """Read a table; the last columns may be absent, and blank lines are skipped.

    Args:
        lines: Lines of the file.
        diagnostics: Receives faults and notes.
    """
    rows = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    return [example for number, line in rows if (example := _read_row(line, number, diagnostics))]


def looks_like_tsv(line: str) -> bool:
    """Return whether a line can be a row of a table."""
    columns = line.split("\t")
    return REQUIRED_COLUMNS <= len(columns) <= len(COLUMNS) and is_span_list(columns[1])


def write_mtod_tsv(examples: Iterable[MtodExample], *, locale: str = "") -> bytes:
    """Write a table without tokenizations.

    Reading returns equal examples, except that white space at the edges of spans is trimmed.

    Args:
        examples: The examples to write.
        locale: Value of the fourth column, such as ``es_XX``; without it, three columns are written.

    Raises:
        InvalidInput: Examples cannot be represented in a table; lists each of them.
    """
    rows = []
    faults: list[tuple[int, str]] = []
    for number, example in enumerate(examples, start=1):
        columns = [example.intent, format_spans(example.slots), example.text, *([locale] if locale else [])]
        rows.append("\t".join(columns) + "\n")
        faults.extend((number, detail) for detail in _unsupported(example))
    if faults:
        raise invalid_file(faults)
    return "".join(rows).encode()


def _read_row(row: str, line: int, diagnostics: Diagnostics) -> MtodExample | None:
    """Return the example of a row, or None if it has faults."""
    columns = row.split("\t")
    if not REQUIRED_COLUMNS <= len(columns) <= len(COLUMNS):
        diagnostics.add_fault(line, _column_fault(len(columns)))
        return None
    intent, span_list, text, locale, tokenizations = columns + [""] * (len(COLUMNS) - len(columns))
    spans = parse_spans(span_list, text, line=line, diagnostics=diagnostics)
    if locale:
        diagnostics.locales[locale] += 1
    if tokenizations:
        _compare_with_tokens(spans, tokenizations, line=line, diagnostics=diagnostics)
    fields = {"text": text, "intent": intent, "slots": [span._asdict() for span in spans]}
    return validate_example(fields, line, diagnostics)


def _column_fault(count: int) -> str:
    """Return the fault message for a wrong number of columns."""
    missing = " and ".join(COLUMNS[count:REQUIRED_COLUMNS])
    problem = f"{missing} missing" if missing else "too many"
    return f"expected 3 to 5 columns with tabs between them ({', '.join(COLUMNS)}), found {count}: {problem}"


def _compare_with_tokens(
    spans: Sequence[Span], tokenizations: str, *, line: int, diagnostics: Diagnostics
) -> None:
    """Note the row if a span does not begin and end at token boundaries."""
    try:
        document = _Tokenizations.model_validate_json(tokenizations)
    except ValidationError as error:
        for detail in fault_messages(error):
            diagnostics.add_fault(line, f"tokenizations: {detail}")
        return
    for tokenization in document.tokenizations[:1]:
        starts = {token.start for token in tokenization.token_spans}
        ends = {token.end for token in tokenization.token_spans}
        if any(span.start not in starts or span.end not in ends for span in spans):
            diagnostics.token_conflicts.append(line)


def _unsupported(example: MtodExample) -> Iterator[str]:
    """Yield each reason why an example cannot be represented in a table."""
    for character, name in FORBIDDEN_CHARACTERS.items():
        if character in example.text:
            yield f"text: a table cannot hold {name}; write JSONL"
    if example.tokens is not None:
        yield "tokens: a table cannot hold tokens; write JSONL"
    if example.intent.startswith("\ufeff"):
        yield "intent: begins with a byte order mark (U+FEFF)"
    for index, span in enumerate(example.slots):
        if SPAN_SEPARATOR in span.slot:
            yield f"slots/{index}: a table cannot hold a comma in a name, {span.slot!r}; write JSONL"
