"""Descriptions of fields and enum members, from the "Attributes:" sections of docstrings (Google style)."""

import inspect
import re
from enum import StrEnum
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

ENTRY: Final = re.compile(r"    (\w+): (.*)")
"""The first line of an attribute; the lines that continue it are indented further."""

SECTION: Final = re.compile(r"(Attributes|Args|Returns|Raises|Yields):")


@cache
def summary(model: type) -> str:
    """Return the docstring of a class without its "Attributes:" section."""
    return "\n".join(_split(model)[0]).strip()


@cache
def attribute_descriptions(model: type) -> dict[str, str]:
    """Return name → description of the attributes in the docstring of a class, without its bases."""
    entries: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in _split(model)[1]:
        entry = ENTRY.fullmatch(line)
        if entry is not None:
            lines = entries.setdefault(entry[1], [])
            lines.append(entry[2])
        elif line.strip():
            lines.append(line.strip())
    return {name: _as_sentence(" ".join(lines)) for name, lines in entries.items()}


@cache
def field_descriptions(model: type) -> dict[str, str]:
    """Return name → description of attributes; those of a class take precedence over those of its bases."""
    descriptions: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            descriptions.update(attribute_descriptions(base))
    return descriptions


def _split(model: type) -> tuple[list[str], list[str]]:
    """Return the lines before and outside of the "Attributes:" section, and those within it."""
    prose: list[str] = []
    attributes: list[str] = []
    current = prose
    for line in inspect.cleandoc(model.__dict__.get("__doc__") or "").splitlines():
        if SECTION.fullmatch(line):
            current = attributes if line == "Attributes:" else prose
            if current is attributes:
                continue
        current.append(line)
    return prose, attributes


def _as_sentence(text: str) -> str:
    """Return Markdown: the literals of reStructuredText have one backtick."""
    return text.replace("``", "`")


def describe_fields(model: type[BaseModel]) -> None:
    """Set the descriptions of a model's fields, which FastAPI takes for the parameters of a query."""
    for name, description in field_descriptions(model).items():
        if name in model.model_fields:
            model.model_fields[name].description = description


def describe_schema(model: type[BaseModel], schema: dict[str, Any]) -> None:
    """Set the descriptions in the JSON schema of a model: its own, and one for each property."""
    if text := summary(model):
        schema["description"] = text
    descriptions = field_descriptions(model)
    for name, part in schema.get("properties", {}).items():
        if name in descriptions:
            part["description"] = descriptions[name]


class DescribedEnum(StrEnum):
    """Base of enums whose docstring describes their members; JSON schemas list these by value."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the enum and its members."""
        reference = handler(schema)
        descriptions = attribute_descriptions(cls)
        lines = [f"- `{member}`: {descriptions[member.name]}" for member in cls]
        text = "\n".join([summary(cls), "", *lines])
        handler.resolve_ref_schema(reference)["description"] = text
        return reference
