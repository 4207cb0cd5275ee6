"""Token buckets per caller, each stored as a single number.

The number is the time at which the bucket will be full again (the "theoretical arrival time" of the generic
cell rate algorithm, ITU-T I.371). The tokens left and the time to wait follow from it exactly, in integer
nanoseconds. A bucket that is full again carries no information and is dropped, which bounds the memory.
"""

import heapq
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.parsing.problems import RateExceeded

SECOND: Final = 10**9
"""In nanoseconds."""

MAX_CALLERS: Final = 10_000
"""Buckets stored at once: about a megabyte."""


@dataclass(frozen=True, slots=True)
class Quota:
    """The quota of each caller.

    Attributes:
        name: Name of the policy in the ``RateLimit`` headers.
        unit: What a token stands for, in the plural, such as ``items``.
        amount: Tokens per window; also the capacity of the bucket.
        seconds: Length of the window.
    """

    name: str
    unit: str
    amount: int
    seconds: int

    @property
    def policy(self) -> str:
        """The value of the ``RateLimit-Policy`` header."""
        return f'"{self.name}";q={self.amount};w={self.seconds}'


class TokenBuckets:
    """A token bucket for each caller, in this process only.

    Args:
        quota: The quota of each caller.
        clock: A monotonic clock, in nanoseconds.
        max_callers: Buckets stored at once; beyond it, those that are nearest to full are dropped.
    """

    def __init__(
        self,
        quota: Quota,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        max_callers: int = MAX_CALLERS,
    ) -> None:
        self._quota = quota
        self._window = quota.seconds * SECOND
        self._clock = clock
        self._max_callers = max_callers
        self._full_at: dict[str, int] = {}
        self._lock = threading.Lock()  # submissions run in threads

    def __len__(self) -> int:
        return len(self._full_at)

    def acquire(self, caller: str, amount: int) -> Mapping[str, str]:
        """Take tokens from a caller's bucket.

        A full bucket grants more than its capacity; the caller's next requests then wait until all of it is
        refilled. So no request is too large to be ever granted, and the average rate still holds.

        Args:
            caller: The id of the caller.
            amount: The number of tokens.

        Returns:
            The ``RateLimit`` headers (draft-ietf-httpapi-ratelimit-headers-10). Their ``t`` is the time in
            seconds until the bucket is full again.

        Raises:
            RateExceeded: The bucket has too few tokens; its ``Retry-After`` is the first whole second with
                enough.
        """
        with self._lock:
            now = self._clock()
            until_full = max(self._full_at.get(caller, now) - now, 0)
            wait = until_full + self._refill_time(min(amount, self._quota.amount)) - self._window
            if wait > 0:
                raise self._exceeded(amount, wait=wait, headers=self._headers(until_full))
            self._make_room(caller, now)
            until_full += self._refill_time(amount)
            self._full_at[caller] = now + until_full
            return self._headers(until_full)

    def refund(self, caller: str, amount: int) -> None:
        """Return tokens of a request that was not served."""
        with self._lock:
            if caller in self._full_at:
                self._full_at[caller] -= self._refill_time(amount)

    def _refill_time(self, amount: int) -> int:
        """Return the time in which so many tokens are refilled, in nanoseconds, rounded down."""
        return amount * self._window // self._quota.amount

    def _headers(self, until_full: int) -> dict[str, str]:
        remaining = max(self._window - until_full, 0) * self._quota.amount // self._window
        reset = -(-until_full // SECOND)
        return {
            "ratelimit-policy": self._quota.policy,
            "ratelimit": f'"{self._quota.name}";r={remaining};t={reset}',
        }

    def _exceeded(self, amount: int, *, wait: int, headers: Mapping[str, str]) -> RateExceeded:
        seconds = -(-wait // SECOND)
        quota = self._quota
        return RateExceeded(
            f"the limit is {quota.amount} {quota.unit} in {quota.seconds} seconds; "
            f"for {amount} more, try again after {seconds} seconds",
            headers={**headers, "retry-after": str(seconds)},
        )

    def _make_room(self, caller: str, now: int) -> None:
        """Drop all full buckets and the fuller half of the others if there is no room for a new caller."""
        if caller in self._full_at or len(self._full_at) < self._max_callers:
            return
        not_full = ((full_at, name) for name, full_at in self._full_at.items() if full_at > now)
        emptiest = heapq.nlargest(self._max_callers // 2, not_full)
        self._full_at = {name: full_at for full_at, name in emptiest}
