"""A request body as a document: strict JSON, or a form with files."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from app.parsing.problems import UnreadableBody, UnsupportedMediaType
from core.contracts.field_faults import json_pointer
from core.errors import Fault, InvalidInput
from core.formats.strict_json import parse_strict

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"

MAX_FORM_FIELDS: Final = 64
"""Twice the fields that any request has."""

MAX_FORM_FILES: Final = 8
"""No request uses more than two; with a few more, a wrong one is named instead of refusing the whole form."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form.

    Attributes:
        name: The client's file name; only its extension is used.
        data: The whole content.
    """

    name: str
    data: bytes


SMALL_BODY: Final = 16_384
"""Bytes up to which a body is parsed in the event loop: faster than handing it to a thread."""

ResultT = TypeVar("ResultT")

Form = Mapping[str, list[str | File]]


def media_type(request: Request) -> str:
    """Return the media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request) -> object:
    """Return the body, parsed strictly.

    Raises:
        UnsupportedMediaType: The content type is not JSON.
        UnreadableBody: The body is not JSON.
        InvalidInput: A name is repeated in an object.
    """
    if media_type(request) != JSON:
        raise UnsupportedMediaType(f"expected {JSON}, got {media_type(request) or 'no content-type'!r}")
    body = await request.body()
    return await aside_if_large(len(body), parse_json, body)


async def aside_if_large(size: int, work: Callable[..., ResultT], *arguments: object) -> ResultT:
    """Run some work on a body: in a thread, unless the body is small.

    Args:
        size: Bytes of the body.
        work: A function whose time is proportional to the size.
        arguments: Its arguments.
    """
    if size <= SMALL_BODY:
        return work(*arguments)
    return await run_in_threadpool(work, *arguments)


async def read_form(request: Request) -> Form:
    """Return the fields and files of a multipart body: name → all of its values.

    Raises:
        HTTPException: The body is not multipart, or has too many parts (400).
    """
    fields: dict[str, list[str | File]] = {}
    async with request.form(max_files=MAX_FORM_FILES, max_fields=MAX_FORM_FIELDS) as form:
        for name, value in form.multi_items():
            part = File(value.filename or "", await value.read()) if isinstance(value, UploadFile) else value
            fields.setdefault(name, []).append(part)
    return fields


def parse_json(data: bytes) -> object:
    """Return the document in the bytes.

    Raises:
        UnreadableBody: It is not UTF-8, not JSON, nested too deeply, or holds NaN or an infinity.
        InvalidInput: A name is repeated in an object.
    """
    try:
        document, repetitions = parse_strict(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        _refuse(f"byte {error.start} is not UTF-8")
    except json.JSONDecodeError as error:
        _refuse(f"line {error.lineno} column {error.colno} is not JSON: {error.msg}")
    except RecursionError:
        _refuse("the document is nested too deeply")
    except ValueError as error:
        _refuse(f"the document holds something that cannot be read: {error}")
    if repetitions:
        raise InvalidInput([Fault(json_pointer(fault.place), fault.detail) for fault in repetitions])
    return document


def _refuse(detail: str) -> NoReturn:
    """Raise a fault of the body as a whole."""
    raise UnreadableBody([Fault("", detail)]) from None
