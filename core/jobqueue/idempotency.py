"""What requests were answered, so that a repeat of one does no work twice."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, cast

from redis import Redis

from core.errors import Conflict
from core.jobqueue.connection import translate_redis_errors

ANSWER_MEMORY_SECONDS: Final = 24 * 3600


class IdempotencyStore:
    """Answers by the name that a client gave its request; kept for a day.

    Args:
        connection: A Redis that answers bytes.
    """

    def __init__(self, connection: Redis) -> None:
        self._redis = connection

    def remember(self, key: str, fingerprint: str, value: Mapping[str, Any]) -> bool:
        """Keep the answer to a request.

        Args:
            key: What the client calls its request: the ``Idempotency-Key``.
            fingerprint: Tells what was asked, to notice a key used for something else.
            value: The answer, as JSON.

        Returns:
            True if this was the first; False if an answer is there already, which then stays.
        """
        kept = json.dumps({"fingerprint": fingerprint, "value": dict(value)})
        with translate_redis_errors():
            return bool(self._redis.set(_key(key), kept, nx=True, ex=ANSWER_MEMORY_SECONDS))

    def recall(self, key: str, fingerprint: str) -> dict[str, Any] | None:
        """Return the answer that was kept, or None.

        Raises:
            Conflict: The key was used for another request.
        """
        with translate_redis_errors():
            kept = cast("bytes | None", self._redis.get(_key(key)))
        if kept is None:
            return None
        answer = json.loads(kept)
        if answer["fingerprint"] != fingerprint:
            raise Conflict("this Idempotency-Key was used for another request")
        return cast("dict[str, Any]", answer["value"])

    def forget(self, key: str) -> None:
        """Drop an answer, for a request that came to nothing after it was kept."""
        with translate_redis_errors():
            self._redis.delete(_key(key))


def _key(key: str) -> str:
    """Name an answer by a digest, for a client may send a key of any length."""
    return f"xmetra:answer:{hashlib.sha256(key.encode()).hexdigest()}"
