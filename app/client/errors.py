"""What goes wrong between the client and the service.

ClientError
├── ServiceUnreachable   nobody answers, or not now
├── RequestRefused       understood, and declined
└── JobFailed            taken, and ended without a result
"""

import httpx

from app.schemas.responses import JobView
from core.contracts.jobs import JobStatus, Problem


class ClientError(Exception):
    """The service did not do what it was asked; the message is for people."""


class ServiceUnreachable(ClientError):
    """Nobody answers, or the service says that it cannot answer now."""


class RequestRefused(ClientError):
    """The service understood and declined.

    Attributes:
        status: The HTTP status.
        problem: What it said (RFC 9457).
    """

    def __init__(self, status: int, problem: Problem) -> None:
        self.status = status
        self.problem = problem
        faults = [f"  {fault.get('pointer', '')}: {fault.get('detail', '')}" for fault in problem.errors]
        super().__init__("\n".join([problem.detail or problem.title, *faults]))


class JobFailed(ClientError):
    """The job ended without a result."""


def failure(job: JobView) -> str:
    """Return why a job has no result."""
    if job.error is None:
        return f"job {job.job_id} was {job.status.value}"
    faults = [f"  {fault.get('pointer', '')}: {fault.get('detail', '')}" for fault in job.error.errors]
    return "\n".join([f"job {job.job_id} {job.status.value}: {job.error.detail}", *faults])


def succeeded(job: JobView) -> JobView:
    """Return a job that has a result.

    Raises:
        JobFailed: It has none.
    """
    if job.status is not JobStatus.SUCCEEDED:
        raise JobFailed(failure(job))
    return job


def refusal(response: httpx.Response) -> ClientError:
    """Return the exception for an answer that is not a success."""
    try:
        told = response.json()
        problem = Problem(
            title=str(told["title"]),
            detail=str(told.get("detail") or told["title"]),
            errors=tuple(told.get("errors") or ()),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = Problem(
            title=response.reason_phrase, detail=f"{response.request.url} answered {response.status_code}"
        )
    if response.status_code in {429, 502, 503, 504}:
        return ServiceUnreachable(problem.detail)
    return RequestRefused(response.status_code, problem)
