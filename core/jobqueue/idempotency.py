"""Responses by idempotency key, so that repeated requests are processed once."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, cast

from redis import Redis

from core.errors import Conflict
from core.jobqueue.connection import translate_redis_errors

RETENTION_SECONDS: Final = 24 * 3600


class IdempotencyStore:
    """Store of responses by idempotency key; they expire after a day.

    Args:
        connection: Redis client that returns bytes.
    """

    def __init__(self, connection: Redis) -> None:
        self._redis = connection

    def save(self, key: str, fingerprint: str, value: Mapping[str, Any]) -> bool:
        """Save the response to a request, unless one is saved already.

        Args:
            key: The ``Idempotency-Key`` of the request.
            fingerprint: Identifies the content of the request, to detect a key that is reused for another
                one.
            value: The response, as JSON.

        Returns:
            Whether the response was saved; False if there is one for the key already.
        """
        entry = json.dumps({"fingerprint": fingerprint, "value": dict(value)})
        with translate_redis_errors():
            return bool(self._redis.set(_key(key), entry, nx=True, ex=RETENTION_SECONDS))

    def load(self, key: str, fingerprint: str) -> dict[str, Any] | None:
        """Return the saved response, or None if there is none.

        Raises:
            Conflict: The key was used for another request.
        """
        with translate_redis_errors():
            entry = cast("bytes | None", self._redis.get(_key(key)))
        if entry is None:
            return None
        document = json.loads(entry)
        if document["fingerprint"] != fingerprint:
            raise Conflict("this Idempotency-Key was used for another request")
        return cast("dict[str, Any]", document["value"])

    def delete(self, key: str) -> None:
        """Delete a response, after the processing of its request has failed."""
        with translate_redis_errors():
            self._redis.delete(_key(key))


def _key(key: str) -> str:
    """Return the Redis key of a response: a digest, because a client may send a key of any length."""
    return f"xmetra:answer:{hashlib.sha256(key.encode()).hexdigest()}"
