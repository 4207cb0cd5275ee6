"""Rate limits of predictions and jobs per caller, as FastAPI dependencies of the limited routes."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Annotated, Self

from fastapi import Depends, Request, Response

from app.security.token_bucket import Quota, TokenBuckets
from app.settings import Settings
from core.errors import XmetraError

MINUTE = 60
HOUR = 60 * MINUTE


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The rate limits of a service.

    Attributes:
        predictions: Items predicted per minute, or None if unlimited.
        jobs: Jobs submitted per hour, or None if unlimited.
    """

    predictions: TokenBuckets | None = None
    jobs: TokenBuckets | None = None

    @classmethod
    def of(cls, settings: Settings, *, clock: Callable[[], int] = time.monotonic_ns) -> Self:
        """Create the token buckets for the limits in the settings.

        Args:
            settings: The limits; 0 means unlimited.
            clock: A monotonic clock, in nanoseconds.
        """
        items, jobs = settings.predict_items_per_minute, settings.jobs_per_hour
        return cls(
            predictions=(
                TokenBuckets(Quota("predictions", "items", items, MINUTE), clock=clock) if items else None
            ),
            jobs=TokenBuckets(Quota("jobs", "jobs", jobs, HOUR), clock=clock) if jobs else None,
        )


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The rate limit of one request.

    Attributes:
        buckets: The token buckets of all callers, or None if rate limiting is disabled.
        caller: The id of the caller; see `caller_id`.
        response: The response that gets the ``RateLimit`` headers.
    """

    buckets: TokenBuckets | None
    caller: str
    response: Response

    @contextmanager
    def acquire(self, amount: int) -> Iterator[None]:
        """Acquire tokens for a block, and refund them if it raises `XmetraError`.

        Args:
            amount: The number of tokens.

        Raises:
            RateExceeded: The caller has too few tokens left.
        """
        if self.buckets is None:
            yield
            return
        headers = self.buckets.acquire(self.caller, amount)
        try:
            yield
        except XmetraError:
            self.buckets.refund(self.caller, amount)
            raise
        self.response.headers.update(headers)


def _rate_limit_dependency(
    select: Callable[[RateLimits], TokenBuckets | None],
) -> Callable[[Request, Response], Awaitable[RateLimit]]:
    """Return the FastAPI dependency for one of the rate limits."""

    async def rate_limit(request: Request, response: Response) -> RateLimit:
        return RateLimit(select(request.app.state.rate_limits), caller_id(request), response)

    return rate_limit


def caller_id(request: Request) -> str:
    """Return the id that a caller's rate is counted under: its key if the service has keys, else its address.

    IPv6 addresses are grouped by /64 network, because one household or company controls all 2^64 of them.
    """
    if caller := getattr(request.state, "caller", None):
        return str(caller)
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Network((int(address), 64), strict=False))
    return host


PredictionRateLimit = Annotated[RateLimit, Depends(_rate_limit_dependency(lambda limits: limits.predictions))]
JobRateLimit = Annotated[RateLimit, Depends(_rate_limit_dependency(lambda limits: limits.jobs))]
