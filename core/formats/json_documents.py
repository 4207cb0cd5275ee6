"""A file that is one JSON document: a look at how it begins, and the strict parse of all of it."""

import re
from collections.abc import Iterator, Sequence

from pydantic_core import from_json

from core.formats.notes import invalid

STRING_OR_BRACKET = re.compile(r'"([^"\\\n]*+(?:\\.[^"\\\n]*+)*+)(?:"(?:\s*:\s*(?=(\S)))?)?|[{}\[\]]')
"""A bracket, or a string, with the first character of its value if it is a name; a line break ends a string
too, so that a forgotten quote spoils no more than its line."""

PLACED = re.compile(r"(.*) at line (\d+) column (\d+)", re.DOTALL)
"""How the parser says what it stumbled over, and where."""

NOT_NUMBERS = ("NaN", "Infinity")
"""Numbers to Python and to JavaScript, which JSON has not."""


CHARACTERS_LOOKED_AT = 100_000
"""The names that tell a document's kind stand at its beginning; a broken one is not searched to its end."""


def beginning(lines: Sequence[str]) -> str:
    """Return as much of a file as is looked at: a file may be large, and a look is taken more than once."""
    taken, size = [], 0
    for line in lines:
        taken.append(line)
        size += len(line) + 1
        if size > CHARACTERS_LOOKED_AT:
            break
    return "\n".join(taken)


def first_members(text: str) -> Iterator[tuple[str, str]]:
    """Look through the first object of a text without parsing it, so that a broken one shows its names too.

    Yields:
        Each name of the object itself, and the character that its value begins with.
    """
    depth = 0
    for found in STRING_OR_BRACKET.finditer(text, 0, CHARACTERS_LOOKED_AT):
        if found[1] is not None:
            if found[2] and depth == 1:
                yield found[1], found[2]
        elif found[0] in "{[":
            depth += 1
        else:
            depth -= 1
            if depth <= 0:
                return


def parse_document(lines: Sequence[str]) -> object:
    """Parse a file as one JSON document; neither depth nor size makes this fail in another way than told.

    Raises:
        InvalidInput: It is not JSON, and where that shows.
    """
    try:
        return from_json("\n".join(lines), allow_inf_nan=False)
    except ValueError as error:
        raise invalid([_told(str(error), lines)]) from None


def _told(message: str, lines: Sequence[str]) -> tuple[int, str]:
    """Turn the parser's message into a line and a sentence."""
    placed = PLACED.fullmatch(message)
    if placed is None:
        return 1, f"not JSON: {message}"
    number, column = int(placed[2]), max(int(placed[3]) - 1, 0)
    line = lines[number - 1]
    # The parser counts the bytes of the line; an editor counts characters.
    column = len(line.encode()[:column].decode(errors="ignore"))
    problem = placed[1].replace("recursion limit exceeded", "nested too deeply")
    constant = next((name for name in NOT_NUMBERS if line.startswith(name, column)), None)
    if constant:
        problem = f"{constant} is not a number"
    return number, f"not JSON: {problem} at column {column + 1}"
