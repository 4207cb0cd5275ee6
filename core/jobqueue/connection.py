"""Connections to Redis: timeouts and error translation."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from core.errors import QueueUnavailable

CONNECT_SECONDS, ANSWER_SECONDS = 1.0, 3.0
"""Timeouts. An API that hangs on an unavailable Redis is worse than one that responds with 503."""


def connect(url: str) -> Redis:
    """Return a Redis client with short timeouts; the connection is opened by the first command.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.

    Raises:
        ValueError: The URL has another scheme.
    """
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(ExponentialBackoff(), retries=1, supported_errors=(RedisConnectionError,)),
    )


@contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Translate all errors of the Redis client to `QueueUnavailable`."""
    try:
        yield
    except RedisError as error:
        raise QueueUnavailable(f"Redis does not answer: {error}") from error
