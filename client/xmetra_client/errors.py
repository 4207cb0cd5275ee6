"""Exceptions of the client.

ClientError
├── InvalidArgument        an argument cannot be sent; no request was made
├── ServiceUnreachable     the transport failed: no connection, or no response in time
├── InvalidResponse        the response is not one of this API
├── JobFailed              the job ended without a result
└── ApiError               the service refused the request (RFC 9457)
    ├── InvalidRequest     400, 411, 415: the body cannot be read
    ├── Unauthenticated    401
    ├── Forbidden          403
    ├── NotFound           404
    ├── Conflict           409
    ├── PreconditionFailed 412
    ├── PayloadTooLarge    413
    ├── InvalidInput       422
    ├── RetryableError     the same request may succeed later; `retry_after` is the service's estimate
    │   ├── RateLimited         429
    │   │   └── QueueFull       429, because too many jobs wait
    │   └── ServiceUnavailable  502, 503, 504
    └── ServerError        any other 5xx
        └── StoreFull      507
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import httpx

from xmetra_client.models import JobView, Problem

SUCCEEDED: Final = "succeeded"
FINAL_STATUSES: Final = frozenset({SUCCEEDED, "failed", "cancelled"})
"""Statuses that a job does not leave."""


class ClientError(Exception):
    """Base of every exception of the client; the message is for people."""


class InvalidArgument(ClientError, ValueError):
    """An argument cannot be sent; no request was made."""


class ServiceUnreachable(ClientError):
    """The transport failed: no connection, or no response in time."""


class InvalidResponse(ClientError):
    """The response is not one of this API: another program or version answers at the address."""


class JobFailed(ClientError):
    """The job ended without a result.

    Attributes:
        job: The job, if the exception is about a job of the service.
    """

    def __init__(self, message: str, job: JobView | None = None) -> None:
        self.job = job
        super().__init__(message)


class ApiError(ClientError):
    """The service refused the request.

    Attributes:
        status: HTTP status.
        problem: The problem document (RFC 9457); `problem.type` ends in the name of the problem.
        request_id: Id of the request in the service's log; None if the response has none.
        retry_after: Seconds after which the request may be repeated; None if the service gives no estimate.
    """

    def __init__(
        self,
        status: int,
        problem: Problem,
        *,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.problem = problem
        self.request_id = request_id
        self.retry_after = retry_after
        super().__init__("\n".join([problem.detail or problem.title, *_fault_lines(problem)]))

    @property
    def errors(self) -> Sequence[dict[str, str]]:
        """Every fault of the request, each with its `pointer` and `detail`."""
        return self.problem.errors


class InvalidRequest(ApiError):
    """The body cannot be read (400, 411, 415)."""


class Unauthenticated(ApiError):
    """No valid key was sent (401)."""


class Forbidden(ApiError):
    """The key has no scope for this operation (403)."""


class NotFound(ApiError):
    """There is no such job, dataset, checkpoint, task or language (404)."""


class Conflict(ApiError):
    """The request contradicts what is stored (409)."""


class PreconditionFailed(ApiError):
    """Another deployment is live than the one expected (412)."""


class PayloadTooLarge(ApiError):
    """More bytes, examples or inputs than the service accepts (413)."""


class InvalidInput(ApiError):
    """The content has faults (422); `errors` lists all of them."""


class RetryableError(ApiError):
    """The service cannot answer now; the same request may succeed later."""


class RateLimited(RetryableError):
    """The rate limit is exceeded (429)."""


class QueueFull(RateLimited):
    """Too many jobs wait (429)."""


class ServiceUnavailable(RetryableError):
    """Redis, the store, a model or a gateway cannot answer now (502, 503, 504)."""


class ServerError(ApiError):
    """The service failed (5xx)."""


class StoreFull(ServerError):
    """The store has no space left (507)."""


ERRORS_BY_STATUS: Final[dict[int, type[ApiError]]] = {
    HTTPStatus.BAD_REQUEST: InvalidRequest,
    HTTPStatus.UNAUTHORIZED: Unauthenticated,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.LENGTH_REQUIRED: InvalidRequest,
    HTTPStatus.PRECONDITION_FAILED: PreconditionFailed,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: PayloadTooLarge,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: InvalidRequest,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidInput,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimited,
    HTTPStatus.BAD_GATEWAY: ServiceUnavailable,
    HTTPStatus.SERVICE_UNAVAILABLE: ServiceUnavailable,
    HTTPStatus.GATEWAY_TIMEOUT: ServiceUnavailable,
    HTTPStatus.INSUFFICIENT_STORAGE: StoreFull,
}

ERRORS_BY_TYPE: Final[dict[str, type[ApiError]]] = {"queue-full": QueueFull}
"""Problems that share their status with another; the key is how their type ends."""


def api_error(response: httpx.Response) -> ApiError:
    """Return the exception for a response that is not a success; its body must be read already."""
    problem = _problem(response)
    status = response.status_code
    name = problem.type.rpartition("/")[2].rpartition(":")[2]
    fallback = ServerError if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ApiError
    kind = ERRORS_BY_TYPE.get(name) or ERRORS_BY_STATUS.get(status, fallback)
    return kind(
        status,
        problem,
        request_id=response.headers.get("x-request-id"),
        retry_after=_seconds(response.headers.get("retry-after")),
    )


def failure(job: JobView) -> str:
    """Return why a job has no result, one line for the job and one for each fault."""
    if job.error is None:
        return f"job {job.job_id} was {job.status}"
    return "\n".join([f"job {job.job_id} {job.status}: {job.error.detail}", *_fault_lines(job.error)])


def succeeded(job: JobView) -> JobView:
    """Return a job that has a result.

    Raises:
        JobFailed: It has none.
    """
    if job.status != SUCCEEDED:
        raise JobFailed(failure(job), job)
    return job


def _fault_lines(problem: Problem) -> list[str]:
    """Return a line for each fault, without the only one if `problem.detail` states it."""
    lines = [f"{fault.get('pointer', '')}: {fault.get('detail', '')}" for fault in problem.errors]
    return [f"  {line}" for line in lines if line.removeprefix(": ") != problem.detail]


def _problem(response: httpx.Response) -> Problem:
    """Parse a problem document; a gateway's error page becomes one that states its status."""
    try:
        document = response.json()
        title = str(document["title"])
        return Problem(
            type=str(document.get("type") or "about:blank"),
            title=title,
            detail=str(document.get("detail") or title),
            errors=document.get("errors") or [],
        )
    except (ValueError, KeyError, TypeError, AttributeError):  # pydantic's error is a ValueError
        detail = f"{response.request.url} answered {response.status_code}"
        return Problem(title=response.reason_phrase, detail=detail)


def _seconds(header: str | None) -> float | None:
    """Parse a `Retry-After` header in seconds; one that is a date gives None."""
    try:
        return None if header is None else float(header)
    except ValueError:
        return None
