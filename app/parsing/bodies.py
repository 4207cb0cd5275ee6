"""Request bodies as request models; every fault is reported at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from app.parsing.documents import (
    FORM,
    File,
    Form,
    aside_if_large,
    media_type,
    parse_json,
    read_form,
    read_json,
)
from app.parsing.validation_errors import body_faults, pointer_to
from app.schemas.limits import OVER_LIMIT, Limits
from app.schemas.task_requests import DEFAULT_TASK
from core.contracts.examples import Example
from core.contracts.field_faults import shown
from core.errors import Fault, InvalidInput, PayloadTooLarge
from core.formats import ReadResult
from core.tasks.registry import task_names, task_spec

Body = TypeVar("Body", bound=BaseModel)

JSON_FIELDS: Final = frozenset({"baselines", "evaluation", "hyperparameters", "settings"})
"""Form fields that hold a document; every other is a string, a number or a truth value."""

Requests = Callable[[], Mapping[str, type[Body]]]
"""Returns task → the class of its request (`app.schemas.task_requests`)."""


@dataclass(frozen=True, slots=True)
class Submitted(Generic[Body]):
    """A parsed request.

    Attributes:
        body: The request.
        warnings: Notes of the readers of its files.
    """

    body: Body
    warnings: tuple[str, ...] = ()


def json_body(model: type[Body]) -> Callable[[Request], Awaitable[Body]]:
    """Return the dependency that parses a JSON body."""

    async def read(request: Request) -> Body:
        document = await read_json(request)
        size = len(await request.body())
        return await aside_if_large(size, validated, model, document, request.app.state.limits)

    return read


def submitted(requests: Requests[Body]) -> Callable[[Request], Awaitable[Submitted[Body]]]:
    """Return the dependency that parses a task's body, either JSON or a form with files."""

    async def read(request: Request) -> Submitted[Body]:
        limits: Limits = request.app.state.limits
        if media_type(request) == FORM:
            return await run_in_threadpool(from_form, requests, await read_form(request), limits)
        document = await read_json(request)
        model = requests()[task_of(document)]
        return Submitted(await run_in_threadpool(validated, model, document, limits))

    return read


def task_of(document: object) -> str:
    """Return the task that a document names, or the default task if it names none.

    Raises:
        InvalidInput: No task of that name is registered; nothing else can be checked then.
    """
    name = document.get("task", DEFAULT_TASK) if isinstance(document, Mapping) else DEFAULT_TASK
    if name not in task_names():
        raise InvalidInput([Fault("/task", f"{shown(name)} is none of {', '.join(task_names())}")])
    return str(name)


def validated(model: type[Body], document: object, limits: Limits) -> Body:
    """Return the document as a request.

    Raises:
        InvalidInput: Every fault in it.
        PayloadTooLarge: A list is longer than is taken.
    """
    try:
        return model.model_validate(document, context=limits)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        _refuse_long_lists(errors, document)
        raise InvalidInput(body_faults(errors, document)) from None


def _refuse_long_lists(errors: Sequence[Mapping[str, Any]], document: object) -> None:
    """Raise an error for lists over their limit, whatever other faults there are."""
    details = [
        f"{pointer_to(document, error['loc'])} has {error['ctx']['actual_length']} entries; "
        f"the limit is {error['ctx']['max_length']}"
        for error in errors
        if error["type"] == OVER_LIMIT
    ]
    if details:
        raise PayloadTooLarge("; ".join(details))


def from_form(requests: Requests[Body], form: Form, limits: Limits) -> Submitted[Body]:
    """Return the fields and files of a form as a request.

    Raises:
        InvalidInput: Every fault, of the files by line and of the fields by name.
        PayloadTooLarge: A file has more examples than are taken.
    """
    reading = _FormReading(form)
    reading.read()
    try:
        body = validated(requests()[task_of(reading.document)], reading.document, limits)
    except InvalidInput as error:
        raise InvalidInput([*reading.faults, *error.faults]) from None
    if reading.faults:
        raise InvalidInput(reading.faults)
    return Submitted(body, tuple(reading.warnings))


class _FormReading:
    """Turns a form into the document of an equal JSON body, and collects faults and warnings."""

    def __init__(self, form: Form) -> None:
        self._fields = dict(form)
        self.document: dict[str, Any] = {}
        self.faults: list[Fault] = []
        self.warnings: list[str] = []
        self._spec = task_spec(DEFAULT_TASK)

    def read(self) -> None:
        """Read the ``request`` field, then the files, then the other fields."""
        request = self._only("request")
        if request is not None:
            document = self._parsed("request", request)
            if isinstance(document, dict):
                self.document.update(document)
            elif document is not None:
                self.faults.append(Fault("/request", "a JSON object was expected"))
        if "task" not in self.document and (task := self._only("task")) is not None:
            self.document["task"] = _as_file(task).data.decode(errors="replace")
        self._spec = task_spec(task_of(self.document))  # before the files: it says how to read them
        file_format = self._only("format")
        for name in list(self._fields):
            value = self._only(name)
            if value is None:
                continue
            if name in self.document:
                self.faults.append(Fault(f"/{name}", "is in the request field and in a field of its own"))
            else:
                self._take(name, value, file_format)

    def _take(self, name: str, value: str | File, file_format: str | File | None) -> None:
        """Add a field to the document."""
        if name == "examples":
            self.document[name] = self._examples(name, _as_file(value), file_format)
        elif name == "evaluation" and isinstance(value, File):
            self.document[name] = {"examples": self._examples(name, value, file_format)}
        elif isinstance(value, File):
            self.faults.append(Fault(f"/{name}", "is a file; only examples and evaluation may be files"))
        elif name in JSON_FIELDS:
            document = self._parsed(name, value)
            if document is not None:
                self.document[name] = document
        else:
            self.document[name] = value

    def _only(self, name: str) -> str | File | None:
        """Remove a field from the form and return it; a repeated field is a fault."""
        values = self._fields.pop(name, [])
        if len(values) > 1:
            self.faults.append(Fault(f"/{name}", f"was given {len(values)} times"))
        return values[0] if values else None

    def _parsed(self, name: str, value: str | File) -> object:
        """Return the document in a JSON field, or None if it is faulty."""
        try:
            return parse_json(_as_file(value).data)
        except InvalidInput as error:
            self.faults.extend(Fault(f"/{name}{fault.pointer}", fault.detail) for fault in error.faults)
            return None

    def _examples(self, name: str, file: File, file_format: str | File | None) -> tuple[Example, ...]:
        """Return the examples of a file; its faults have line numbers."""
        place = "" if name == "examples" else f"{name} "
        format_name = _as_file(file_format).data.decode(errors="replace") if file_format else None
        try:
            result = self._spec.read_file(file.data, name=file.name, format=format_name)
        except InvalidInput as error:
            self.faults.extend(
                fault if fault.pointer == "/format" else Fault(f"{place}{fault.pointer}", fault.detail)
                for fault in error.faults
            )
            return (_stand_in(self._spec.example),)
        self.warnings.extend(f"{place}file: {warning}" for warning in _notes(result))
        return result.examples


def _stand_in(model: type[Example]) -> Example:
    """Return an empty example in place of a file with faults, so that the other fields are validated, too.

    Validators of whole examples run on it as well: every required field is empty, and none is missing.
    """
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    fields: dict[str, Any] = dict.fromkeys(required, ())
    return model.model_construct(**fields)


def _notes(result: ReadResult[Any]) -> tuple[str, ...]:
    """Return the notes of a reader as warnings."""
    locales = ", ".join(f"{locale} ({rows})" for locale, rows in result.notes.locales.items())
    mixed = (f"its rows say they are in {locales}",) if len(result.notes.locales) > 1 else ()
    return (*result.notes.warnings(), *mixed)


def _as_file(value: str | File) -> File:
    """Return a field's text as a file, which is what ``-F 'examples=<es.tsv'`` sends."""
    return value if isinstance(value, File) else File("", value.encode(errors="replace"))
