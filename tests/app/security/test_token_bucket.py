import pytest

from app.parsing.problems import RateExceeded
from app.security.token_bucket import SECOND, Quota, TokenBuckets

SIXTY_A_MINUTE = Quota("predictions", "items", 60, 60)
SEVEN_A_MINUTE = Quota("jobs", "jobs", 7, 60)


class Clock:
    """A stopped clock that the test moves."""

    def __init__(self) -> None:
        self.now = 10**18

    def __call__(self) -> int:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def buckets(clock: Clock) -> TokenBuckets:
    return TokenBuckets(SIXTY_A_MINUTE, clock=clock)


def refusal(buckets: TokenBuckets, amount: int, caller: str = "a") -> RateExceeded:
    with pytest.raises(RateExceeded) as caught:
        buckets.acquire(caller, amount)
    return caught.value


def wait(buckets: TokenBuckets, amount: int) -> int:
    """Return the ``Retry-After`` seconds of an acquire that is refused."""
    return int(refusal(buckets, amount).headers["retry-after"])


def test_full_bucket_grants_its_capacity_at_once(buckets: TokenBuckets) -> None:
    buckets.acquire("a", 60)

    assert wait(buckets, 1) == 1


def test_bucket_refills_continuously(buckets: TokenBuckets, clock: Clock) -> None:
    buckets.acquire("a", 60)
    clock.move(10)

    assert wait(buckets, 11) == 1
    buckets.acquire("a", 10)
    assert wait(buckets, 10) == 10


def test_bucket_never_exceeds_its_capacity(buckets: TokenBuckets, clock: Clock) -> None:
    buckets.acquire("a", 1)
    clock.move(86_400)
    buckets.acquire("a", 60)

    assert wait(buckets, 1) == 1


@pytest.mark.parametrize("quota", [SIXTY_A_MINUTE, SEVEN_A_MINUTE, Quota("jobs", "jobs", 1_000_003, 3600)])
@pytest.mark.parametrize("amount", [1, 3, 7])
def test_retry_after_is_exact_to_the_second(clock: Clock, quota: Quota, amount: int) -> None:
    buckets = TokenBuckets(quota, clock=clock)
    buckets.acquire("a", quota.amount)
    clock.move(0.25)
    seconds = wait(buckets, quota.amount // 7 * amount)

    clock.move(seconds - 1)
    refusal(buckets, quota.amount // 7 * amount)
    clock.move(1)
    buckets.acquire("a", quota.amount // 7 * amount)


def test_refused_acquire_costs_no_tokens(buckets: TokenBuckets) -> None:
    buckets.acquire("a", 50)
    for _ in range(10):
        refusal(buckets, 20)

    buckets.acquire("a", 10)


def test_full_bucket_grants_more_than_its_capacity_and_recovers_later(
    buckets: TokenBuckets, clock: Clock
) -> None:
    buckets.acquire("a", 180)
    assert wait(buckets, 1) == 121

    clock.move(121)
    buckets.acquire("a", 1)
    assert wait(buckets, 180) == 60
    clock.move(60)
    buckets.acquire("a", 180)


def test_each_caller_has_its_own_bucket(buckets: TokenBuckets) -> None:
    buckets.acquire("a", 60)
    buckets.acquire("b", 60)

    refusal(buckets, 1, "a")
    refusal(buckets, 1, "b")


def test_refunded_tokens_can_be_acquired_again(buckets: TokenBuckets) -> None:
    buckets.acquire("a", 60)
    buckets.refund("a", 60)

    buckets.acquire("a", 60)


def test_headers_contain_quota_remaining_and_reset(buckets: TokenBuckets, clock: Clock) -> None:
    assert buckets.acquire("a", 20) == {
        "ratelimit-policy": '"predictions";q=60;w=60',
        "ratelimit": '"predictions";r=40;t=20',
    }
    clock.move(5.5)
    assert buckets.acquire("a", 1)["ratelimit"] == '"predictions";r=44;t=16'
    assert buckets.acquire("b", 180)["ratelimit"] == '"predictions";r=0;t=180'


def test_rate_exceeded_has_headers_and_a_message(buckets: TokenBuckets) -> None:
    buckets.acquire("a", 60)
    refused = refusal(buckets, 3)

    assert refused.headers == {
        "ratelimit-policy": '"predictions";q=60;w=60',
        "ratelimit": '"predictions";r=0;t=60',
        "retry-after": "3",
    }
    assert str(refused) == "the limit is 60 items in 60 seconds; for 3 more, try again after 3 seconds"


@pytest.mark.parametrize("spent", range(1, 8))
def test_rounding_loses_no_token(clock: Clock, spent: int) -> None:
    buckets = TokenBuckets(SEVEN_A_MINUTE, clock=clock)
    for left in range(6, 6 - spent, -1):
        assert f";r={left};" in buckets.acquire("a", 1)["ratelimit"]


def test_bucket_count_is_bounded(clock: Clock) -> None:
    buckets = TokenBuckets(SIXTY_A_MINUTE, clock=clock, max_callers=10)
    buckets.acquire("greedy", 60)
    for number in range(1_000):
        buckets.acquire(str(number), 1)
        assert len(buckets) <= 10

    refusal(buckets, 1, "greedy")


def test_full_buckets_are_dropped_first(clock: Clock) -> None:
    buckets = TokenBuckets(SIXTY_A_MINUTE, clock=clock, max_callers=10)
    for number in range(10):
        buckets.acquire(str(number), 1)
    clock.move(60)
    buckets.acquire("new", 1)

    assert len(buckets) == 1
