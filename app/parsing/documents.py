"""A request body as a document: strict JSON, or a form with files, and nothing in between.

`json.loads` alone takes ``NaN``, the last of two equal names, and UTF-16. Each of these is somebody's
mistake, and is told as one.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from app.parsing.problems import UnreadableBody, UnsupportedMediaType
from app.parsing.validation_errors import escaped
from core.errors import Fault, InvalidInput

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"

MAX_FORM_FIELDS: Final = 64
"""Twice the fields that any request has."""

MAX_FORM_FILES: Final = 8
"""Two are ever used; with a few more, a wrong one is named rather than the whole form refused."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form.

    Attributes:
        name: As the client called it; only its extension is ever looked at.
        data: All of it.
    """

    name: str
    data: bytes


SMALL_BODY: Final = 16_384
"""Bytes: what is no longer is read at once, faster than a thread would have taken it over."""

ResultT = TypeVar("ResultT")

Form = Mapping[str, list[str | File]]


def media_type(request: Request) -> str:
    """Return the kind of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request) -> object:
    """Return the body, parsed strictly.

    Raises:
        UnsupportedMediaType: It does not say that it is JSON.
        UnreadableBody: It is not.
        InvalidInput: An object has one name twice.
    """
    if media_type(request) != JSON:
        raise UnsupportedMediaType(f"expected {JSON}, got {media_type(request) or 'no content-type'!r}")
    body = await request.body()
    return await aside_if_large(len(body), parse_json, body)


async def aside_if_large(size: int, work: Callable[..., ResultT], *arguments: object) -> ResultT:
    """Do some work on a body: in a thread, unless it is small.

    Args:
        size: Of the body, in bytes.
        work: What takes time in proportion to it.
        arguments: Of the work.
    """
    if size <= SMALL_BODY:
        return work(*arguments)
    return await run_in_threadpool(work, *arguments)


async def read_form(request: Request) -> Form:
    """Return the fields and files of a multipart body, each name with everything it was given.

    Raises:
        HTTPException: It is not multipart, or has too many parts (400).
    """
    fields: dict[str, list[str | File]] = {}
    async with request.form(max_files=MAX_FORM_FILES, max_fields=MAX_FORM_FIELDS) as form:
        for name, value in form.multi_items():
            kept = File(value.filename or "", await value.read()) if isinstance(value, UploadFile) else value
            fields.setdefault(name, []).append(kept)
    return fields


class _RepeatedName(dict[str, Any]):
    """An object in which a name occurs twice."""

    def __init__(self, values: Mapping[str, Any], name: str) -> None:
        super().__init__(values)
        self.name = name


def parse_json(data: bytes) -> object:
    """Return the document in the bytes.

    Raises:
        UnreadableBody: It is not UTF-8, not JSON, nested too deeply, or holds NaN or an infinity.
        InvalidInput: An object has one name twice.
    """
    repeated = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(items)
        if len(values) == len(items):
            return values
        names = [name for name, _ in items]
        repeated.append(_RepeatedName(values, next(name for name in names if names.count(name) > 1)))
        return repeated[-1]

    document = _decoded(data, pairs)
    if repeated:
        raise InvalidInput(list(_repetitions(document)))
    return document


def _decoded(data: bytes, pairs: Any) -> object:  # noqa: ANN401  json's own signature
    """Run the parser, and tell in one sentence what it stumbled over."""
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=pairs, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        _refuse(f"byte {error.start} is not UTF-8")
    except json.JSONDecodeError as error:
        _refuse(f"line {error.lineno} column {error.colno} is not JSON: {error.msg}")
    except RecursionError:
        _refuse("the document is nested too deeply")
    except ValueError as error:
        _refuse(f"the document holds something that cannot be read: {error}")


def _refuse(detail: str) -> NoReturn:
    """Tell what is wrong with the body as a whole."""
    raise UnreadableBody([Fault("", detail)]) from None


def _refuse_constant(name: str) -> NoReturn:
    """Refuse what Python takes for a number and JSON does not."""
    raise ValueError(f"{name} is not a number of JSON")


def _repetitions(document: object) -> Iterator[Fault]:
    """Yield every object with a repeated name, and where it is, in the order of the document."""
    waiting = [("", document)]
    while waiting:
        pointer, value = waiting.pop()
        if isinstance(value, _RepeatedName):
            yield Fault(pointer, f"the name {value.name!r} occurs more than once in this object")
        if isinstance(value, dict):
            items = [(f"{pointer}/{escaped(name)}", inner) for name, inner in value.items()]
        elif isinstance(value, list):
            items = [(f"{pointer}/{index}", inner) for index, inner in enumerate(value)]
        else:
            continue
        waiting.extend(reversed(items))
