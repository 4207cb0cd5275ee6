"""Output streams of a command: results on stdout; progress, notes and errors on stderr."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape

CONTROL_CHARACTERS: Final = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "�")


def results() -> Console:
    """Return the console of the results."""
    return Console(highlight=False, soft_wrap=True)


def messages() -> Console:
    """Return the console of progress, notes and errors."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def write_json(document: BaseModel | Mapping[str, Any]) -> None:
    """Print one JSON document on stdout."""
    content = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
    results().out(json.dumps(content, ensure_ascii=False, indent=2))


def print_error(message: str) -> None:
    """Print the error that ends a command."""
    messages().print(f"[bold red]xmetra:[/] {escape(message)}", soft_wrap=True)


def print_notes(notes: Iterable[str]) -> None:
    """Print notes, each once."""
    for note in dict.fromkeys(notes):
        messages().print(f"[yellow]note:[/] {escape(note)}")


def replace_control_characters(text: str) -> str:
    """Return the text with a replacement for characters that a terminal would interpret."""
    return text.translate(CONTROL_CHARACTERS)
