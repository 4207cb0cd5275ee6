"""Parsing of files that are one JSON document, and inspection of their beginning without parsing."""

import json
import re
from collections.abc import Iterator, Sequence

from pydantic_core import from_json

from core.contracts.field_faults import FieldFault, json_pointer
from core.formats.diagnostics import invalid_file
from core.formats.strict_json import parse_strict

STRING_OR_BRACKET = re.compile(r'"([^"\\\n]*+(?:\\.[^"\\\n]*+)*+)(?:"(?:\s*:\s*(?=(\S)))?)?|[{}\[\]]')
"""A bracket, or a string, with the first character of its value if it is a name. A line break ends a string
too, so that a missing quote affects only its line."""

ERROR_POSITION = re.compile(r"(.*) at line (\d+) column (\d+)", re.DOTALL)
"""A message of the parser with the position of the error."""

HEX_ESCAPE = "hex escape"
"""Part of the parser's messages about unpaired surrogates, which are not syntax errors."""

NON_JSON_NUMBERS = ("NaN", "Infinity")
"""Number literals of Python and JavaScript that are not JSON."""


HEAD_CHARACTERS = 100_000
"""Length of the part that is inspected: the names that identify a document are at its beginning."""


def document_head(lines: Sequence[str]) -> str:
    """Return the first `HEAD_CHARACTERS` characters of a file, rounded up to whole lines."""
    head, size = [], 0
    for line in lines:
        head.append(line)
        size += len(line) + 1
        if size > HEAD_CHARACTERS:
            break
    return "\n".join(head)


def first_members(text: str) -> Iterator[tuple[str, str]]:
    """Scan the first JSON object of a text without parsing it, so that invalid documents are supported too.

    Yields:
        Each member name of the object itself (not of nested ones), and the first character of its value.
    """
    depth = 0
    for match in STRING_OR_BRACKET.finditer(text, 0, HEAD_CHARACTERS):
        if match[1] is not None:
            if match[2] and depth == 1:
                yield match[1], match[2]
        elif match[0] in "{[":
            depth += 1
        else:
            depth -= 1
            if depth <= 0:
                return


def parse_document(lines: Sequence[str]) -> object:
    """Parse a file as one JSON document.

    Raises:
        InvalidInput: The file is not JSON (with line and column), or an object has a repeated name.
    """
    document, repetitions = parse_text(lines)
    if repetitions:
        raise invalid_file([(json_pointer(fault.place), fault.detail) for fault in repetitions])
    return document


def parse_text(lines: Sequence[str]) -> tuple[object, list[FieldFault]]:
    """Parse lines as one JSON document.

    Pydantic's parser runs first, because it reports positions and limits the depth. Python's parser follows,
    because it detects repeated names and accepts unpaired surrogates, which are then reported for their field
    and not for the whole document.

    Returns:
        The document, and a fault for each object with a repeated name.

    Raises:
        InvalidInput: It is not JSON, with line and column.
    """
    text = "\n".join(lines)
    try:
        from_json(text, allow_inf_nan=False)
    except ValueError as error:
        if HEX_ESCAPE not in str(error):
            raise invalid_file([_syntax_fault(str(error), lines)]) from None
    try:
        return parse_strict(text)
    except json.JSONDecodeError as error:
        raise invalid_file([(error.lineno, f"not JSON: {error.msg} at column {error.colno}")]) from None
    except (ValueError, RecursionError) as error:
        raise invalid_file([(1, f"not JSON: {error}")]) from None


def _syntax_fault(message: str, lines: Sequence[str]) -> tuple[int, str]:
    """Return the line and description of a syntax error from the parser's message."""
    match = ERROR_POSITION.fullmatch(message)
    if match is None:
        return 1, f"not JSON: {message}"
    number, column = int(match[2]), max(int(match[3]) - 1, 0)
    line = lines[number - 1]
    # The parser counts the bytes of the line; an editor counts characters.
    column = len(line.encode()[:column].decode(errors="ignore"))
    problem = match[1].replace("recursion limit exceeded", "nested too deeply")
    constant = next((name for name in NON_JSON_NUMBERS if line.startswith(name, column)), None)
    if constant:
        problem = f"{constant} is not a number"
    return number, f"not JSON: {problem} at column {column + 1}"
