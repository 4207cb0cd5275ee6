"""Recognition of offsets that count another unit than Unicode code points."""

from typing import Final

OTHER_UNITS: Final = (("UTF-16 units", "utf-16-le", 2), ("UTF-8 bytes", "utf-8", 1))
"""What JavaScript and Java count, and what Go, Rust and byte strings count; with the bytes of a unit."""


def unit_of_offset(text: str, offset: int, context: str) -> str | None:
    """Return the other unit in which a text is at its offset, or None if there is none.

    Half a character cannot match: a text begins with the first unit of a character.

    Args:
        text: A part of the context.
        offset: Its start, in an unknown unit.
        context: The whole text.
    """
    if context.startswith(text, offset):
        return None
    for name, encoding, width in OTHER_UNITS:
        if context.encode(encoding).startswith(text.encode(encoding), width * offset):
            return name
    return None
