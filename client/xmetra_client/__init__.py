"""Typed client of xmetra: `Client`, `AsyncClient`, the handles of jobs, and the exceptions."""

from xmetra_client.client import AsyncClient, Client
from xmetra_client.errors import (
    FINAL_STATUSES,
    ApiError,
    ClientError,
    Conflict,
    Forbidden,
    InvalidArgument,
    InvalidInput,
    InvalidRequest,
    InvalidResponse,
    JobFailed,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    QueueFull,
    RateLimited,
    RetryableError,
    ServerError,
    ServiceUnavailable,
    ServiceUnreachable,
    StoreFull,
    Unauthenticated,
)
from xmetra_client.jobs import AsyncJob, Job
from xmetra_client.responses import Predictions
from xmetra_client.transport import DEFAULT_URL

__all__ = [
    "DEFAULT_URL",
    "FINAL_STATUSES",
    "ApiError",
    "AsyncClient",
    "AsyncJob",
    "Client",
    "ClientError",
    "Conflict",
    "Forbidden",
    "InvalidArgument",
    "InvalidInput",
    "InvalidRequest",
    "InvalidResponse",
    "Job",
    "JobFailed",
    "NotFound",
    "PayloadTooLarge",
    "PreconditionFailed",
    "Predictions",
    "QueueFull",
    "RateLimited",
    "RetryableError",
    "ServerError",
    "ServiceUnavailable",
    "ServiceUnreachable",
    "StoreFull",
    "Unauthenticated",
]
