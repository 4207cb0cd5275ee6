"""What a request may take of its caller's rates: a dependency of the routes that are counted."""

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
    """The rates of a service; None where there is none."""

    predictions: TokenBuckets | None = None
    jobs: TokenBuckets | None = None

    @classmethod
    def of(cls, settings: Settings, *, clock: Callable[[], int] = time.monotonic_ns) -> Self:
        """Make buckets for what the settings limit.

        Args:
            settings: Say how much, and 0 for any amount.
            clock: A monotonic clock, in nanoseconds.
        """
        items, jobs = settings.predict_items_per_minute, settings.jobs_per_hour
        return cls(
            predictions=TokenBuckets(Quota("predictions", "items", items, MINUTE), clock=clock)
            if items
            else None,
            jobs=TokenBuckets(Quota("jobs", "jobs", jobs, HOUR), clock=clock) if jobs else None,
        )


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What one request may spend.

    Attributes:
        buckets: None where nothing is counted.
        caller: Whose bucket.
        response: Where it is told what is left.
    """

    buckets: TokenBuckets | None
    caller: str
    response: Response

    @contextmanager
    def acquire(self, amount: int) -> Iterator[None]:
        """Spend for what the block does; what fails, for whatever reason we know, costs nothing.

        Raises:
            RateExceeded: There is not enough left.
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


def _rate_limit_of(
    choose: Callable[[RateLimits], TokenBuckets | None],
) -> Callable[[Request, Response], Awaitable[RateLimit]]:
    """Make the dependency that counts one kind of request."""

    async def rate_limit(request: Request, response: Response) -> RateLimit:
        return RateLimit(choose(request.app.state.rate_limits), caller_of(request), response)

    return rate_limit


def caller_of(request: Request) -> str:
    """Return who asks: the key where there are keys, else the address.

    A home or a firm has 2^64 addresses of IPv6, and counts as one.
    """
    if caller := getattr(request.state, "caller", None):
        return str(caller)
    host = request.client.host if request.client else "nobody"
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Network((int(address), 64), strict=False))
    return host


PredictionRateLimit = Annotated[RateLimit, Depends(_rate_limit_of(lambda rates: rates.predictions))]
JobRateLimit = Annotated[RateLimit, Depends(_rate_limit_of(lambda rates: rates.jobs))]
