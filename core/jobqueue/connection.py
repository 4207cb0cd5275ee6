"""The way to Redis: how long it may take, and what its failures are called here."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from core.errors import QueueUnavailable

CONNECT_SECONDS, ANSWER_SECONDS = 1.0, 3.0
"""An api that hangs on a dead Redis is worse than one that says 503."""


def connect(url: str) -> Redis:
    """Return a Redis that is given up after a few seconds; nothing is sent yet.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.

    Raises:
        ValueError: The URL is none of these.
    """
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(ExponentialBackoff(), retries=1, supported_errors=(RedisConnectionError,)),
    )


@contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Turn everything Redis or the way to it may raise into one error of ours."""
    try:
        yield
    except RedisError as error:
        raise QueueUnavailable(f"Redis does not answer: {error}") from error
