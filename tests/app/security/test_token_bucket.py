import pytest

from app.parsing.problems import RateExceeded
from app.security.token_bucket import SECOND, Quota, TokenBuckets

SIXTY_A_MINUTE = Quota("predictions", "items", 60, 60)
SEVEN_A_MINUTE = Quota("jobs", "jobs", 7, 60)


class Clock:
    """Stands still until it is moved."""

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
    with pytest.raises(RateExceeded) as told:
        buckets.acquire(caller, amount)
    return told.value


def wait(buckets: TokenBuckets, amount: int) -> int:
    """Return how many seconds a caller who asks for too much is told to wait."""
    return int(refusal(buckets, amount).headers["retry-after"])


def test_a_full_bucket_gives_all_it_has_at_once_and_then_none(buckets: TokenBuckets) -> None:
    buckets.acquire("a", 60)

    assert wait(buckets, 1) == 1


def test_tokens_flow_in_one_by_one(buckets: TokenBuckets, clock: Clock) -> None:
    buckets.acquire("a", 60)
    clock.move(10)

    assert wait(buckets, 11) == 1
    buckets.acquire("a", 10)
    assert wait(buckets, 10) == 10


def test_a_bucket_holds_no_more_than_its_amount(buckets: TokenBuckets, clock: Clock) -> None:
    buckets.acquire("a", 1)
    clock.move(86_400)
    buckets.acquire("a", 60)

    assert wait(buckets, 1) == 1


@pytest.mark.parametrize("quota", [SIXTY_A_MINUTE, SEVEN_A_MINUTE, Quota("jobs", "jobs", 1_000_003, 3600)])
@pytest.mark.parametrize("amount", [1, 3, 7])
def test_the_time_that_is_told_is_exact_to_the_second(clock: Clock, quota: Quota, amount: int) -> None:
    buckets = TokenBuckets(quota, clock=clock)
    buckets.acquire("a", quota.amount)
    clock.move(0.25)
    told = wait(buckets, quota.amount // 7 * amount)

    clock.move(told - 1)
    refusal(buckets, quota.amount // 7 * amount)
    clock.move(1)
    buckets.acquire("a", quota.amount // 7 * amount)


def test_what_is_refused_costs_nothing(buckets: TokenBuckets) -> None:
    buckets.acquire("a", 50)
    for _ in range(10):
        refusal(buckets, 20)

    buckets.acquire("a", 10)


def test_more_than_a_bucket_holds_is_given_while_it_is_full_and_paid_for_afterwards(
    buckets: TokenBuckets, clock: Clock
) -> None:
    buckets.acquire("a", 180)
    assert wait(buckets, 1) == 121

    clock.move(121)
    buckets.acquire("a", 1)
    assert wait(buckets, 180) == 60
    clock.move(60)
    buckets.acquire("a", 180)


def test_each_caller_has_a_bucket_of_its_own(buckets: TokenBuckets) -> None:
    buckets.acquire("a", 60)
    buckets.acquire("b", 60)

    refusal(buckets, 1, "a")
    refusal(buckets, 1, "b")


def test_what_is_given_back_can_be_spent_again(buckets: TokenBuckets) -> None:
    buckets.acquire("a", 60)
    buckets.refund("a", 60)

    buckets.acquire("a", 60)


def test_the_headers_tell_the_quota_what_is_left_and_when_it_is_full_again(
    buckets: TokenBuckets, clock: Clock
) -> None:
    assert buckets.acquire("a", 20) == {
        "ratelimit-policy": '"predictions";q=60;w=60',
        "ratelimit": '"predictions";r=40;t=20',
    }
    clock.move(5.5)
    assert buckets.acquire("a", 1)["ratelimit"] == '"predictions";r=44;t=16'
    assert buckets.acquire("b", 180)["ratelimit"] == '"predictions";r=0;t=180'


def test_a_refusal_has_the_same_headers_and_a_sentence(buckets: TokenBuckets) -> None:
    buckets.acquire("a", 60)
    refused = refusal(buckets, 3)

    assert refused.headers == {
        "ratelimit-policy": '"predictions";q=60;w=60',
        "ratelimit": '"predictions";r=0;t=60',
        "retry-after": "3",
    }
    assert str(refused) == "the limit is 60 items in 60 seconds; for 3 more, try again after 3 seconds"


@pytest.mark.parametrize("spent", range(1, 8))
def test_no_token_is_lost_to_rounding(clock: Clock, spent: int) -> None:
    buckets = TokenBuckets(SEVEN_A_MINUTE, clock=clock)
    for left in range(6, 6 - spent, -1):
        assert f";r={left};" in buckets.acquire("a", 1)["ratelimit"]


def test_callers_without_number_are_kept_in_bounded_memory(clock: Clock) -> None:
    buckets = TokenBuckets(SIXTY_A_MINUTE, clock=clock, max_callers=10)
    buckets.acquire("greedy", 60)
    for number in range(1_000):
        buckets.acquire(str(number), 1)
        assert len(buckets) <= 10

    refusal(buckets, 1, "greedy")


def test_buckets_that_are_full_again_are_the_first_to_go(clock: Clock) -> None:
    buckets = TokenBuckets(SIXTY_A_MINUTE, clock=clock, max_callers=10)
    for number in range(10):
        buckets.acquire(str(number), 1)
    clock.move(60)
    buckets.acquire("new", 1)

    assert len(buckets) == 1
