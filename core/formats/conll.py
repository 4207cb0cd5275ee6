"""Reader of CoNLL files: one token with its tag per line, a blank line between utterances.

Two variants are supported. The MTOD release has ``# text:``, ``# intent:`` and ``# slots:`` headers above the
tokens. These take precedence, and contradicting tags are noted. Without ``# text:`` the text is the tokens
joined by a space, and without ``# slots:`` the spans are those of the tags.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from core.contracts.examples import MtodExample
from core.formats.bio import bio_to_spans, is_bio_tag, joined_offsets, offsets_in_text
from core.formats.diagnostics import Diagnostics
from core.formats.spans import Span, parse_spans, strip_possessive
from core.formats.validation import validate_example

HEADER = re.compile(r"#\s*(text|intent|slots)\s?[:=] ?(.*)", re.DOTALL)
"""At most one space follows the colon; further spaces are part of the value."""


class Header(NamedTuple):
    """The value of a header and its line."""

    line: int
    value: str


class Token(NamedTuple):
    """A token line.

    Attributes:
        line: Its number.
        text: The token.
        intent: Intent of the utterance, repeated on each of its lines; empty in files without this column.
        tag: BIO tag.
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
        """The distinct intents of the header and the token lines, in file order."""
        header = [self.headers["intent"].value] if "intent" in self.headers else []
        return list(dict.fromkeys(header + [token.intent for token in self.tokens if token.intent]))

    def line_of(self, header: str) -> int:
        """Return the line of a header, or the first line of the block."""
        return self.headers[header].line if header in self.headers else self.line


def read_conll(lines: Sequence[str], diagnostics: Diagnostics) -> list[MtodExample]:
    """Read utterances.

    Args:
        lines: The file's lines.
        diagnostics: Receives faults and notes.
    """
    blocks = _blocks(lines, diagnostics)
    return [example for block in blocks if (example := _read_block(block, diagnostics))]


def looks_like_conll(line: str) -> bool:
    """Return whether a line can be a header or a token with its tag."""
    columns = _columns(line)
    return HEADER.fullmatch(line) is not None or (2 <= len(columns) <= 4 and is_bio_tag(columns[-1]))


def _blocks(lines: Sequence[str], diagnostics: Diagnostics) -> Iterator[Block]:
    """Split the file at blank lines; blocks that contain only comments are skipped."""
    block: Block | None = None
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            block = block or Block(number)
            _add_line(block, line, number, diagnostics)
        elif block is not None:
            if block.headers or block.tokens:
                yield block
            block = None


def _add_line(block: Block, line: str, number: int, diagnostics: Diagnostics) -> None:
    """Add a header or a token to a block; comments are ignored."""
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
        diagnostics.add_fault(number, token)
    else:
        block.tokens.append(token)


def _is_tagged_hash(line: str) -> bool:
    """Return whether a line is the token ``#`` with its tag, and not a comment."""
    columns = _columns(line)
    return len(columns) == 2 and columns[0] == "#" and is_bio_tag(columns[1])


def _columns(line: str) -> list[str]:
    """Split at tabs, or at white space if the line has no tab."""
    return line.split("\t") if "\t" in line else line.split()


def _token(line: str, number: int) -> Token | str:
    """Return the token of a line, or a description of its fault."""
    columns = _columns(line)
    if not 2 <= len(columns) <= 4:
        return f"expected 2 to 4 columns (number, token, intent, tag), found {len(columns)}"
    if len(columns) > 2 and not columns[0].isdecimal():
        return (
            f"expected the number of the token in the first of {len(columns)} columns, found {columns[0]!r}"
        )
    text, tag = columns[min(1, len(columns) - 2)], columns[-1]
    if not is_bio_tag(tag):
        return f"expected O, B-slot or I-slot in the last column, found {tag!r}"
    if not text.strip():
        return "the token is empty"
    return Token(number, text, columns[2] if len(columns) == 4 else "", tag)


def _read_block(block: Block, diagnostics: Diagnostics) -> MtodExample | None:
    """Return the example of a block, or None if it has faults."""
    tokens = [token.text for token in block.tokens]
    text = block.headers["text"].value if "text" in block.headers else " ".join(tokens)
    spans = _spans(block, text, diagnostics)
    intents = block.intents
    if len(intents) != 1:
        problem = f"found {', '.join(intents)}" if intents else "found none in '# intent:' or a column"
        diagnostics.add_fault(block.line_of("intent"), f"intent: expected one for the utterance, {problem}")
        return None
    fields = {"text": text, "intent": intents[0], "slots": [span._asdict() for span in spans]}
    return validate_example(fields, block.line_of("text"), diagnostics)


def _spans(block: Block, text: str, diagnostics: Diagnostics) -> list[Span]:
    """Return the spans of the ``# slots:`` header if there is one, else those of the tags."""
    tokens = [token.text for token in block.tokens]
    offsets = offsets_in_text(tokens, text) if "text" in block.headers else joined_offsets(tokens)
    tag_spans, orphans = bio_to_spans([token.tag for token in block.tokens], offsets) if offsets else ([], [])
    if "slots" in block.headers:
        line, value = block.headers["slots"]
        spans = parse_spans(value, text, line=line, diagnostics=diagnostics)
        if tokens and tag_spans != sorted(spans):
            diagnostics.token_conflicts.append(line)
        return [strip_possessive(span, text, line=line, diagnostics=diagnostics) for span in spans]
    if offsets is None:
        diagnostics.add_fault(block.line_of("text"), "text: the tokens below do not follow each other in it")
    diagnostics.orphan_tags.extend(block.tokens[index].line for index in orphans)
    return tag_spans
