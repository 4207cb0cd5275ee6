"""Arguments of the client turned into request bodies: JSON documents and multipart forms."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from xmetra_client.errors import InvalidArgument
from xmetra_client.models import DatasetManifest

SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

Examples: TypeAlias = "str | PathLike[str] | Sequence[Mapping[str, Any] | BaseModel] | DatasetManifest"
"""The path of a file, or the examples themselves, or the result of `store_dataset`."""

HeldOut: TypeAlias = "Examples | float"
"""Held-out examples; a number is the share of the training examples to hold out."""

File: TypeAlias = "tuple[str, bytes, str]"
"""A file of a multipart form: name, content, media type."""


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields whose value is not None."""
    return {name: value for name, value in fields.items() if value is not None}


def path_segment(description: str, name: str) -> str:
    """Return a name that is safe as a segment of a path.

    Args:
        description: What the name is, for the message.
        name: The name.

    Raises:
        InvalidArgument: It could lead elsewhere.
    """
    if SEGMENT.fullmatch(name) is None:
        raise InvalidArgument(f"{name!r} is not {description}")
    return name


def as_list(name: str, values: Sequence[Any]) -> list[Any]:
    """Return a sequence as a list.

    Args:
        name: The parameter, for the message.
        values: The argument.

    Raises:
        InvalidArgument: It is a single string or mapping, or no sequence.
    """
    if isinstance(values, str | bytes | Mapping | BaseModel):
        raise InvalidArgument(
            f"{name} must be a list, not a single {type(values).__name__}: write [{values!r}]"
        )
    try:
        return list(values)
    except TypeError as error:
        raise InvalidArgument(f"{name} must be a list, not {type(values).__name__}") from error


def training_body(examples: Examples, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return httpx's arguments for a request with examples: a form if some of them are a file, else JSON.

    Args:
        examples: The examples.
        fields: The other fields; those that are None are left out. ``evaluation`` holds held-out examples.

    Raises:
        InvalidArgument: A file does not exist, or the examples are neither a file nor a list.
    """
    document, files = without_none(fields), {}
    evaluation = document.pop("evaluation", None)
    if isinstance(examples, str | PathLike):
        files["examples"] = _file("examples", examples)
    elif isinstance(examples, DatasetManifest):
        document["dataset"] = examples.dataset_id
    else:
        document["examples"] = as_list("examples", examples)
    if isinstance(evaluation, str | PathLike):
        files["evaluation"] = _file("evaluation", evaluation)
    elif evaluation is not None:
        document["evaluation"] = _held_out(evaluation)
    plain = to_jsonable_python(document)
    return {"data": _form_fields(plain), "files": files} if files else {"json": plain}


def _file(parameter: str, argument: str | PathLike[str]) -> File:
    """Read a file as a form sends it.

    Raises:
        InvalidArgument: There is no such file.
    """
    path = Path(argument)
    try:
        return path.name, path.read_bytes(), "application/octet-stream"
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError) as error:
        hint = "; examples themselves go in a list" if isinstance(argument, str) else ""
        raise InvalidArgument(f"{parameter}: there is no file {str(argument)[:200]!r}{hint}") from error


def _held_out(evaluation: DatasetManifest | float | Sequence[Any]) -> dict[str, Any]:
    """Return the held-out examples as a JSON document refers to them."""
    if isinstance(evaluation, DatasetManifest):
        return {"dataset": evaluation.dataset_id}
    if isinstance(evaluation, int | float):
        return {"fraction": evaluation}
    return {"examples": as_list("evaluation", evaluation)}


def _form_fields(document: Mapping[str, Any]) -> dict[str, str]:
    """Return fields as a form has them: anything that is not a string is sent as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in document.items()}
