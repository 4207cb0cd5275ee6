"""CoNLL files: a token and its tag a line, a blank line between utterances.

Two kinds are read. The MTOD release puts ``# text:``, ``# intent:`` and ``# slots:`` above the tokens;
those headers are taken, and where the tags say something else it is noted. Without a ``# text:`` the text
is the tokens joined by a space, and without ``# slots:`` the tags make the spans.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from core.contracts.examples import MtodExample
from core.formats.bio import is_tag, places_in_text, places_when_joined, spans_of_tags
from core.formats.notes import Findings
from core.formats.spans import Span, parse_spans, without_possessive
from core.formats.validation import checked_example

HEADER = re.compile(r"#\s*(text|intent|slots)\s?[:=] ?(.*)", re.DOTALL)
"""At most one space follows the colon; any further one belongs to the value."""


class Header(NamedTuple):
    """The value of a header and where it stands."""

    line: int
    value: str


class Token(NamedTuple):
    """One token line.

    Attributes:
        intent: The utterance's intent, repeated on each of its lines; empty in files without it.
    """

    line: int
    text: str
    intent: str
    tag: str


@dataclass(slots=True)
class Block:
    """The lines of one utterance."""

    line: int
    headers: dict[str, Header] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)

    @property
    def intents(self) -> list[str]:
        """Every different intent that the header and the token lines give, in their order."""
        header = [self.headers["intent"].value] if "intent" in self.headers else []
        return list(dict.fromkeys(header + [token.intent for token in self.tokens if token.intent]))

    def line_of(self, header: str) -> int:
        """Return the line of a header, or the first line of the block."""
        return self.headers[header].line if header in self.headers else self.line


def read_conll(lines: Sequence[str], findings: Findings) -> list[MtodExample]:
    """Read utterances.

    Args:
        lines: The file's lines.
        findings: Receives faults and notes.
    """
    blocks = _blocks(lines, findings)
    return [example for block in blocks if (example := _read_block(block, findings))]


def looks_like_conll(line: str) -> bool:
    """Tell whether a line can be a header or a token with its tag."""
    columns = _columns(line)
    return HEADER.fullmatch(line) is not None or (2 <= len(columns) <= 4 and is_tag(columns[-1]))


def _blocks(lines: Sequence[str], findings: Findings) -> Iterator[Block]:
    """Cut the file at its blank lines; a block of nothing but comments is none."""
    block: Block | None = None
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            block = block or Block(number)
            _add_line(block, line, number, findings)
        elif block is not None:
            if block.headers or block.tokens:
                yield block
            block = None


def _add_line(block: Block, line: str, number: int, findings: Findings) -> None:
    """Put a line where it belongs: a header, a comment to pass over, or a token."""
    if not block.tokens and line.startswith("#"):
        header = HEADER.fullmatch(line)
        if header is not None:
            value = header[2] if header[1] == "text" else header[2].strip()
            block.headers[header[1]] = Header(number, value)
            return
        if not _is_tagged_hash(line):
            return
    token = _token(line, number)
    if isinstance(token, str):
        findings.fault(number, token)
    else:
        block.tokens.append(token)


def _is_tagged_hash(line: str) -> bool:
    """Tell whether a line is the token ``#`` with its tag, and no comment."""
    columns = _columns(line)
    return len(columns) == 2 and columns[0] == "#" and is_tag(columns[1])


def _columns(line: str) -> list[str]:
    """Split at tabs, or at white space where the line has no tab."""
    return line.split("\t") if "\t" in line else line.split()


def _token(line: str, number: int) -> Token | str:
    """Read a token line, or say what is wrong with it."""
    columns = _columns(line)
    if not 2 <= len(columns) <= 4:
        return f"expected 2 to 4 columns (number, token, intent, tag), found {len(columns)}"
    if len(columns) > 2 and not columns[0].isdecimal():
        return (
            f"expected the number of the token in the first of {len(columns)} columns, found {columns[0]!r}"
        )
    text, tag = columns[min(1, len(columns) - 2)], columns[-1]
    if not is_tag(tag):
        return f"expected O, B-slot or I-slot in the last column, found {tag!r}"
    if not text.strip():
        return "the token is empty"
    return Token(number, text, columns[2] if len(columns) == 4 else "", tag)


def _read_block(block: Block, findings: Findings) -> MtodExample | None:
    """Make an example of a block, or tell what is wrong with it."""
    tokens = [token.text for token in block.tokens]
    text = block.headers["text"].value if "text" in block.headers else " ".join(tokens)
    spans = _spans(block, text, findings)
    intents = block.intents
    if len(intents) != 1:
        told = f"found {', '.join(intents)}" if intents else "found none in '# intent:' or a column"
        findings.fault(block.line_of("intent"), f"intent: expected one for the utterance, {told}")
        return None
    fields = {"text": text, "intent": intents[0], "slots": [span._asdict() for span in spans]}
    return checked_example(fields, block.line_of("text"), findings)


def _spans(block: Block, text: str, findings: Findings) -> list[Span]:
    """Take the spans of the header where there is one, and those of the tags otherwise."""
    tokens = [token.text for token in block.tokens]
    places = places_in_text(tokens, text) if "text" in block.headers else places_when_joined(tokens)
    tagged, orphans = spans_of_tags([token.tag for token in block.tokens], places) if places else ([], [])
    if "slots" in block.headers:
        line, value = block.headers["slots"]
        spans = parse_spans(value, text, line=line, findings=findings)
        if tokens and tagged != sorted(spans):
            findings.disagreeing.append(line)
        return [without_possessive(span, text, line=line, findings=findings) for span in spans]
    if places is None:
        findings.fault(block.line_of("text"), "text: the tokens below do not follow each other in it")
    findings.repaired.extend(block.tokens[index].line for index in orphans)
    return tagged
