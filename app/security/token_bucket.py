"""How much a caller may ask for in a time: a token bucket each, kept as one number.

The number is the moment at which the bucket will be full again (the "theoretical arrival time" of the generic
cell rate algorithm, ITU-T I.371). What is left, and how long to wait, follow from it exactly, in whole
nanoseconds; a bucket that is full again says nothing and is forgotten, so that memory is bounded.
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
"""TokenBuckets kept at once: about a megabyte."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a caller may ask for.

    Attributes:
        name: In the ``RateLimit`` header.
        what: In a sentence.
        amount: So many in the window, and at once.
        seconds: The window.
    """

    name: str
    what: str
    amount: int
    seconds: int

    @property
    def policy(self) -> str:
        """The quota as ``RateLimit-Policy`` tells it."""
        return f'"{self.name}";q={self.amount};w={self.seconds}'


class TokenBuckets:
    """A token bucket for each caller, in this process alone.

    Args:
        quota: Of each caller.
        clock: A monotonic clock, in nanoseconds.
        max_callers: TokenBuckets kept at once; past it, those that are nearest to full are forgotten.
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

        More than a bucket holds can be asked for as well, while it is full; what comes after waits for all of
        it. So no request is too large to be ever answered, and the rate holds all the same.

        Returns:
            The headers that tell what is left (draft-ietf-httpapi-ratelimit-headers-10). Their ``t`` is the
            time in seconds until the bucket is full again.

        Raises:
            RateExceeded: There are not enough; its ``Retry-After`` is the first whole second with enough.
        """
        with self._lock:
            now = self._clock()
            empty = max(self._full_at.get(caller, now) - now, 0)
            wait = empty + self._worth(min(amount, self._quota.amount)) - self._window
            if wait > 0:
                raise self._exceeded(amount, wait=wait, headers=self._headers(empty))
            self._make_room(caller, now)
            empty += self._worth(amount)
            self._full_at[caller] = now + empty
            return self._headers(empty)

    def refund(self, caller: str, amount: int) -> None:
        """Put tokens back that were spent on nothing."""
        with self._lock:
            if caller in self._full_at:
                self._full_at[caller] -= self._worth(amount)

    def _worth(self, amount: int) -> int:
        """Return the time in which so many tokens flow in, in nanoseconds; never a part of one too much."""
        return amount * self._window // self._quota.amount

    def _headers(self, empty: int) -> dict[str, str]:
        left = max(self._window - empty, 0) * self._quota.amount // self._window
        reset = -(-empty // SECOND)
        return {
            "ratelimit-policy": self._quota.policy,
            "ratelimit": f'"{self._quota.name}";r={left};t={reset}',
        }

    def _exceeded(self, amount: int, *, wait: int, headers: Mapping[str, str]) -> RateExceeded:
        seconds = -(-wait // SECOND)
        quota = self._quota
        return RateExceeded(
            f"the limit is {quota.amount} {quota.what} in {quota.seconds} seconds; "
            f"for {amount} more, try again after {seconds} seconds",
            headers={**headers, "retry-after": str(seconds)},
        )

    def _make_room(self, caller: str, now: int) -> None:
        """Forget the fuller half of the buckets, and all full ones, where there is no room for another."""
        if caller in self._full_at or len(self._full_at) < self._max_callers:
            return
        waiting = ((full_at, name) for name, full_at in self._full_at.items() if full_at > now)
        kept = heapq.nlargest(self._max_callers // 2, waiting)
        self._full_at = {name: full_at for full_at, name in kept}
