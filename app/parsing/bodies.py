"""Request bodies as request models, with every fault told at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
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
from app.parsing.validation_errors import body_faults, pointer_to, shown
from app.schemas.limits import Limits
from core.contracts.examples import Example, MtodExample
from core.contracts.questions import QaExample
from core.contracts.values import TaskName
from core.errors import Fault, InvalidInput, PayloadTooLarge
from core.formats import ReadResult, read_examples_with_notes, read_questions_with_notes

Body = TypeVar("Body", bound=BaseModel)

JSON_FIELDS: Final = frozenset({"baselines", "evaluation", "hyperparameters", "settings"})
"""Form fields that hold a document; every other is a string, a number or a truth value."""

Requests = Mapping[TaskName, type[Body]]
"""What a body may be: each task has a request of its own."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """How the files of a task are read.

    Attributes:
        read: Makes examples of bytes.
        stand_in: Takes the place of a file with faults, so that the other fields are still checked.
    """

    read: Callable[..., ReadResult[Any]]
    stand_in: Example


FILES: Final[Mapping[TaskName, FileKind]] = MappingProxyType(
    {
        TaskName.MTOD: FileKind(read_examples_with_notes, MtodExample.model_construct(text="-", intent="-")),
        TaskName.QA: FileKind(
            read_questions_with_notes, QaExample.model_construct(question="-", context="-", answers=())
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Submitted(Generic[Body]):
    """A request, and what was noticed while its files were read."""

    body: Body
    warnings: tuple[str, ...] = ()


def json_body(model: type[Body]) -> Callable[[Request], Awaitable[Body]]:
    """Make the dependency that reads a JSON body."""

    async def read(request: Request) -> Body:
        document = await read_json(request)
        size = len(await request.body())
        return await aside_if_large(size, validated, model, document, request.app.state.limits)

    return read


def submitted(requests: Requests[Body]) -> Callable[[Request], Awaitable[Submitted[Body]]]:
    """Make the dependency that reads a task's body, either JSON or a form with files."""

    async def read(request: Request) -> Submitted[Body]:
        limits: Limits = request.app.state.limits
        if media_type(request) == FORM:
            return await run_in_threadpool(from_form, requests, await read_form(request), limits)
        document = await read_json(request)
        model = requests[task_of(document)]
        return Submitted(await run_in_threadpool(validated, model, document, limits))

    return read


def task_of(document: object) -> TaskName:
    """Return the task that a document names; without one, intents and slots.

    Raises:
        InvalidInput: There is no such task; nothing else can be checked then.
    """
    name = document.get("task", TaskName.MTOD) if isinstance(document, Mapping) else TaskName.MTOD
    try:
        return TaskName(name)
    except ValueError:
        raise InvalidInput([Fault("/task", f"{shown(name)} is none of {', '.join(TaskName)}")]) from None


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
    """Tell a list that is too long as what it is: nothing else in it matters then."""
    told = [
        f"{pointer_to(document, error['loc'])} has {error['ctx']['actual_length']} entries; "
        f"the limit is {error['ctx']['max_length']}"
        for error in errors
        if error["type"] == "too_long"
    ]
    if told:
        raise PayloadTooLarge("; ".join(told))


def from_form(requests: Requests[Body], form: Form, limits: Limits) -> Submitted[Body]:
    """Return the fields and files of a form as a request.

    Raises:
        InvalidInput: Every fault, of the files by line and of the fields by name.
        PayloadTooLarge: A file has more examples than are taken.
    """
    reading = _FormReading(form)
    reading.read()
    try:
        body = validated(requests[task_of(reading.document)], reading.document, limits)
    except InvalidInput as error:
        raise InvalidInput([*reading.faults, *error.faults]) from None
    if reading.faults:
        raise InvalidInput(reading.faults)
    return Submitted(body, tuple(reading.warnings))


class _FormReading:
    """Turns a form into the document that JSON would have brought, and gathers faults on the way."""

    def __init__(self, form: Form) -> None:
        self._fields = dict(form)
        self.document: dict[str, Any] = {}
        self.faults: list[Fault] = []
        self.warnings: list[str] = []
        self._kind = FILES[TaskName.MTOD]

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
        self._kind = FILES[task_of(self.document)]  # before the files: it says how to read them
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
        """Put one field into the document."""
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
        """Take a field out of the form; told more than once, it is a fault."""
        values = self._fields.pop(name, [])
        if len(values) > 1:
            self.faults.append(Fault(f"/{name}", f"was given {len(values)} times"))
        return values[0] if values else None

    def _parsed(self, name: str, value: str | File) -> object:
        """Parse a field that holds JSON; None if it cannot be."""
        try:
            return parse_json(_as_file(value).data)
        except InvalidInput as error:
            self.faults.extend(Fault(f"/{name}{fault.pointer}", fault.detail) for fault in error.faults)
            return None

    def _examples(self, name: str, file: File, file_format: str | File | None) -> tuple[Example, ...]:
        """Read a file of examples; its faults carry its lines."""
        place = "" if name == "examples" else f"{name} "
        chosen = _as_file(file_format).data.decode(errors="replace") if file_format else None
        try:
            result = self._kind.read(file.data, name=file.name, format=chosen)
        except InvalidInput as error:
            self.faults.extend(
                fault if fault.pointer == "/format" else Fault(f"{place}{fault.pointer}", fault.detail)
                for fault in error.faults
            )
            return (self._kind.stand_in,)
        self.warnings.extend(f"{place}file: {warning}" for warning in _notes(result))
        return result.examples


def _notes(result: ReadResult[Any]) -> tuple[str, ...]:
    """Tell what the reader settled on its own."""
    locales = ", ".join(f"{locale} ({rows})" for locale, rows in result.notes.locales.items())
    told = (f"its rows say they are in {locales}",) if len(result.notes.locales) > 1 else ()
    return (*result.notes.warnings(), *told)


def _as_file(value: str | File) -> File:
    """Return a field's text as a file, which is what ``-F 'examples=<es.tsv'`` sends."""
    return value if isinstance(value, File) else File("", value.encode(errors="replace"))
