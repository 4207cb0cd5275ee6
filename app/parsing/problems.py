"""Error responses as ``application/problem+json`` (RFC 9457), by one table.

InvalidInput              422   all faults with their places
└── UnreadableBody        400   not the JSON or multipart that the content type says
UnsupportedMediaType      415
PayloadTooLarge           413
Unauthenticated           401   WWW-Authenticate
Forbidden                 403   WWW-Authenticate
NotFound                  404
Conflict                  409
PreconditionFailed        412
QueueFull                 429   Retry-After
RateExceeded              429   Retry-After, RateLimit
Unavailable               503   Retry-After
StoreFull                 507
anything else             500   logged under the request's id; the response has no details
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.parsing.validation_errors import parameter_faults
from core.errors import (
    Conflict,
    CorruptArtifact,
    Fault,
    InvalidInput,
    ModelUnavailable,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    PreconditionFailed,
    QueueFull,
    QueueUnavailable,
    StoreFull,
    StoreUnavailable,
    XmetraError,
)

log = structlog.get_logger(__name__)

PROBLEM_JSON: Final = "application/problem+json"

MAX_FAULTS_SHOWN: Final = 1_000
"""Maximum of faults in a response: people fix them by kind, and 20,000 examples can have a million faults."""

RETRY_UNAVAILABLE_SECONDS: Final = 5
"""Redis or a store restarts in about this time, in seconds."""

RETRY_QUEUE_FULL_SECONDS: Final = 60
"""A short adaptation on a CPU takes this time, in seconds; then the queue has a free place."""


class UnreadableBody(InvalidInput):
    """The body is not the JSON or multipart that its content type says."""


class UnsupportedMediaType(XmetraError):
    """The route does not support the media type of the body."""


class Refusal(XmetraError):
    """A valid request that is refused to this caller, or at this time; only subclasses are raised.

    Args:
        detail: The reason, for people.
        headers: Headers of the response, for programs.
    """

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.headers = dict(headers or {})
        super().__init__(detail)


class Unauthenticated(Refusal):
    """The request has no key, or an unknown one."""


class Forbidden(Refusal):
    """The key or the address of the client does not permit the request."""


class RateExceeded(Refusal):
    """The caller has exceeded its rate limit."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one class of errors is reported.

    Attributes:
        status: HTTP status.
        slug: The last part of the problem's type.
        title: The kind of problem in a few words.
        retry_after: Seconds after which to retry, or None if a retry does not help.
    """

    status: int
    slug: str
    title: str
    retry_after: int | None = None


TABLE: Final[Mapping[type[Exception], Kind]] = {
    UnreadableBody: Kind(400, "unreadable-body", "The request body cannot be read"),
    InvalidInput: Kind(422, "invalid-input", "The request holds faults"),
    UnsupportedMediaType: Kind(415, "unsupported-media-type", "The media type of the body is not supported"),
    PayloadTooLarge: Kind(413, "payload-too-large", "The request is too large"),
    Unauthenticated: Kind(401, "unauthenticated", "A key is needed"),
    Forbidden: Kind(403, "forbidden", "This is not allowed"),
    NotFound: Kind(404, "not-found", "The resource does not exist"),
    Conflict: Kind(409, "conflict", "The request conflicts with the stored state"),
    PreconditionFailed: Kind(412, "precondition-failed", "Another deployment is live"),
    QueueFull: Kind(429, "queue-full", "Too many jobs are waiting", RETRY_QUEUE_FULL_SECONDS),
    RateExceeded: Kind(429, "rate-exceeded", "The rate limit is exceeded"),
    QueueUnavailable: Kind(503, "queue-unavailable", "Redis is unavailable", RETRY_UNAVAILABLE_SECONDS),
    StoreUnavailable: Kind(
        503, "store-unavailable", "The store cannot be read or written", RETRY_UNAVAILABLE_SECONDS
    ),
    ModelUnavailable: Kind(503, "model-unavailable", "No model is available", RETRY_UNAVAILABLE_SECONDS),
    Overloaded: Kind(503, "overloaded", "Too many predictions are waiting", RETRY_UNAVAILABLE_SECONDS),
    StoreFull: Kind(507, "store-full", "The store has no space left"),
    CorruptArtifact: Kind(500, "corrupt-artifact", "A stored file is damaged"),
    ClientDisconnect: Kind(400, "disconnected", "The client has disconnected"),
}

UNEXPECTED: Final = Kind(500, "unexpected", "Unexpected error")


class ProblemFault(BaseModel):
    """A fault of the request."""

    pointer: str = Field(
        description="A JSON pointer into the body, `query/limit`, `path/job_id`, or `line 7` of a file.",
        examples=["/examples/3/slots/0"],
    )
    detail: str = Field(description="What is wrong, and what was expected.")


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(
        description="URI of the kind of problem, for programs.", examples=["urn:xmetra:problem:invalid-input"]
    )
    title: str = Field(description="The kind of problem, in a few words.")
    status: int = Field(ge=400, le=599, description="The HTTP status.")
    detail: str = Field(description="What is wrong with this request, in one sentence.")
    instance: str = Field(description="The path of the request.", examples=["/adapt"])
    request_id: str = Field(description="Id of the request, as in the header `x-request-id` and in the log.")
    errors: tuple[ProblemFault, ...] = Field(
        default=(), description=f"The faults of the request; the first {MAX_FAULTS_SHOWN} of them."
    )


def kind_of(error: Exception) -> Kind:
    """Return the entry of the table for the nearest class of an error."""
    return next((TABLE[cls] for cls in type(error).__mro__ if cls in TABLE), UNEXPECTED)


def problem_type(slug: str) -> str:
    """Return the URI that identifies a kind of problem."""
    return f"urn:xmetra:problem:{slug}"


def request_id_of(request: Request) -> str:
    """Return the id that the middleware assigned to the request."""
    return str(getattr(request.state, "request_id", "unknown"))


def problem_response(
    request: Request,
    kind: Kind,
    *,
    detail: str,
    faults: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the response; half a surrogate pair from the client is replaced by a question mark."""
    listed = [ProblemFault(pointer=fault.pointer, detail=fault.detail) for fault in faults[:MAX_FAULTS_SHOWN]]
    request_id = request_id_of(request)
    problem = {
        "type": problem_type(kind.slug),
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": request.url.path,
        "request_id": request_id,
        "errors": [fault.model_dump() for fault in listed],
    }
    retry = {} if kind.retry_after is None else {"retry-after": str(kind.retry_after)}
    return Response(
        json.dumps(problem, ensure_ascii=False).encode(errors="replace"),
        status_code=kind.status,
        media_type=PROBLEM_JSON,
        headers={**(headers or {}), **retry, "x-request-id": request_id},
    )


def faults_detail(faults: Sequence[Fault]) -> str:
    """Return how many faults there are, and how many of them are listed."""
    if len(faults) == 1:
        return str(faults[0]) if faults[0].pointer else faults[0].detail
    more = f"; the first {MAX_FAULTS_SHOWN} are listed" if len(faults) > MAX_FAULTS_SHOWN else ""
    return f"{len(faults)} faults were found{more}"


async def answer_known(request: Request, error: Exception) -> Response:
    """Respond to an error of `core.errors`."""
    kind = kind_of(error)
    if kind.status >= 500:
        log.error(
            "request failed", path=request.url.path, request_id=request_id_of(request), error=str(error)
        )
    faults = error.faults if isinstance(error, InvalidInput) else ()
    detail = faults_detail(faults) if faults else str(error) or kind.title
    if isinstance(error, Overloaded):
        kind = replace(kind, retry_after=max(1, math.ceil(error.retry_after)))
    headers = error.headers if isinstance(error, Refusal) else None
    return problem_response(request, kind, detail=detail, faults=faults, headers=headers)


async def answer_parameters(request: Request, error: Exception) -> Response:
    """Respond to faults in a path, a query or a header."""
    assert isinstance(error, RequestValidationError)
    faults = parameter_faults(error.errors())
    return problem_response(request, TABLE[InvalidInput], detail=faults_detail(faults), faults=faults)


async def answer_http(request: Request, error: Exception) -> Response:
    """Respond to errors of the router and the form parser: no such route, no such method, no form."""
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    kind = Kind(error.status_code, phrase.lower().replace(" ", "-"), phrase)
    return problem_response(request, kind, detail=error.detail, headers=error.headers)


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """Respond to a bug with the request's id only; the server logs the traceback."""
    request_id = request_id_of(request)
    log.error("unexpected error", path=request.url.path, request_id=request_id, error=repr(error))
    return problem_response(
        request, UNEXPECTED, detail=f"An unexpected error; the service's log has it under {request_id}."
    )


def install(app: FastAPI) -> None:
    """Install the handlers that turn every error of an app into a problem."""
    app.add_exception_handler(XmetraError, answer_known)
    app.add_exception_handler(ClientDisconnect, answer_known)
    app.add_exception_handler(RequestValidationError, answer_parameters)
    app.add_exception_handler(HTTPException, answer_http)
    app.add_exception_handler(Exception, answer_unexpected)
