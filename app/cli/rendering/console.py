"""Where a command speaks: results on stdout, everything about getting there on stderr."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from rich.console import Console

CONTROL_CHARACTERS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "�")


def results() -> Console:
    """Return the console for what was asked for."""
    return Console(highlight=False, soft_wrap=True)


def messages() -> Console:
    """Return the console for progress, hints and errors."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def write_json(answer: BaseModel | Mapping[str, Any]) -> None:
    """Print one JSON document on stdout."""
    document = answer.model_dump(mode="json") if isinstance(answer, BaseModel) else answer
    results().out(json.dumps(document, ensure_ascii=False, indent=2))


def harmless(text: str) -> str:
    """Return the text without characters that would command the terminal."""
    return text.translate(CONTROL_CHARACTERS)
