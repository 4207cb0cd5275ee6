"""Shell commands in Markdown pages: code blocks, command lines, and inline code spans."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

FENCE: Final = re.compile(r"^\s*```(\w*)")
INDENT: Final = re.compile(r"^(?: {4}|\t)")
HEREDOC: Final = re.compile(r"<<\s*'?(\w+)'?")
PROGRAM: Final = re.compile(r"^(?:\w+=\S*\s+)*(\S+)(?= +[^| ]|$)")
"""The program of a command line, after assignments such as ``XMETRA_DEVICE=cpu``; tables have none."""


@dataclass(frozen=True)
class Command:
    """One command of a page.

    Attributes:
        line: Number of its first line in the page, counted from 1.
        text: The command as a shell reads it: continued lines joined, with the body of its heredoc.
        language: Info string of its fenced block; empty for an indented block.
    """

    line: int
    text: str
    language: str

    @property
    def program(self) -> str:
        match = PROGRAM.match(self.text)
        return match[1] if match else ""


def commands(page: str) -> Iterator[Command]:
    """Yield every line of every code block, with continued lines and heredocs joined."""
    numbered = iter(code_lines(page))
    for number, language, first in numbered:
        text = first
        while text.endswith("\\"):
            text = text[:-1] + next(numbered)[2].lstrip()
        if heredoc := HEREDOC.search(text):
            body: list[str] = []
            while heredoc[1] not in body:
                body.append(next(numbered)[2])
            text = "\n".join([text, *body])
        if text.strip() and not text.startswith("#"):
            yield Command(number, text, language)


def code_lines(page: str) -> Iterator[tuple[int, str, str]]:
    """Yield number, language and text of every line in a code block."""
    language: str | None = None
    after_blank = True
    for number, line in enumerate(page.splitlines(), 1):
        if fence := FENCE.match(line):
            language = fence[1] if language is None else None
        elif language is not None:
            yield number, language, line
        elif INDENT.match(line) and after_blank:
            yield number, "", INDENT.sub("", line)
            continue
        after_blank = not line.strip()


def inline_commands(page: str, program: str) -> Iterator[tuple[int, str]]:
    """Yield line number and text of every inline code span that begins with a program's name."""
    blocks = {number for number, _, _ in code_lines(page)}
    for number, line in enumerate(page.splitlines(), 1):
        if number not in blocks:
            yield from (
                (number, span) for span in re.findall(r"`([^`]+)`", line) if span.startswith(f"{program} ")
            )
